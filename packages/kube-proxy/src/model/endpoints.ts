import type { Endpoint as ApiEndpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { joinHostPort, type IpFamily } from './addresses.ts';
import { externallyAccessible, type ServicePort } from './service-port.ts';

/** One address and port behind a service port. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** `ip:port` */
  readonly address: string;
  readonly isLocal: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Zones it is meant for; empty: no hint. */
  readonly zones: readonly string[];
}

export const serviceNameLabel = 'kubernetes.io/service-name';
const headlessLabel = 'service.kubernetes.io/headless';

function endpointOf(endpoint: ApiEndpoint, ip: string, port: number, nodeName: string): Endpoint {
  const ready = endpoint.conditions?.ready ?? true;
  return {
    ip, port, address: joinHostPort(ip, port),
    isLocal: endpoint.nodeName === nodeName,
    ready,
    serving: endpoint.conditions?.serving ?? ready,
    terminating: endpoint.conditions?.terminating ?? false,
    zones: (endpoint.hints?.forZones ?? []).map(({ name }) => name),
  };
}

/** By `namespace/service` then port name; sorted by address, each address once. */
export type EndpointMap = ReadonlyMap<string, ReadonlyMap<string, readonly Endpoint[]>>;

/** During a move an address may stand in two slices: the one that says ready wins. */
function better(a: Endpoint, b: Endpoint | undefined): Endpoint {
  return b === undefined || (a.ready && !b.ready) ? a : b;
}

export function endpointMapOf(slices: Iterable<EndpointSlice>, family: IpFamily, nodeName: string): EndpointMap {
  const collected = new Map<string, Map<string, Map<string, Endpoint>>>();
  for (const slice of slices) {
    const labels = slice.metadata?.labels ?? {};
    const service = labels[serviceNameLabel];
    if (service === undefined || slice.addressType !== family || Object.hasOwn(labels, headlessLabel)) continue;
    const key = `${slice.metadata?.namespace ?? ''}/${service}`;
    const ports = collected.get(key) ?? new Map<string, Map<string, Endpoint>>();
    collected.set(key, ports);
    for (const { name = '', port } of slice.ports ?? []) {
      if (port === undefined) continue;
      const byAddress = ports.get(name) ?? new Map<string, Endpoint>();
      ports.set(name, byAddress);
      // Go's encoder writes an empty list as null.
      for (const item of (slice.endpoints as ApiEndpoint[] | null) ?? []) {
        const ip = item.addresses[0];
        if (ip === undefined) continue;
        const endpoint = endpointOf(item, ip, port, nodeName);
        byAddress.set(endpoint.address, better(endpoint, byAddress.get(endpoint.address)));
      }
    }
  }
  const sorted = (byAddress: Map<string, Endpoint>): Endpoint[] => [...byAddress.values()].toSorted((a, b) => (a.address < b.address ? -1 : 1));
  return new Map([...collected].map(([key, ports]) => [key, new Map([...ports].map(([name, byAddress]) => [name, sorted(byAddress)]))]));
}

/** Which endpoints take traffic, by the policy in force. */
export interface ChosenEndpoints {
  /** For policy Cluster. */
  readonly cluster: readonly Endpoint[];
  /** For policy Local. */
  readonly local: readonly Endpoint[];
  /** Is there any, here or elsewhere? It decides between refusing and dropping. */
  readonly hasAny: boolean;
}

/** Ready ones; if there is none, those that still serve while they end: better than refusing. */
function usable(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating);
}

/** Only if every ready endpoint has a hint and some are meant for this zone. */
function inZone(endpoints: readonly Endpoint[], zone: string): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  if (zone === '' || ready.length === 0 || ready.some((endpoint) => endpoint.zones.length === 0)) return endpoints;
  const near = endpoints.filter((endpoint) => endpoint.zones.includes(zone));
  return near.some((endpoint) => endpoint.ready) ? near : endpoints;
}

export function chooseEndpoints(port: ServicePort, endpoints: readonly Endpoint[], zone: string): ChosenEndpoints {
  const outside = externallyAccessible(port);
  const usesCluster = !port.internalLocal || (outside && !port.externalLocal);
  const usesLocal = port.internalLocal || (outside && port.externalLocal);
  const cluster = usesCluster ? usable(port.followsHints ? inZone(endpoints, zone) : endpoints) : [];
  const local = usesLocal ? usable(endpoints.filter((endpoint) => endpoint.isLocal)) : [];
  const hasAny = usesCluster ? cluster.length > 0 || local.length > 0 : usable(endpoints).length > 0;
  return { cluster, local, hasAny };
}
