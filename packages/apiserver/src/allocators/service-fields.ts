import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1';

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

function portKey(port: ServicePort): string {
  return `${port.protocol ?? 'TCP'} ${port.port}`;
}

/** A writer that leaves out what was allocated means to keep it. */
export function keepAllocated(service: Service, old: Service): void {
  const [spec, before] = [service.spec, old.spec];
  if (spec === undefined || before === undefined) return;
  if (needsClusterIp(old) && needsClusterIp(service)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if ((spec.clusterIPs ?? []).length === 0 && spec.clusterIP === before.clusterIP && before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs];
  }
  if (needsNodePort(old) && needsNodePort(service)) keepNodePorts(spec, before);
  if (needsHealthCheckNodePort(old) && needsHealthCheckNodePort(service) && !spec.healthCheckNodePort && before.healthCheckNodePort) {
    spec.healthCheckNodePort = before.healthCheckNodePort;
  }
}

function keepNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  const old = new Map((before.ports ?? []).map((port) => [portKey(port), port.nodePort ?? 0]));
  const used = new Set((spec.ports ?? []).map((port) => `${port.protocol ?? 'TCP'} ${port.nodePort ?? 0}`));
  for (const port of spec.ports ?? []) {
    const kept = old.get(portKey(port)) ?? 0;
    const use = `${port.protocol ?? 'TCP'} ${kept}`;
    if ((port.nodePort ?? 0) !== 0 || kept === 0 || used.has(use)) continue;
    port.nodePort = kept;
    used.add(use);
  }
}

/** What the new type has no use for goes, if the writer has only left it as it was. */
export function dropUnneeded(service: Service, old: Service): void {
  const [spec, before] = [service.spec, old.spec];
  if (spec === undefined || before === undefined) return;
  if (needsClusterIp(old) && !needsClusterIp(service) && JSON.stringify(spec.clusterIPs) === JSON.stringify(before.clusterIPs)) {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) delete spec[field];
  }
  if (needsNodePort(old) && !needsNodePort(service) && samePorts(spec, before)) for (const port of spec.ports ?? []) delete port.nodePort;
  if (needsHealthCheckNodePort(old) && !needsHealthCheckNodePort(service) && spec.healthCheckNodePort === before.healthCheckNodePort) delete spec.healthCheckNodePort;
}

function samePorts(a: ServiceSpec, b: ServiceSpec): boolean {
  const ports = (spec: ServiceSpec): string => JSON.stringify((spec.ports ?? []).map((port) => port.nodePort ?? 0));
  return ports(a) === ports(b);
}
