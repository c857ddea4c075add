import { resources, type Client } from '@coxswain/client';
import type { Endpoints, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { MasterLeases } from './master-leases.ts';
import { ensure, ensureFrom } from './ensure.ts';

export interface KubernetesServiceOptions {
  readonly client: Client;
  readonly leases: MasterLeases;
  /** --advertise-address */
  readonly advertiseAddress: string;
  /** Where the server listens, and what the endpoints say. */
  readonly securePort: number;
  /** Absent: the service has none. */
  readonly nodePort?: number | undefined;
  /** False: somebody else keeps the endpoints. Default true. */
  readonly reconcileEndpoints?: boolean;
  /** The first of the service range. */
  readonly clusterIp: string;
}

const [name, namespace] = ['kubernetes', 'default'];
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

async function ensureService({ client, clusterIp, securePort, nodePort }: KubernetesServiceOptions): Promise<void> {
  const ports = [{ name: 'https', protocol: 'TCP' as const, port: 443, targetPort: securePort, ...(nodePort === undefined ? {} : { nodePort }) }];
  const type = nodePort === undefined ? 'ClusterIP' : 'NodePort';
  const wanted: Service = {
    apiVersion: 'v1', kind: 'Service',
    metadata: { name, namespace, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { type, clusterIP: clusterIp, clusterIPs: [clusterIp], ipFamilyPolicy: 'SingleStack', sessionAffinity: 'None', ports },
  };
  await ensure(client, resources.services, wanted, (existing) => {
    const shape = ({ spec }: Service): unknown => [spec?.type ?? 'ClusterIP', ...(spec?.ports ?? []).map((port) => [port.name, port.protocol ?? 'TCP', port.port, port.targetPort, port.nodePort ?? 0])];
    return same(shape(existing), shape(wanted)) ? undefined : { ...existing, spec: { ...existing.spec, type, ports } };
  });
}

/** The controllers must not mirror these endpoints into a second slice: this server writes the slice itself. */
function endpointsOf(addresses: readonly string[], port: number): Endpoints {
  return {
    apiVersion: 'v1', kind: 'Endpoints',
    metadata: { name, namespace, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
}

function sliceOf(addresses: readonly string[], port: number): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: addresses.some((address) => address.includes(':')) ? 'IPv6' : 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

function shapeOfEndpoints(endpoints: Endpoints): unknown {
  const subsets = (endpoints.subsets ?? []).map((subset) => [(subset.addresses ?? []).map((one) => one.ip), (subset.ports ?? []).map((port) => [port.name, port.port])]);
  return [subsets, endpoints.metadata?.labels?.['endpointslice.kubernetes.io/skip-mirror']];
}

function shapeOfSlice(slice: EndpointSlice): unknown {
  return [(slice.endpoints ?? []).map((one) => [one.addresses, one.conditions?.ready]), (slice.ports ?? []).map((port) => [port.name, port.port])];
}

/** The living are read after the object, so that the last writer knows of everybody who wrote before. */
async function publish({ client, leases, securePort }: KubernetesServiceOptions): Promise<void> {
  await ensureFrom(client, resources.endpoints, { namespace, name }, async (existing) => {
    const addresses = await leases.list();
    const wanted = endpointsOf(addresses, securePort);
    // Nobody lives: leave the last address rather than none, it may come back.
    if (addresses.length === 0 || (existing !== undefined && same(shapeOfEndpoints(existing), shapeOfEndpoints(wanted)))) return undefined;
    return { ...wanted, metadata: { ...existing?.metadata, ...wanted.metadata, labels: { ...existing?.metadata?.labels, ...wanted.metadata?.labels } } };
  });
  await ensureFrom(client, resources.endpointslices, { namespace, name }, async (existing) => {
    const addresses = await leases.list();
    const wanted = sliceOf(addresses, securePort);
    if (addresses.length === 0 || (existing !== undefined && same(shapeOfSlice(existing), shapeOfSlice(wanted)))) return undefined;
    return { ...wanted, metadata: { ...existing?.metadata, ...wanted.metadata, labels: { ...existing?.metadata?.labels, ...wanted.metadata?.labels } } };
  });
}

/** Says "I live", then writes who lives. Servers that died have lost their key by then. */
export async function reconcileKubernetesService(options: KubernetesServiceOptions): Promise<void> {
  if (options.reconcileEndpoints !== false) await options.leases.renew(options.advertiseAddress);
  await ensureService(options);
  if (options.reconcileEndpoints !== false) await publish(options);
}

export async function leaveKubernetesService(options: KubernetesServiceOptions): Promise<void> {
  if (options.reconcileEndpoints === false) return;
  await options.leases.remove(options.advertiseAddress);
  await publish(options);
}
