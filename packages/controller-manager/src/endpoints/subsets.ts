import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from 'kubernetes-types/core/v1';
import { canonicalJson, isDeleting, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { familyOf, hostnameOf, isEndpointCandidate, isHeadless, podAddress, podAddresses, readinessOf, targetPort, type IpFamily } from './addresses.ts';

/** More addresses than this are cut off: an Endpoints object has to stay small enough to be watched. */
const maxAddresses = 1000;

interface Group { readonly ports: readonly EndpointPort[]; readonly ready: EndpointAddress[]; readonly notReady: EndpointAddress[] }

export interface Subsets { readonly subsets: EndpointSubset[]; readonly truncated: boolean }

function familyFor(service: Service): IpFamily | undefined {
  const family = service.spec?.ipFamilies?.[0];
  if (family === 'IPv4' || family === 'IPv6') return family;
  const address = service.spec?.clusterIP;
  return address === undefined || address === '' || address === 'None' ? undefined : familyOf(address);
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const hostname = hostnameOf(service, pod);
  return {
    ip, ...(hostname === undefined ? {} : { hostname }), ...(pod.spec?.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: nameOf(pod), uid: uidOf(pod) },
  };
}

/** Ports of a service on one pod; named ones that the pod lacks are left out. */
function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port): EndpointPort[] => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    return [{
      port: number, protocol: port.protocol ?? 'TCP', ...(port.name === undefined ? {} : { name: port.name }),
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    }];
  });
}

/** One subset for each set of ports; addresses and ports sorted, so that equal states are equal objects. */
export function subsetsOf(service: Service, pods: readonly Pod[]): Subsets {
  const groups = new Map<string, Group>();
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  for (const pod of pods) {
    if (!isEndpointCandidate(pod) || (isDeleting(pod) && !publishAll)) continue;
    const family = familyFor(service);
    const ip = family === undefined ? podAddresses(pod)[0] : podAddress(pod, family);
    const ports = portsOf(service, pod);
    const portless = isHeadless(service) && (service.spec?.ports ?? []).length === 0;
    if (ip === undefined || (ports.length === 0 && !portless)) continue;
    const key = canonicalJson(ports);
    let group = groups.get(key);
    if (group === undefined) groups.set(key, group = { ports, ready: [], notReady: [] });
    (readinessOf(service, pod).ready ? group.ready : group.notReady).push(addressOf(service, pod, ip));
  }
  return cut([...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group));
}

function byAddress(a: EndpointAddress, b: EndpointAddress): number {
  return a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;
}

/** Ready addresses are kept before others. */
function cut(groups: readonly Group[]): Subsets {
  let room = maxAddresses;
  const take = (addresses: readonly EndpointAddress[]): EndpointAddress[] => {
    const taken = addresses.toSorted(byAddress).slice(0, room);
    room -= taken.length;
    return taken;
  };
  const total = groups.reduce((count, { ready, notReady }) => count + ready.length + notReady.length, 0);
  const ready = groups.map((group) => take(group.ready));
  const subsets = groups.map((group, index): EndpointSubset => {
    const notReady = take(group.notReady);
    const own = ready[index] ?? [];
    return {
      ...(own.length === 0 ? {} : { addresses: own }), ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
      ...(group.ports.length === 0 ? {} : { ports: [...group.ports].toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1)) }),
    };
  });
  return { subsets: subsets.filter((subset) => subset.addresses !== undefined || subset.notReadyAddresses !== undefined), truncated: total > maxAddresses };
}
