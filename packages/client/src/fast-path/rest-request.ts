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

/** Undefined: the item says nothing that we know. */
export function requestOf({ namespace, name, bind, status, event, lease, delete: deletion }: FastPathItem): RestRequest | undefined {
  if (bind !== undefined) {
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, ...(bind.uid === '' ? {} : { uid: bind.uid }) }, target: { kind: 'Node', name: bind.node } };
    return { method: 'POST', target: pathOf('v1', 'pods', namespace, name, 'binding'), contentType: json, body: utf8(JSON.stringify(binding)) };
  }
  if (status !== undefined) {
    const target = pathOf(status.apiVersion, status.resource, namespace, name, 'status');
    return status.patchType === '' ? { method: 'PUT', target, contentType: json, body: status.body } : { method: 'PATCH', target, contentType: status.patchType, body: status.body };
  }
  if (event !== undefined) return { method: 'POST', target: pathOf(event.apiVersion, 'events', namespace), contentType: json, body: event.body };
  if (lease !== undefined) return { method: 'PUT', target: pathOf('coordination.k8s.io/v1', 'leases', namespace, name), contentType: json, body: lease.body };
  if (deletion !== undefined) return { method: 'DELETE', target: pathOf(deletion.apiVersion, deletion.resource, namespace, name), contentType: json, body: deletion.body };
  return undefined;
}
