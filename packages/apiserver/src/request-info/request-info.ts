import type { RequestInfo } from '../types.ts';

/** Subresources of a namespace itself; anything else after its name is a resource inside it. */
const namespaceSubresources = new Set(['status', 'finalize']);

const verbOfMethod: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function decodePath(raw: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

/** Of all requests without one: nobody writes into what was asked. */
const noQuery = new URLSearchParams('');

export function queryOf(target: string): URLSearchParams {
  const mark = target.indexOf('?');
  return mark < 0 ? noQuery : new URLSearchParams(target.slice(mark + 1).split('&').filter(isReadable).join('&'));
}

/** Go drops a parameter that it cannot read and goes on with the others. */
function isReadable(pair: string): boolean {
  return !pair.includes(';') && !/%(?![0-9a-fA-F]{2})/.test(pair);
}

export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
}

/** `metadata.name=x` as the only way by which a field selector names one object. */
function nameOfFieldSelector(selector: string | null): string {
  if (selector === null) return '';
  for (const term of selector.split(',')) {
    const match = /^metadata\.name==?([^=!]+)$/.exec(term.trim());
    if (match !== null) return match[1] as string;
  }
  return '';
}

function readVerb(method: string, name: string, query: URLSearchParams): { verb: string; name: string } {
  const verb = verbOfMethod[method] ?? '';
  if (name !== '') return { verb, name };
  if (verb === 'get') return { verb: isTrue(query.get('watch')) ? 'watch' : 'list', name: nameOfFieldSelector(query.get('fieldSelector')) };
  return { verb: verb === 'delete' ? 'deletecollection' : verb, name };
}

/** Slashes at the ends count for nothing, empty parts in the middle do. */
function partsOf(path: string): string[] {
  let start = 0;
  let end = path.length;
  while (start < end && path[start] === '/') start += 1;
  while (end > start && path[end - 1] === '/') end -= 1;
  return start === end ? [] : path.slice(start, end).split('/');
}

/** Whether the path goes to its resource through `namespaces/NAME`. */
export function isInNamespace(info: RequestInfo): boolean {
  const all = partsOf(info.path);
  const prefix = info.apiPrefix === 'api' ? 2 : 3;
  const special = all[prefix] === 'watch' && info.verb === 'watch' ? 1 : 0;
  return all.length - prefix - special - info.parts.length === 2;
}

function other(method: string, path: string, query: URLSearchParams): RequestInfo {
  return {
    isResourceRequest: false, path, query, verb: method.toLowerCase(), apiPrefix: '', group: '', version: '', namespace: '', resource: '', subresource: '',
    name: '', parts: [],
  };
}

/** What the path and method mean; the rules are upstream's, legacy `/watch/` paths included. */
export function requestInfoOf(method: string, target: string): RequestInfo {
  const query = queryOf(target);
  const mark = target.indexOf('?');
  const path = decodePath(mark < 0 ? target : target.slice(0, mark));
  const parts = partsOf(path);
  const apiPrefix = parts[0];
  if ((apiPrefix !== 'api' && apiPrefix !== 'apis') || parts.length < (apiPrefix === 'api' ? 3 : 4)) return other(method, path, query);
  let rest = parts.slice(apiPrefix === 'api' ? 2 : 3);
  const version = parts[apiPrefix === 'api' ? 1 : 2] as string;
  const group = apiPrefix === 'api' ? '' : (parts[1] as string);
  const legacyWatch = rest[0] === 'watch' && rest.length > 1;
  if (legacyWatch) rest = rest.slice(1);
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1] as string;
    if (rest.length > 2 && !namespaceSubresources.has(rest[2] as string)) rest = rest.slice(2);
  }
  const read = readVerb(method, rest[1] ?? '', query);
  return {
    isResourceRequest: true, path, query, apiPrefix, group, version, namespace, parts: rest,
    verb: legacyWatch ? 'watch' : read.verb, resource: rest[0] as string, subresource: rest[2] ?? '', name: read.name,
  };
}
