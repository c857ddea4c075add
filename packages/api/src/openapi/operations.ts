import { parseGvk } from '../description/builtin.ts';
import type { ApiResource, JsonObject } from '../resource.ts';
import { reference, type OpenApiVersion, type Operation } from './types.ts';

type RawOperation = readonly [string, string, string, string | null, string | null, string | null, string | null, number, string];

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Served by every server, though the published description leaves it out. */
const issuer: Operation = {
  path: '/.well-known/openid-configuration/', method: 'get', id: 'getServiceAccountIssuerOpenIDConfiguration', action: null, gvk: null, body: null, response: null, query: [], codes: ['200', '401'],
};

/** Read when OpenAPI is first asked for: no other part of a process needs it. */
export async function builtinOperations(): Promise<Operation[]> {
  const { default: data } = await import('../../data/operations.json', { with: { type: 'json' } });
  const queries = data.queries.map((text) => (text === '' ? [] : text.split(',')));
  return [issuer, ...(data.operations as unknown as readonly RawOperation[]).map(([path, method, id, action, gvk, body, response, query, codes]): Operation => ({
    path, method, id, action, gvk, body, response, query: queries[query] ?? [], codes: codes.split(','),
  }))];
}

const integers = new Set(['limit', 'timeoutSeconds', 'gracePeriodSeconds', 'limitBytes', 'sinceSeconds', 'tailLines', 'ports']);
const booleans = new Set([
  'allowWatchBookmarks', 'watch', 'sendInitialEvents', 'orphanDependents', 'ignoreStoreReadErrorWithClusterBreakingPotential', 'force', 'stderr', 'stdin', 'stdout', 'tty',
  'follow', 'insecureSkipTLSVerifyBackend', 'previous', 'timestamps',
]);

function parameterType(name: string): string {
  return integers.has(name) ? 'integer' : booleans.has(name) ? 'boolean' : 'string';
}

/** `{namespace}` and the like in the path, then the query. */
export function parameters(operation: Operation, version: OpenApiVersion): JsonObject[] {
  const typed = (name: string): JsonObject => (version === 2 ? { type: parameterType(name), uniqueItems: true } : { schema: { type: parameterType(name), uniqueItems: true } });
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  return [
    ...inPath.map((name): JsonObject => ({ name, in: 'path', required: true, ...typed(name) })),
    ...operation.query.map((name): JsonObject => ({ name, in: 'query', ...typed(name) })),
  ];
}

export const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml', 'application/apply-patch+cbor'];
const plain = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const streams = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

export function producedTypes(operation: Operation): string[] {
  if (operation.response === null) return operation.action === 'connect' ? ['*/*'] : ['text/plain', ...plain];
  return operation.action === 'list' || operation.action === 'watch' || operation.action === 'watchlist' ? [...plain, ...streams] : plain;
}

const statusTexts: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted', 401: 'Unauthorized' };

export function responses(operation: Operation, version: OpenApiVersion): JsonObject {
  return Object.fromEntries(operation.codes.map((code): [string, JsonObject] => {
    const description = statusTexts[code] ?? code;
    if (code === '401') return [code, { description }];
    const schema: JsonObject = operation.response === null ? { type: 'string' } : reference(operation.response, version);
    if (version === 2) return [code, { description, schema }];
    return [code, { description, content: Object.fromEntries(producedTypes(operation).map((type) => [type, { schema }])) }];
  }));
}

/** `apps_v1`, as generated clients name their modules. */
function tag(path: string): string {
  const [, prefix = '', first = '', second = ''] = path.split('/');
  if (prefix !== 'api' && prefix !== 'apis') return prefix === '.well-known' ? 'WellKnown' : prefix;
  if (prefix === 'api') return first === '' ? 'core' : 'core_v1';
  const group = first.replace(/\.k8s\.io$/, '').replaceAll(/\.(\w)/g, (_dot, letter: string) => letter.toUpperCase());
  return second === '' || second.startsWith('{') ? group || 'apis' : `${group}_${second}`;
}

export function common(operation: Operation): JsonObject {
  return {
    operationId: operation.id, tags: [tag(operation.path)],
    ...(operation.action === null ? {} : { 'x-kubernetes-action': operation.action }),
    ...(operation.gvk === null ? {} : { 'x-kubernetes-group-version-kind': { ...parseGvk(operation.gvk) } }),
  };
}

const listQuery = 'allowWatchBookmarks,continue,fieldSelector,labelSelector,limit,pretty,resourceVersion,resourceVersionMatch,sendInitialEvents,timeoutSeconds,watch'.split(',');
const writeQuery = ['dryRun', 'fieldManager', 'fieldValidation', 'pretty'];
const patchQuery = ['dryRun', 'fieldManager', 'fieldValidation', 'force', 'pretty'];
const deleteQuery = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'pretty', 'propagationPolicy'];

interface Call { readonly verb: string; readonly method: string; readonly action: string; readonly body?: string; readonly response: string; readonly query: readonly string[]; readonly codes: string }

/** What can be done with a custom resource, by the verbs it has. */
export function customOperations(resource: ApiResource): Operation[] {
  const { group, version, kind, typeName } = resource;
  const base = `/apis/${group}/${version}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.resource}`;
  const named = `${base}/{name}`;
  const own: Record<string, Call[]> = {
    [base]: [
      { verb: 'list', method: 'get', action: 'list', response: `${typeName}List`, query: listQuery, codes: '200,401' },
      { verb: 'create', method: 'post', action: 'post', body: typeName, response: typeName, query: writeQuery, codes: '200,201,202,401' },
      { verb: 'deletecollection', method: 'delete', action: 'deletecollection', body: `${meta}.DeleteOptions`, response: `${meta}.Status`, query: [...deleteQuery, 'labelSelector', 'fieldSelector'], codes: '200,401' },
    ],
    [named]: [
      { verb: 'get', method: 'get', action: 'get', response: typeName, query: ['pretty', 'resourceVersion'], codes: '200,401' },
      { verb: 'update', method: 'put', action: 'put', body: typeName, response: typeName, query: writeQuery, codes: '200,201,401' },
      { verb: 'patch', method: 'patch', action: 'patch', body: `${meta}.Patch`, response: typeName, query: patchQuery, codes: '200,201,401' },
      { verb: 'delete', method: 'delete', action: 'delete', body: `${meta}.DeleteOptions`, response: `${meta}.Status`, query: deleteQuery, codes: '200,202,401' },
    ],
  };
  return Object.entries(own).flatMap(([path, calls]) => calls.filter((call) => resource.verbs.includes(call.verb)).map((call): Operation => ({
    path, method: call.method, id: `${call.action}${kind}${version}${group.replaceAll('.', '')}`, action: call.action, gvk: `${group}/${version}/${kind}`,
    body: call.body ?? null, response: call.response, query: call.query, codes: call.codes.split(','),
  })));
}
