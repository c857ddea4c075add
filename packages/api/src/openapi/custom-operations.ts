import type { ApiResource } from '../resource.ts';
import { listTypeName } from './custom.ts';
import type { Operation } from './types.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const scale = 'io.k8s.api.autoscaling.v1.Scale';
const listQuery = ['allowWatchBookmarks', 'continue', 'fieldSelector', 'labelSelector', 'limit', 'pretty', 'resourceVersion', 'resourceVersionMatch', 'sendInitialEvents', 'timeoutSeconds', 'watch'];
const readQuery = ['pretty', 'resourceVersion'];
const writeQuery = ['dryRun', 'fieldManager', 'fieldValidation', 'pretty'];
const patchQuery = ['dryRun', 'fieldManager', 'fieldValidation', 'force', 'pretty'];
const deleteQuery = ['dryRun', 'gracePeriodSeconds', 'ignoreStoreReadErrorWithClusterBreakingPotential', 'orphanDependents', 'pretty', 'propagationPolicy'];

/** `crdh.example.com` in names of operations: `CrdhExampleCom`. */
function camel(text: string): string {
  return text.split(/[.-]/).map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join('');
}

interface Call {
  readonly path: string;
  readonly method: string;
  readonly action: string;
  /** What stands before and after the group and version in the operation's name. */
  readonly id: readonly [string, string];
  readonly body: string | null;
  readonly response: string;
  readonly query: readonly string[];
  readonly codes: readonly string[];
}

function subresourceCalls(path: string, name: string, suffix: string, type: string): Call[] {
  return [
    { path, method: 'get', action: 'get', id: ['read', name + suffix], body: null, response: type, query: readQuery, codes: ['200', '401'] },
    { path, method: 'put', action: 'put', id: ['replace', name + suffix], body: type, response: type, query: writeQuery, codes: ['200', '201', '401'] },
    { path, method: 'patch', action: 'patch', id: ['patch', name + suffix], body: `${meta}.Patch`, response: type, query: patchQuery, codes: ['200', '401'] },
  ];
}

function calls(resource: ApiResource): Call[] {
  const { group, version, kind, typeName, namespaced } = resource;
  const root = `/apis/${group}/${version}`;
  const all = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource.resource}`;
  const one = `${all}/{name}`;
  const name = `${namespaced ? 'Namespaced' : ''}${kind}`;
  const list = listTypeName(resource);
  const has = (subresource: string): boolean => resource.subresources.some((known) => known.name === subresource);
  return [
    ...(namespaced ? [{ path: `${root}/${resource.resource}`, method: 'get', action: 'list', id: ['list', `${kind}ForAllNamespaces`], body: null, response: list, query: listQuery, codes: ['200', '401'] } as const] : []),
    { path: all, method: 'get', action: 'list', id: ['list', name], body: null, response: list, query: listQuery, codes: ['200', '401'] },
    { path: all, method: 'post', action: 'post', id: ['create', name], body: typeName, response: typeName, query: writeQuery, codes: ['200', '201', '202', '401'] },
    { path: all, method: 'delete', action: 'deletecollection', id: ['delete', `Collection${name}`], body: null, response: `${meta}.Status`, query: listQuery, codes: ['200', '401'] },
    { path: one, method: 'get', action: 'get', id: ['read', name], body: null, response: typeName, query: readQuery, codes: ['200', '401'] },
    { path: one, method: 'put', action: 'put', id: ['replace', name], body: typeName, response: typeName, query: writeQuery, codes: ['200', '201', '401'] },
    { path: one, method: 'delete', action: 'delete', id: ['delete', name], body: `${meta}.DeleteOptions`, response: `${meta}.Status`, query: deleteQuery, codes: ['200', '202', '401'] },
    { path: one, method: 'patch', action: 'patch', id: ['patch', name], body: `${meta}.Patch`, response: typeName, query: patchQuery, codes: ['200', '401'] },
    ...(has('scale') ? subresourceCalls(`${one}/scale`, name, 'Scale', scale) : []),
    ...(has('status') ? subresourceCalls(`${one}/status`, name, 'Status', typeName) : []),
  ];
}

/** What can be done with a custom resource, named as clients' generators expect it. */
export function customOperations(resource: ApiResource): Operation[] {
  const { group, version, kind } = resource;
  const place = camel(group) + camel(version);
  return calls(resource).map(({ id: [verb, rest], ...call }): Operation => ({ ...call, id: `${verb}${place}${rest}`, gvk: `${group}/${version}/${kind}`, custom: true }));
}
