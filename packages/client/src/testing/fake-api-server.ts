import { AsyncQueue, fromUtf8, readAll, utf8, type Host, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { apiVersionOf } from '../resource.ts';
import { resources } from '../resources.ts';
import type { ResourceType } from '../types.ts';
import { mergePatch } from './merge-patch.ts';
import { FakeStore, Refusal, type FakeDeleteOptions, type FakeChange, type FakeKey, type FakeObject } from './fake-store.ts';

interface Target { readonly group: string; readonly version: string; readonly resource: string; readonly namespace: string; readonly name: string; readonly subresource: string; readonly query: URLSearchParams }

type Matches = (object: FakeObject) => boolean;

/** An API server for tests: every resource of `resources`, plus discovery. It can be made to fail on purpose. */
export class FakeApiServer {
  readonly store: FakeStore;
  readonly #watches = new Set<AsyncQueue<Uint8Array>>();
  /** Requests as `METHOD target`, in order. */
  readonly requests: string[] = [];
  /** Answers a response to send instead. */
  intercept: ((request: HttpRequest) => HttpResponse | undefined) | undefined;

  /** 410 comes as an ERROR event of a stream that began well, as it may from a real server, instead of as a status. */
  expireInStream = false;

  constructor(host: Host) {
    this.store = new FakeStore(host);
  }

  readonly handler: HttpHandler = async (request) => {
    this.requests.push(`${request.method} ${request.target}`);
    try {
      return this.intercept?.(request) ?? await this.#handle(request);
    } catch (error) {
      if (error instanceof Refusal) return statusOf(error.code, error.reason, error.message);
      return statusOf(500, 'InternalError', String(error));
    }
  };

  /** Ends every watch that runs, as a server's restart does. */
  breakWatches(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  /** Watches from a revision before now are answered 410 from now on. */
  compact(): void {
    this.store.compactedRevision = this.store.revision;
  }

  async #handle(request: HttpRequest): Promise<HttpResponse> {
    const discovery = discover(request.target.split('?')[0] ?? '');
    if (discovery !== undefined) return json(200, discovery);
    const target = targetOf(request.target);
    if (target === undefined) throw new Refusal(404, 'NotFound', `no such path ${request.target}`);
    const text = fromUtf8(await readAll(request.body));
    const body = text === '' ? undefined : JSON.parse(text) as FakeObject;
    const key: FakeKey = target;
    switch (request.method) {
      case 'GET': return this.#read(request, target);
      case 'POST':
        if (body === undefined) throw new Refusal(400, 'BadRequest', 'no body');
        if (target.subresource === 'binding') return json(201, this.#bind(key, body));
        return json(201, this.store.create(target, body));
      case 'PUT':
        if (body === undefined) throw new Refusal(400, 'BadRequest', 'no body');
        return json(200, this.store.update(key, body, target.subresource));
      case 'PATCH': return json(200, this.#patch(key, body, target.subresource));
      case 'DELETE':
        if (target.name === '') {
          for (const object of this.store.list(target.group, target.resource, target.namespace)) this.store.delete({ ...key, namespace: object.metadata.namespace ?? '', name: object.metadata.name ?? '' }, (body ?? {}) as FakeDeleteOptions);
          return json(200, { kind: 'Status', status: 'Success' });
        }
        return json(200, this.store.delete(key, (body ?? {}) as FakeDeleteOptions));
      default: throw new Refusal(405, 'MethodNotAllowed', request.method);
    }
  }

  #bind(key: FakeKey, binding: FakeObject): unknown {
    const pod = this.store.get(key);
    const target = binding['target'] as { name: string };
    this.store.update(key, { ...pod, spec: { ...pod['spec'] as object, nodeName: target.name } }, '');
    return { kind: 'Status', status: 'Success' };
  }

  #patch(key: FakeKey, patch: unknown, subresource: string): FakeObject {
    const before = this.store.get(key);
    const patched = mergePatch(before, patch) as FakeObject;
    // Only a resourceVersion that the patch itself names is a condition.
    return this.store.update(key, patched, subresource);
  }

  #read(request: HttpRequest, target: Target): HttpResponse {
    if (target.name !== '') return json(200, this.store.get(target));
    const matches = matcherOf(target.query);
    if (target.query.get('watch') === 'true') return this.#watch(request, target, matches);
    const items = this.store.list(target.group, target.resource, target.namespace).filter(matches);
    return json(200, { kind: 'List', metadata: { resourceVersion: String(this.store.revision) }, items });
  }

  #expired(from: number): HttpResponse {
    const message = `too old resource version: ${from} (${this.store.compactedRevision})`;
    if (!this.expireInStream) throw new Refusal(410, 'Expired', message);
    const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Expired', message, code: 410 };
    return { status: 200, headers: { 'content-type': 'application/json' }, body: utf8(`${JSON.stringify({ type: 'ERROR', object })}\n`) };
  }

  #watch(request: HttpRequest, target: Target, matches: Matches): HttpResponse {
    const from = Number(target.query.get('resourceVersion') ?? '0');
    if (from < this.store.compactedRevision) return this.#expired(from);
    const type = Object.values(resources).find((known: ResourceType) => known.group === target.group && known.resource === target.resource);
    const tell = (change: FakeChange): void => {
      if (change.revision <= from || change.key.group !== target.group || change.key.resource !== target.resource) return;
      if (target.namespace !== '' && change.key.namespace !== target.namespace) return;
      const [was, is] = [change.before !== undefined && matches(change.before), change.type !== 'DELETED' && matches(change.object)];
      if (!was && !is) return;
      const kind = is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED';
      const named = type === undefined ? {} : { apiVersion: apiVersionOf(type), kind: type.kind };
      events.push(utf8(`${JSON.stringify({ type: kind, object: { ...change.object, ...named } })}\n`));
    };
    const events = new AsyncQueue<Uint8Array>(() => { this.store.listeners.delete(tell); this.#watches.delete(events); });
    for (const change of this.store.changes) tell(change);
    this.store.listeners.add(tell);
    this.#watches.add(events);
    request.signal.addEventListener('abort', () => events.end(), { once: true });
    return { status: 200, headers: { 'content-type': 'application/json' }, body: events };
  }
}

