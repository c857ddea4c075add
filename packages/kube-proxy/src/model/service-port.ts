import type { Service, ServicePort as ApiServicePort } from 'kubernetes-types/core/v1';
import { familyOf, type IpFamily } from './addresses.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** One port of a Service, for one address family: everything that rules are made of. */
export interface ServicePort {
  /** `namespace/name:port`, without `:port` if the port has no name. Rules' comments and chain names go by it. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceName: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIp: string;
  readonly port: number;
  /** 0: none */
  readonly nodePort: number;
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  /** Who may use the load balancer's addresses; empty: everybody. */
  readonly sourceRanges: readonly string[];
  /** 0: no session affinity. */
  readonly affinitySeconds: number;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  readonly healthCheckNodePort: number;
  /** Endpoints' zone hints are to be followed. */
  readonly followsHints: boolean;
}

export function externallyAccessible(port: ServicePort): boolean {
  return port.nodePort !== 0 || port.externalIps.length > 0 || port.loadBalancerIps.length > 0;
}

function clusterIpOf(service: Service, family: IpFamily): string | undefined {
  const { clusterIP = '', clusterIPs = [] } = service.spec ?? {};
  const all = clusterIPs.length > 0 ? clusterIPs : [clusterIP];
  return all.find((ip) => ip !== '' && ip !== 'None' && familyOf(ip) === family);
}

function loadBalancerIps(service: Service, family: IpFamily): string[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  // With mode Proxy traffic must go through the load balancer, so no short cut may be made here.
  return ingress.filter((entry) => (entry as { ipMode?: string }).ipMode !== 'Proxy').map(({ ip = '' }) => ip).filter((ip) => ip !== '' && familyOf(ip) === family);
}

function followsHints(service: Service): boolean {
  const annotations = service.metadata?.annotations ?? {};
  const mode = annotations['service.kubernetes.io/topology-mode'] ?? annotations['service.kubernetes.io/topology-aware-hints'] ?? '';
  return mode === 'Auto' || mode === 'auto' || (service.spec as { trafficDistribution?: string } | undefined)?.trafficDistribution !== undefined;
}

function portOf(service: Service, port: ApiServicePort, clusterIp: string, family: IpFamily): ServicePort {
  const { name: serviceName = '', namespace = '' } = service.metadata ?? {};
  const { spec = {} } = service;
  const portName = port.name ?? '';
  return {
    name: `${namespace}/${serviceName}${portName === '' ? '' : `:${portName}`}`,
    namespace, serviceName, portName, clusterIp,
    protocol: (port.protocol ?? 'TCP') as Protocol,
    port: port.port, nodePort: port.nodePort ?? 0,
    externalIps: (spec.externalIPs ?? []).filter((ip) => familyOf(ip) === family),
    loadBalancerIps: loadBalancerIps(service, family),
    sourceRanges: (spec.loadBalancerSourceRanges ?? []).map((cidr) => cidr.trim()).filter((cidr) => familyOf(cidr) === family),
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800 : 0,
    internalLocal: spec.internalTrafficPolicy === 'Local',
    externalLocal: spec.externalTrafficPolicy === 'Local',
    healthCheckNodePort: spec.healthCheckNodePort ?? 0,
    followsHints: followsHints(service),
  };
}

/** Empty for services that are not ours: headless, ExternalName, or given to another proxy by label. */
export function servicePortsOf(service: Service, family: IpFamily): ServicePort[] {
  if (service.spec?.type === 'ExternalName') return [];
  if (service.metadata?.labels?.['service.kubernetes.io/service-proxy-name'] !== undefined) return [];
  const clusterIp = clusterIpOf(service, family);
  if (clusterIp === undefined) return [];
  return (service.spec?.ports ?? []).map((port) => portOf(service, port, clusterIp, family));
}
