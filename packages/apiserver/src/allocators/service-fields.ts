import type { Service } from 'kubernetes-types/core/v1';

export const headless = 'None';

export function needsClusterIp(service: Service): boolean {
  return service.spec?.type !== 'ExternalName';
}

export function needsNodePort(service: Service): boolean {
  const spec = service.spec;
  if (spec?.type === 'NodePort') return true;
  return spec?.type === 'LoadBalancer' && (spec.allocateLoadBalancerNodePorts ?? true);
}

export function needsHealthCheckNodePort(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local';
}

/** Addresses that were allocated; none of a headless service. */
export function clusterIpsOf(service: Service): readonly string[] {
  if (!needsClusterIp(service)) return [];
  const all = service.spec?.clusterIPs ?? (service.spec?.clusterIP ? [service.spec.clusterIP] : []);
  return all.filter((address) => address !== '' && address !== headless);
}

/** Every port of the node that the service holds, the one of health checks among them. */
export function nodePortsOf(service: Service): readonly number[] {
  const ports = (service.spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  return [...new Set([...ports, service.spec?.healthCheckNodePort ?? 0])].filter((port) => port !== 0);
}
