import type { Node, Pod, Service } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointPort } from 'kubernetes-types/discovery/v1';
import { canonicalJson, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { familyOf, hostnameOf, isEndpointCandidate, isHeadless, podAddresses, readinessOf, targetPort, type IpFamily } from '../endpoints/addresses.ts';

/** Endpoints that share address type and ports, and so may share slices. */
export interface EndpointGroup {
  readonly addressType: IpFamily;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}

const zoneLabel = 'topology.kubernetes.io/zone';

export function familiesOf(service: Service): IpFamily[] {
  const families = (service.spec?.ipFamilies ?? []).filter((family): family is IpFamily => family === 'IPv4' || family === 'IPv6');
  if (families.length > 0) return families;
  const address = service.spec?.clusterIP;
  return [address === undefined || address === '' || address === 'None' ? 'IPv4' : familyOf(address)];
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port): EndpointPort[] => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    return [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }) }];
  });
}

export function groupKey(addressType: string, ports: readonly EndpointPort[] | undefined): string {
  return `${addressType} ${(ports ?? []).map(canonicalJson).toSorted().join(' ')}`;
}

function endpointOf(service: Service, pod: Pod, addressType: IpFamily, nodeOf: (name: string) => Node | undefined): Endpoint | undefined {
  const addresses = podAddresses(pod).filter((address) => familyOf(address) === addressType);
  if (addresses.length === 0) return undefined;
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName === undefined ? undefined : nodeOf(nodeName)?.metadata?.labels?.[zoneLabel];
  const hostname = hostnameOf(service, pod);
  return {
    addresses, conditions: { ...readinessOf(service, pod) },
    ...(hostname === undefined ? {} : { hostname }), ...(nodeName === undefined ? {} : { nodeName }), ...(zone === undefined ? {} : { zone }),
    targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: nameOf(pod), uid: uidOf(pod) },
  };
}

export function desiredGroups(service: Service, pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): Map<string, EndpointGroup> {
  const groups = new Map<string, EndpointGroup>();
  for (const addressType of familiesOf(service)) {
    for (const pod of pods) {
      const endpoint = isEndpointCandidate(pod) ? endpointOf(service, pod, addressType, nodeOf) : undefined;
      const ports = portsOf(service, pod);
      // A headless service may have no ports at all; another one without a matching port leads nowhere.
      if (endpoint === undefined || (ports.length === 0 && !(isHeadless(service) && (service.spec?.ports ?? []).length === 0))) continue;
      const key = groupKey(addressType, ports);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { addressType, ports, endpoints: [endpoint] });
      else group.endpoints.push(endpoint);
    }
  }
  return groups;
}
