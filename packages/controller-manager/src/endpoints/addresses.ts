import type { Pod, Service, ServicePort } from 'kubernetes-types/core/v1';
import { isDeleting } from '../common/object.ts';
import { isPodReady, isPodTerminal } from '../common/pods.ts';

export type IpFamily = 'IPv4' | 'IPv6';

export function familyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

export function podAddresses(pod: Pod): readonly string[] {
  const listed = (pod.status?.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
  if (listed.length > 0) return listed;
  return pod.status?.podIP === undefined || pod.status.podIP === '' ? [] : [pod.status.podIP];
}

export function podAddress(pod: Pod, family: IpFamily): string | undefined {
  return podAddresses(pod).find((address) => familyOf(address) === family);
}

/** Number of the target port on this pod; undefined where a named port is not found. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  const protocol = port.protocol ?? 'TCP';
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec?.containers ?? [], ...sidecars]) {
    const found = container.ports?.find((candidate) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

/** The pod is to be listed at all: it has an address, has not ended, and is not gone for good. */
export function isEndpointCandidate(pod: Pod): boolean {
  return podAddresses(pod).length > 0 && !isPodTerminal(pod);
}

/** Ready also without passing probes where the service says so. */
export interface Readiness { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean }

export function readinessOf(service: Service, pod: Pod): Readiness {
  const serving = isPodReady(pod);
  const terminating = isDeleting(pod);
  return { serving, terminating, ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating) };
}

/** Headless services name their pods: pods that ask for a hostname in this service's subdomain get a record. */
export function hostnameOf(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname !== undefined && hostname !== '' && subdomain === service.metadata?.name && pod.metadata?.namespace === service.metadata?.namespace ? hostname : undefined;
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

/** Services without a selector are filled by someone else, ExternalName ones by nobody. */
export function hasManagedEndpoints(service: Service): boolean {
  return service.spec?.selector !== undefined && Object.keys(service.spec.selector).length > 0 && service.spec.type !== 'ExternalName';
}
