import { utf8 } from '@coxswain/host';
import type { FastPathItem } from './messages.ts';

/** What an item means: the request that it stands for, which is all that decides its answer. */
export interface RestRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly target: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const json = 'application/json';

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion.split('/').map(encodeURIComponent).join('/')}` : `/api/${encodeURIComponent(apiVersion)}`;
}

export function pathOf(apiVersion: string, resource: string, namespace: string, ...rest: readonly string[]): string {
  const scope = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return [`${groupPath(apiVersion)}${scope}/${encodeURIComponent(resource)}`, ...rest.map(encodeURIComponent)].join('/');
}

function patchOfStatus(apiVersion: string, resource: string, namespace: string, name: string, patchType: string, body: Uint8Array): RestRequest {
  return { method: 'PATCH', target: pathOf(apiVersion, resource, namespace, name, 'status'), contentType: patchType, body };
}

/** What must go well before `requestOf` is done; undefined: nothing. */
export function requestBefore({ namespace, name, delete: deletion }: FastPathItem): RestRequest | undefined {
  if (deletion?.status === undefined || (deletion.statusPatchType ?? '') === '') return undefined;
  return patchOfStatus(deletion.apiVersion, deletion.resource, namespace, name, deletion.statusPatchType as string, deletion.status);
}

/** Undefined: the item says nothing that we know. */
export function requestOf({ namespace, name, bind, status, event, lease, delete: deletion }: FastPathItem): RestRequest | undefined {
  if (bind !== undefined) {
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, ...(bind.uid === '' ? {} : { uid: bind.uid }) }, target: { kind: 'Node', name: bind.node } };
    return { method: 'POST', target: pathOf('v1', 'pods', namespace, name, 'binding'), contentType: json, body: utf8(JSON.stringify(binding)) };
  }
  if (status !== undefined) {
    const { apiVersion, resource, patchType, body } = status;
    return patchType === '' ? { method: 'PUT', target: pathOf(apiVersion, resource, namespace, name, 'status'), contentType: json, body } : patchOfStatus(apiVersion, resource, namespace, name, patchType, body);
  }
  if (event !== undefined) return { method: 'POST', target: pathOf(event.apiVersion, 'events', namespace), contentType: json, body: event.body };
  if (lease !== undefined) return { method: 'PUT', target: pathOf('coordination.k8s.io/v1', 'leases', namespace, name), contentType: json, body: lease.body };
  if (deletion !== undefined) return { method: 'DELETE', target: pathOf(deletion.apiVersion, deletion.resource, namespace, name), contentType: json, body: deletion.body };
  return undefined;
}
