import { parseGvk } from '../description/builtin.ts';
import type { JsonObject } from '../resource.ts';
import { reference, type OpenApiVersion, type Operation } from './types.ts';

type RawOperation = readonly [string, string, string, string | null, string | null, string | null, string | null, number, string];

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

const builtinPatchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml', 'application/apply-patch+cbor'];
const plain = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const streams = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

const customPatchTypes = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];
const customTypes = ['application/json', 'application/yaml'];

export function consumedTypes(operation: Operation): readonly string[] {
  if (operation.action === 'patch') return operation.custom === true ? customPatchTypes : builtinPatchTypes;
  return operation.custom === true ? customTypes : ['*/*'];
}

export function producedTypes(operation: Operation): string[] {
  if (operation.custom === true) return customTypes;
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
