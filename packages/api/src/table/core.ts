import type { JsonObject } from '../resource.ts';
import { condition, containersAndImages, createdAt, firstThree, formatLabels, has, nameOf, number, object, objects, text, texts, type CellsOf } from './cells.ts';
import { since } from './human-duration.ts';

function loadBalancerAddresses(status: JsonObject): string[] {
  const found = objects(object(status, 'loadBalancer'), 'ingress').map((ingress) => text(ingress, 'ip') || text(ingress, 'hostname')).filter((address) => address !== '');
  return [...new Set(found)].sort();
}

function externalAddress(service: JsonObject): string {
  const spec = object(service, 'spec');
  const external = texts(spec, 'externalIPs');
  switch (text(spec, 'type')) {
    case 'ExternalName': return text(spec, 'externalName');
    case 'LoadBalancer': {
      const all = [...loadBalancerAddresses(object(service, 'status')), ...external];
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    case 'ClusterIP': case 'NodePort': return external.length === 0 ? '<none>' : external.join(',');
    default: return '<unknown>';
  }
}

function servicePorts(spec: JsonObject): string {
  const ports = objects(spec, 'ports').map((port) => {
    const node = number(port, 'nodePort');
    return node === 0 ? `${number(port, 'port')}/${text(port, 'protocol')}` : `${number(port, 'port')}:${node}/${text(port, 'protocol')}`;
  });
  return ports.length === 0 ? '<none>' : ports.join(',');
}

export const serviceCells: CellsOf = (service, nowMs) => {
  const spec = object(service, 'spec');
  return [
    nameOf(service), text(spec, 'type'), texts(spec, 'clusterIPs')[0] ?? text(spec, 'clusterIP', '<none>'), externalAddress(service), servicePorts(spec),
    since(createdAt(service), nowMs), formatLabels(object(spec, 'selector')),
  ];
};

function joinHostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

export const endpointsCells: CellsOf = (endpoints, nowMs) => {
  const addresses = objects(endpoints, 'subsets').flatMap((subset) => {
    const ips = objects(subset, 'addresses').map((address) => text(address, 'ip'));
    const ports = objects(subset, 'ports');
    return ports.length === 0 ? ips : ports.flatMap((port) => ips.map((ip) => joinHostPort(ip, number(port, 'port'))));
  });
  return [nameOf(endpoints), firstThree(addresses, '<none>'), since(createdAt(endpoints), nowMs)];
};

export const endpointSliceCells: CellsOf = (slice, nowMs) => {
  const ports = objects(slice, 'ports').map((port) => (has(port, 'port') ? String(number(port, 'port')) : '*'));
  const addresses = objects(slice, 'endpoints').flatMap((endpoint) => texts(endpoint, 'addresses'));
  return [nameOf(slice), text(slice, 'addressType'), firstThree(ports, '<unset>'), firstThree(addresses, '<unset>'), since(createdAt(slice), nowMs)];
};

function nodeStatus(node: JsonObject): string {
  const ready = condition(object(node, 'status'), 'Ready');
  const status = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  return object(node, 'spec')['unschedulable'] === true ? `${status},SchedulingDisabled` : status;
}

const rolePrefix = 'node-role.kubernetes.io/';

function nodeRoles(node: JsonObject): string {
  const labels = object(node, 'metadata', 'labels');
  const roles = Object.keys(labels).filter((key) => key.startsWith(rolePrefix)).map((key) => key.slice(rolePrefix.length)).filter((role) => role !== '');
  const own = text(labels, 'kubernetes.io/role');
  const all = [...new Set(own === '' ? roles : [...roles, own])].sort();
  return all.length === 0 ? '<none>' : all.join(',');
}

export const nodeCells: CellsOf = (node, nowMs) => {
  const status = object(node, 'status');
  const info = object(status, 'nodeInfo');
  const address = (type: string): string => text(objects(status, 'addresses').find((entry) => entry['type'] === type), 'address', '<none>');
  return [
    nameOf(node), nodeStatus(node), nodeRoles(node), since(createdAt(node), nowMs), text(info, 'kubeletVersion'), address('InternalIP'), address('ExternalIP'),
    text(info, 'osImage', '<unknown>'), text(info, 'kernelVersion', '<unknown>'), text(info, 'containerRuntimeVersion', '<unknown>'),
  ];
};

function eventSource(component: string, instance: string): string {
  return instance === '' ? component : `${component}, ${instance}`;
}

/** Either group's event: the newer one names its fields differently. */
export const eventCells: CellsOf = (event, nowMs) => {
  const involved = has(event, 'involvedObject') ? object(event, 'involvedObject') : object(event, 'regarding');
  const source = has(event, 'source') ? object(event, 'source') : object(event, 'deprecatedSource');
  const first = event['firstTimestamp'] ?? event['deprecatedFirstTimestamp'] ?? event['eventTime'];
  const series = has(event, 'series') ? object(event, 'series') : undefined;
  const last = series === undefined ? event['lastTimestamp'] ?? event['deprecatedLastTimestamp'] ?? first : series['lastObservedTime'];
  const count = series === undefined ? number(event, 'count') || number(event, 'deprecatedCount') || 1 : number(series, 'count');
  const name = text(involved, 'name');
  const kind = text(involved, 'kind').toLowerCase();
  return [
    since(last, nowMs), text(event, 'type'), text(event, 'reason'), name === '' ? kind : `${kind}/${name}`, text(involved, 'fieldPath'),
    eventSource(text(source, 'component') || text(event, 'reportingComponent') || text(event, 'reportingController'), text(source, 'host') || text(event, 'reportingInstance')),
    (text(event, 'message') || text(event, 'note')).trim(), since(first, nowMs), count, nameOf(event),
  ];
};

const accessModes: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };

