import type { EndpointAddress, Endpoints, EndpointSubset, Service } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointPort } from 'kubernetes-types/discovery/v1';
import { familyOf } from '../endpoints/addresses.ts';
import { groupKey, type EndpointGroup } from '../endpointslice/desired.ts';

/** Upstream's --mirroring-max-endpoints-per-subset. */
const maxEndpointsPerSubset = 1000;
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Endpoints that somebody fills by hand for a Service without a selector. */
export function shouldMirror(endpoints: Endpoints | undefined, service: Service | undefined): boolean {
  if (endpoints === undefined || service === undefined || service.spec?.selector !== undefined) return false;
  const { labels, annotations } = endpoints.metadata ?? {};
  return labels?.[skipLabel] !== 'true' && annotations?.[leaderAnnotation] === undefined;
}

function endpointOf(address: EndpointAddress, ready: boolean): Endpoint {
  const { ip, hostname, nodeName, targetRef } = address;
  return {
    addresses: [ip], conditions: { ready }, ...(hostname === undefined || hostname === '' ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }), ...(targetRef === undefined ? {} : { targetRef }),
  };
}

function portsOf(subset: EndpointSubset): EndpointPort[] {
  return (subset.ports ?? []).map(({ name, port, protocol, appProtocol }) => ({ name: name ?? '', port, protocol: protocol ?? 'TCP', ...(appProtocol === undefined ? {} : { appProtocol }) }));
}

/** The subsets as groups of slices; ready addresses are kept before others where there are too many. */
export function mirroredGroups(endpoints: Endpoints): Map<string, EndpointGroup> {
  const groups = new Map<string, EndpointGroup>();
  for (const subset of endpoints.subsets ?? []) {
    const ports = portsOf(subset);
    const all = [...(subset.addresses ?? []).map((address) => endpointOf(address, true)), ...(subset.notReadyAddresses ?? []).map((address) => endpointOf(address, false))];
    for (const endpoint of all.slice(0, maxEndpointsPerSubset)) {
      const addressType = familyOf(endpoint.addresses[0] ?? '');
      const key = groupKey(addressType, ports);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { addressType, ports, endpoints: [endpoint] });
      else group.endpoints.push(endpoint);
    }
  }
  return groups;
}

export function mirroredAnnotations(endpoints: Endpoints): Record<string, string> {
  return Object.fromEntries(Object.entries(endpoints.metadata?.annotations ?? {}).filter(([key]) => key !== lastAppliedAnnotation));
}
