import type { Container, EphemeralContainer, Pod, PodSpec } from 'kubernetes-types/core/v1';

export function specOf(pod: Pod): PodSpec {
  return pod.spec ?? { containers: [] };
}

export function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? '';
}

export function isHostNetwork(pod: Pod): boolean {
  return specOf(pod).hostNetwork === true;
}

/** An init container that keeps running beside the app containers. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

export function initContainers(pod: Pod): readonly Container[] {
  return specOf(pod).initContainers ?? [];
}

export function appContainers(pod: Pod): readonly Container[] {
  return specOf(pod).containers;
}

/** Added to a pod that runs, to look into it (`kubectl debug`); never restarted, and no reason for the pod to live on. */
export function ephemeralContainers(pod: Pod): readonly EphemeralContainer[] {
  return specOf(pod).ephemeralContainers ?? [];
}

/** The container whose processes it shall see. */
export function targetContainerName(container: Container | EphemeralContainer): string | undefined {
  return 'targetContainerName' in container ? container.targetContainerName : undefined;
}

/** Without the ephemeral ones. */
export function allContainers(pod: Pod): readonly Container[] {
  return [...initContainers(pod), ...appContainers(pod)];
}

export function restartPolicy(pod: Pod): string {
  return specOf(pod).restartPolicy ?? 'Always';
}

export function gracePeriodSeconds(pod: Pod): number {
  return pod.metadata?.deletionGracePeriodSeconds ?? specOf(pod).terminationGracePeriodSeconds ?? 30;
}

export function isTerminalPhase(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Part of pod names on disk: logs, etc-hosts. */
export function logDirectoryName(pod: Pod): string {
  return `${pod.metadata?.namespace ?? ''}_${pod.metadata?.name ?? ''}_${uidOf(pod)}`;
}