function modes(spec: JsonObject, key = 'accessModes'): string {
  const given = new Set(texts(spec, key));
  return Object.keys(accessModes).filter((mode) => given.has(mode)).map((mode) => accessModes[mode]).join(',');
}

function phase(item: JsonObject): string {
  return has(object(item, 'metadata'), 'deletionTimestamp') ? 'Terminating' : text(object(item, 'status'), 'phase');
}

function storageClass(item: JsonObject): string {
  return text(object(item, 'metadata', 'annotations'), 'volume.beta.kubernetes.io/storage-class') || text(object(item, 'spec'), 'storageClassName');
}

export const persistentVolumeCells: CellsOf = (volume, nowMs) => {
  const spec = object(volume, 'spec');
  const claim = object(spec, 'claimRef');
  return [
    nameOf(volume), text(object(spec, 'capacity'), 'storage', '0'), modes(spec), text(spec, 'persistentVolumeReclaimPolicy'), phase(volume),
    has(spec, 'claimRef') ? `${text(claim, 'namespace')}/${text(claim, 'name')}` : '', storageClass(volume), text(spec, 'volumeAttributesClassName', '<unset>'),
    text(object(volume, 'status'), 'reason'), since(createdAt(volume), nowMs), text(spec, 'volumeMode', '<unset>'),
  ];
};

export const persistentVolumeClaimCells: CellsOf = (claim, nowMs) => {
  const [spec, status] = [object(claim, 'spec'), object(claim, 'status')];
  const volume = text(spec, 'volumeName');
  const bound = volume !== '';
  return [
    nameOf(claim), phase(claim), volume, bound ? text(object(status, 'capacity'), 'storage', '0') : '', bound ? modes(status) : '', storageClass(claim),
    text(spec, 'volumeAttributesClassName', '<unset>'), since(createdAt(claim), nowMs), text(spec, 'volumeMode', '<unset>'),
  ];
};

export const resourceQuotaCells: CellsOf = (quota, nowMs) => {
  const status = object(quota, 'status');
  const [hard, used] = [object(status, 'hard'), object(status, 'used')];
  const usage = (names: readonly string[]): string => names.map((name) => `${name}: ${text(used, name, '0')}/${text(hard, name, '0')}`).join(', ');
  const names = Object.keys(hard).sort();
  return [nameOf(quota), since(createdAt(quota), nowMs), usage(names.filter((name) => !name.startsWith('limits.'))), usage(names.filter((name) => name.startsWith('limits.')))];
};

export const podTemplateCells: CellsOf = (template) => [
  nameOf(template), ...containersAndImages(object(template, 'template', 'spec')), formatLabels(object(template, 'template', 'metadata', 'labels')),
];

export const componentStatusCells: CellsOf = (component) => {
  const healthy = condition(component, 'Healthy');
  const status = healthy?.['status'] === 'True' ? 'Healthy' : healthy?.['status'] === 'False' ? 'Unhealthy' : 'Unknown';
  return [nameOf(component), status, text(healthy, 'message'), text(healthy, 'error')];
};

export { loadBalancerAddresses };
