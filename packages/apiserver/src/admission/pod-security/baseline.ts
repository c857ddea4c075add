import type { Container, SELinuxOptions } from 'kubernetes-types/core/v1';
import { containersOf, contextOf, named, namesWhere, plural, podContextOf, quoted, setters, sortedSet, type Check, type Subject } from './subject.ts';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

function annotationsOf({ metadata }: Subject): [string, string][] {
  return Object.entries(metadata.annotations ?? {});
}

export const appArmorProfile: Check = (subject) => {
  const bad = (type: string | undefined): type is string => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const ofPod = podContextOf(subject).appArmorProfile?.type;
  const types = containersOf(subject).map((container) => contextOf(container).appArmorProfile?.type);
  const containers = namesWhere(subject, (container) => bad(contextOf(container).appArmorProfile?.type));
  const annotations = annotationsOf(subject)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`).toSorted();
  const who = setters(bad(ofPod), containers, annotations.length === 0 ? [] : [plural(annotations.length, 'annotation')]);
  if (who === undefined) return undefined;
  const values = [...sortedSet([ofPod, ...types].filter(bad)), ...annotations];
  return { reason: plural(values.length, 'forbidden AppArmor profile'), detail: `${who} must not set AppArmor profile type to ${quoted(values)}` };
};

const defaultCapabilities: ReadonlySet<string> = new Set([
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT',
]);

export const capabilities: Check = (subject) => {
  const beyond = (container: Container): string[] => (contextOf(container).capabilities?.add ?? []).filter((one) => !defaultCapabilities.has(one));
  const containers = namesWhere(subject, (container) => beyond(container).length > 0);
  if (containers.length === 0) return undefined;
  const added = sortedSet(containersOf(subject).flatMap(beyond));
  return { reason: 'non-default capabilities', detail: `${named('container', containers)} must not include ${quoted(added)} in securityContext.capabilities.add` };
};

export const hostNamespaces: Check = ({ spec }) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
  return shared.length === 0 ? undefined : { reason: 'host namespaces', detail: shared.map((field) => `${field}=true`).join(', ') };
};

export const hostPathVolumes: Check = ({ spec }) => {
  const volumes = (spec.volumes ?? []).filter((volume) => volume.hostPath !== undefined).map((volume) => volume.name);
  return volumes.length === 0 ? undefined : { reason: 'hostPath volumes', detail: named('volume', volumes) };
};

export const hostPorts: Check = (subject) => {
  const portsOf = (container: Container): string[] => (container.ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
  const containers = namesWhere(subject, (container) => portsOf(container).length > 0);
  if (containers.length === 0) return undefined;
  const ports = sortedSet(containersOf(subject).flatMap(portsOf));
  return { reason: 'hostPort', detail: `${named('container', containers)} ${plural(containers.length, 'uses', 'use')} ${plural(ports.length, 'hostPort')} ${ports.join(', ')}` };
};

export const privileged: Check = (subject) => {
  const containers = namesWhere(subject, (container) => contextOf(container).privileged === true);
  return containers.length === 0 ? undefined : { reason: 'privileged', detail: `${named('container', containers)} must not set securityContext.privileged=true` };
};

export const procMount: Check = (subject) => {
  const bad = (container: Container): string[] => [contextOf(container).procMount].filter((one) => one !== undefined && one !== 'Default') as string[];
  const containers = namesWhere(subject, (container) => bad(container).length > 0);
  if (containers.length === 0) return undefined;
  return { reason: 'procMount', detail: `${named('container', containers)} must not set securityContext.procMount to ${quoted(sortedSet(containersOf(subject).flatMap(bad)))}` };
};

export function seLinuxOptions(allowedTypes: readonly string[]): Check {
  const bad = (options: SELinuxOptions | undefined): options is SELinuxOptions => options !== undefined && (!allowedTypes.includes(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
  return (subject) => {
    const ofPod = podContextOf(subject).seLinuxOptions;
    const all = [ofPod, ...containersOf(subject).map((container) => contextOf(container).seLinuxOptions)].filter(bad);
    const who = setters(bad(ofPod), namesWhere(subject, (container) => bad(contextOf(container).seLinuxOptions)));
    if (who === undefined) return undefined;
    const types = sortedSet(all.map(({ type = '' }) => type).filter((type) => !allowedTypes.includes(type)));
    const what = [
      ...(types.length === 0 ? [] : [named('type', types)]),
      ...(all.some(({ user }) => Boolean(user)) ? ['user may not be set'] : []),
      ...(all.some(({ role }) => Boolean(role)) ? ['role may not be set'] : []),
    ];
    return { reason: 'seLinuxOptions', detail: `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}` };
  };
}

const seccompPodAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainerPrefix = 'container.seccomp.security.alpha.kubernetes.io/';

/** Before 1.19, where the profile was an annotation. */
export const seccompAnnotations: Check = (subject) => {
  const spokenOf = new Set([seccompPodAnnotation, ...containersOf(subject).map(({ name }) => seccompContainerPrefix + name)]);
  const valid = (value: string): boolean => value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
  const bad = annotationsOf(subject).filter(([key, value]) => spokenOf.has(key) && !valid(value)).map(([key, value]) => `${key}=${JSON.stringify(value)}`).toSorted();
  return bad.length === 0 ? undefined : { reason: 'seccompProfile', detail: `forbidden ${plural(bad.length, 'annotation')} ${bad.join(', ')}` };
};

function badSeccomp(type: string | undefined): type is string {
  return type !== undefined && type !== 'Localhost' && type !== 'RuntimeDefault';
}

export const seccompFields: Check = (subject) => {
  const ofPod = podContextOf(subject).seccompProfile?.type;
  const types = containersOf(subject).map((container) => contextOf(container).seccompProfile?.type);
  const who = setters(badSeccomp(ofPod), namesWhere(subject, (container) => badSeccomp(contextOf(container).seccompProfile?.type)));
  if (who === undefined) return undefined;
  return { reason: 'seccompProfile', detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(sortedSet([ofPod, ...types].filter(badSeccomp)))}` };
};

export function sysctls(allowed: readonly string[]): Check {
  return (subject) => {
    const bad = (podContextOf(subject).sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}

export const windowsHostProcess: Check = (subject) => {
  const containers = namesWhere(subject, (container) => contextOf(container).windowsOptions?.hostProcess === true);
  const who = setters(podContextOf(subject).windowsOptions?.hostProcess === true, containers);
  return who === undefined ? undefined : { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};
