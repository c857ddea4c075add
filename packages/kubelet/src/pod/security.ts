import type { Container, Pod, PodSecurityContext, SeccompProfile, SecurityContext } from 'kubernetes-types/core/v1';
import type { LinuxContainerSecurityContext, LinuxSandboxSecurityContext, NamespaceOption, SecurityProfile } from '../cri/types.ts';
import type { Image } from '../cri/types.ts';
import { specOf } from './pod-facts.ts';

const maskedPaths = [
  '/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
  '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export function namespaceOptions(pod: Pod): NamespaceOption {
  const spec = specOf(pod);
  let pid: NamespaceOption['pid'] = 'CONTAINER';
  if (spec.shareProcessNamespace === true) pid = 'POD';
  if (spec.hostPID === true) pid = 'NODE';
  return { network: spec.hostNetwork === true ? 'NODE' : 'POD', pid, ipc: spec.hostIPC === true ? 'NODE' : 'POD' };
}

function seccomp(profile: SeccompProfile | undefined, seccompDefault: boolean, profileRoot: string): SecurityProfile {
  if (profile === undefined) return { profileType: seccompDefault ? 'RuntimeDefault' : 'Unconfined' };
  if (profile.type === 'Localhost') return { profileType: 'Localhost', localhostRef: `${profileRoot}/${profile.localhostProfile ?? ''}` };
  return { profileType: profile.type === 'RuntimeDefault' ? 'RuntimeDefault' : 'Unconfined' };
}

export interface SecuritySettings { readonly seccompDefault: boolean; readonly seccompRoot: string }

function supplementalGroups(context: PodSecurityContext | undefined): number[] {
  const groups = [...(context?.supplementalGroups ?? [])];
  if (context?.fsGroup !== undefined) groups.push(context.fsGroup);
  return groups;
}

export function sandboxSecurity(pod: Pod, settings: SecuritySettings): LinuxSandboxSecurityContext {
  const context = specOf(pod).securityContext;
  const all = [...(specOf(pod).initContainers ?? []), ...specOf(pod).containers];
  return {
    namespaceOptions: namespaceOptions(pod),
    privileged: all.some((container) => container.securityContext?.privileged === true),
    supplementalGroups: supplementalGroups(context),
    seccomp: seccomp(context?.seccompProfile ?? { type: 'RuntimeDefault' }, settings.seccompDefault, settings.seccompRoot),
    ...(context?.runAsUser === undefined ? {} : { runAsUser: { value: context.runAsUser } }),
    // The runtime refuses a group without a user.
    ...(context?.runAsGroup === undefined || context.runAsUser === undefined ? {} : { runAsGroup: { value: context.runAsGroup } }),
    ...(context?.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
  };
}

export interface EffectiveUser { readonly runAsUser: number | undefined; readonly runAsGroup: number | undefined; readonly runAsNonRoot: boolean }

function effectiveUser(pod: Pod, container: Container): EffectiveUser {
  const podContext = specOf(pod).securityContext;
  const own = container.securityContext;
  return {
    runAsUser: own?.runAsUser ?? podContext?.runAsUser,
    runAsGroup: own?.runAsGroup ?? podContext?.runAsGroup,
    runAsNonRoot: own?.runAsNonRoot ?? podContext?.runAsNonRoot ?? false,
  };
}

/** The reason why the container must not start, in upstream's words; undefined if it may. */
export function nonRootRefusal(pod: Pod, container: Container, image: Image): string | undefined {
  const user = effectiveUser(pod, container);
  if (!user.runAsNonRoot) return undefined;
  const suffix = `(pod: ${JSON.stringify(`${pod.metadata?.name ?? ''}_${pod.metadata?.namespace ?? ''}(${pod.metadata?.uid ?? ''})`)}, container: ${container.name})`;
  if (user.runAsUser === 0) return `container's runAsUser breaks non-root policy ${suffix}`;
  if (user.runAsUser !== undefined) return undefined;
  const imageUid = image.uid?.value;
  if (imageUid === 0 || (imageUid === undefined && image.username === '')) return `container has runAsNonRoot and image will run as root ${suffix}`;
  if (imageUid === undefined && image.username !== '') return `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${suffix}`;
  return undefined;
}

function capabilities(context: SecurityContext | undefined): { addCapabilities: string[]; dropCapabilities: string[] } {
  return { addCapabilities: [...(context?.capabilities?.add ?? [])], dropCapabilities: [...(context?.capabilities?.drop ?? [])] };
}

/** With the namespaces of the container with id `targetId`, if there is one. With the user of the image where the pod names none: the runtime then must be told which, or it would use root. */
export function containerSecurity(pod: Pod, container: Container, image: Image, settings: SecuritySettings, targetId?: string): LinuxContainerSecurityContext {
  const podContext = specOf(pod).securityContext;
  const own = container.securityContext;
  const user = effectiveUser(pod, container);
  const imageUid = image.uid?.value;
  const privileged = own?.privileged === true;
  const selinux = own?.seLinuxOptions ?? podContext?.seLinuxOptions;
  const unmasked = privileged || own?.procMount === 'Unmasked';
  return {
    privileged,
    capabilities: capabilities(own),
    namespaceOptions: targetId === undefined ? namespaceOptions(pod) : { ...namespaceOptions(pod), pid: 'TARGET', targetId },
    readonlyRootfs: own?.readOnlyRootFilesystem === true,
    supplementalGroups: supplementalGroups(podContext),
    noNewPrivs: own?.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
    seccomp: privileged ? { profileType: 'Unconfined' } : seccomp(own?.seccompProfile ?? podContext?.seccompProfile, settings.seccompDefault, settings.seccompRoot),
    ...userFields(user, imageUid, image.username),
    ...(user.runAsGroup === undefined ? {} : { runAsGroup: { value: user.runAsGroup } }),
    ...(selinux === undefined ? {} : { selinuxOptions: selinux }),
  };
}

function userFields(user: EffectiveUser, imageUid: number | undefined, username: string): { runAsUser?: { value: number }; runAsUsername?: string } {
  if (user.runAsUser !== undefined) return { runAsUser: { value: user.runAsUser } };
  if (username !== '') return { runAsUsername: username };
  return { runAsUser: { value: imageUid ?? 0 } };
}