function json(status: number, value: unknown): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(value)) };
}

export function statusOf(code: number, reason: string, message: string): HttpResponse {
  return json(code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, message, code });
}

function targetOf(text: string): Target | undefined {
  const url = new URL(text, 'http://fake');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const core = parts[0] === 'api';
  const rest = parts.slice(core ? 2 : 3);
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize';
  const [resource = '', name = '', subresource = ''] = inNamespace ? rest.slice(2) : rest;
  if (resource === '') return undefined;
  return {
    group: core ? '' : parts[1] ?? '', version: (core ? parts[1] : parts[2]) ?? '', resource, name, subresource, query: url.searchParams,
    namespace: inNamespace ? rest[1] ?? '' : '',
  };
}

function lookUp(object: unknown, path: readonly string[]): string {
  let value: unknown = object;
  for (const part of path) value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** `a=b`, `a==b`, `a!=b` joined by commas. */
function matcherOf(query: URLSearchParams): Matches {
  const terms = (text: string | null): readonly RegExpExecArray[] => (text ?? '').split(',').flatMap((term) => {
    const found = /^(.*?)(!=|==?)(.*)$/.exec(term);
    return found === null ? [] : [found];
  });
  const labels = terms(query.get('labelSelector'));
  const fields = terms(query.get('fieldSelector'));
  return (object) => labels.every(([, key = '', operator, value]) => (object.metadata.labels?.[key] === value) === (operator !== '!='))
    && fields.every(([, path = '', operator, value]) => (lookUp(object, path.split('.')) === value) === (operator !== '!='));
}

function discover(path: string): unknown {
  const all: readonly ResourceType[] = Object.values(resources);
  const groups = [...new Set(all.map((type) => type.group))].filter((group) => group !== '');
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    return { kind: 'APIGroupList', groups: groups.map((group) => {
      const version = all.find((type) => type.group === group)?.version ?? 'v1';
      return { name: group, versions: [{ groupVersion: `${group}/${version}`, version }], preferredVersion: { groupVersion: `${group}/${version}`, version } };
    }) };
  }
  const match = /^\/(?:api|apis\/([^/]+))\/(v[^/]+)$/.exec(path);
  if (match === null) return undefined;
  const found = all.filter((type) => type.group === (match[1] ?? '') && type.version === match[2]);
  return {
    kind: 'APIResourceList', groupVersion: apiVersionOf({ group: match[1] ?? '', version: match[2] ?? '' }),
    resources: found.map((type) => ({ name: type.resource, singularName: '', kind: type.kind, namespaced: type.namespaced, verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] })),
  };
}
