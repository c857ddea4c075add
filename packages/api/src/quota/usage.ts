import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from 'kubernetes-types/core/v1';
import type { ResourceClaim } from '../dynamic-resources/types.ts';
import type { GroupResource } from '../status-error.ts';
import type { Amounts } from './amounts.ts';
import { podInScope, podUsage } from './pods.ts';

/** Counted by their plain names too, from before `count/` was. */
const plainlyCounted = new Set(['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas', 'services', 'persistentvolumeclaims']);

function countName({ group, resource }: GroupResource): string {
  return `count/${resource}${group === '' ? '' : `.${group}`}`;
}

function serviceUsage({ spec }: Service): Amounts {
  const ports = spec?.ports ?? [];
  const balanced = spec?.type === 'LoadBalancer';
  const nodePorts = spec?.type === 'NodePort' || (balanced && spec?.allocateLoadBalancerNodePorts !== false) ? ports.length
    : balanced ? ports.filter(({ nodePort }) => (nodePort ?? 0) !== 0).length : 0;
  return { 'services.nodeports': String(nodePorts), 'services.loadbalancers': balanced ? '1' : '0' };
}

function claimUsage({ spec, metadata }: PersistentVolumeClaim): Amounts {
  const storage = spec?.resources?.requests?.['storage'];
  const storageClass = metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '';
  const ofClass = (name: string): string => `${storageClass}.storageclass.storage.k8s.io/${name}`;
  return {
    ...(storage === undefined ? {} : { 'requests.storage': storage }),
    ...(storageClass === '' ? {} : { [ofClass('persistentvolumeclaims')]: '1', ...(storage === undefined ? {} : { [ofClass('requests.storage')]: storage }) }),
  };
}

const devicesOfClass = '.deviceclass.resource.k8s.io/devices';
/** What `All` may come to. */
const mostDevices = 32;

function deviceUsage({ spec }: ResourceClaim): Amounts {
  const devices: Record<string, number> = {};
  for (const { deviceClassName, allocationMode, count } of spec?.devices?.requests ?? []) {
    const name = `${deviceClassName}${devicesOfClass}`;
    devices[name] = (devices[name] ?? 0) + (allocationMode === 'ExactCount' ? Number(count ?? 0) : allocationMode === 'All' ? mostDevices : 0);
  }
  return Object.fromEntries(Object.entries(devices).map(([name, amount]) => [name, String(amount)]));
}

function isDeviceClaim({ group, resource }: GroupResource): boolean {
  return group === 'resource.k8s.io' && resource === 'resourceclaims';
}

/** Everything that one object counts for. */
export function quotaUsage(type: GroupResource, object: object, nowMs: number): Amounts {
  const counted = { [countName(type)]: '1', ...(type.group === '' && plainlyCounted.has(type.resource) ? { [type.resource]: '1' } : {}) };
  if (isDeviceClaim(type)) return { ...counted, ...deviceUsage(object) };
  if (type.group !== '') return counted;
  switch (type.resource) {
    case 'pods': return podUsage(object, nowMs);
    case 'services': return { ...counted, ...serviceUsage(object) };
    case 'persistentvolumeclaims': return { ...counted, ...claimUsage(object) };
    default: return counted;
  }
}

const podNames = new Set(['pods', 'cpu', 'memory', 'ephemeral-storage', ...['requests', 'limits'].flatMap((kind) => ['cpu', 'memory', 'ephemeral-storage'].map((name) => `${kind}.${name}`))]);
const serviceNames = new Set(['services', 'services.nodeports', 'services.loadbalancers']);

/** Whether objects of that type can count for an amount of that name. */
function countsFor(type: GroupResource, name: string): boolean {
  if (name === countName(type)) return true;
  if (isDeviceClaim(type)) return name.endsWith(devicesOfClass);
  if (type.group !== '') return false;
  switch (type.resource) {
    case 'pods': return podNames.has(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-') || (name.startsWith('requests.') && name.includes('/') && !name.includes('kubernetes.io/'));
    case 'services': return serviceNames.has(name);
    case 'persistentvolumeclaims': return name === 'persistentvolumeclaims' || name === 'requests.storage' || /\.storageclass\.storage\.k8s\.io\/(persistentvolumeclaims|requests\.storage)$/.test(name);
    default: return plainlyCounted.has(type.resource) && name === type.resource;
  }
}

/** Those of a quota's names that objects of that type can count for. */
export function quotaNames(type: GroupResource, names: readonly string[]): string[] {
  return names.filter((name) => countsFor(type, name));
}

/** Scopes are about pods: a quota that has some speaks of nothing else. */
export function quotaCovers(quota: ResourceQuota, type: GroupResource, object: object): boolean {
  const requirements = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...quota.spec?.scopeSelector?.matchExpressions ?? [],
  ];
  if (requirements.length === 0) return true;
  const pod: Pod = object;
  return type.group === '' && type.resource === 'pods' && requirements.every((requirement) => podInScope(pod, requirement));
}
