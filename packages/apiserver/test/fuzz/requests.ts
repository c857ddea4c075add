import { Bodies, type FuzzBody } from './bodies.ts';
import { fuzzKinds, templated, type Corpus, type FuzzKind } from './corpus.ts';
import { Dice } from './dice.ts';
import { largeRequest, largeRequests } from './large.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Where what it stores is found again; undefined if it stores nothing. */
  readonly objectPath?: string;
}

const names = ['p1', 'p2', 'p3', 'foos.fuzz.example.com', 'v1.agg.example.com', 'default', 'fuzz', 'kubernetes', 'a', 'n1', '%2e%2e', 'a%2Fb', '%00', '%ff', 'A', 'x'.repeat(260), 'system:masters', '__proto__', 'constructor'];
const plainPaths = ['/', '/api', '/apis', '/api/v1', '/apis/apps', '/apis/apps/v1', '/apis/fuzz.example.com', '/apis/fuzz.example.com/v1', '/apis/agg.example.com/v1', '/healthz', '/readyz', '/livez?verbose', '/readyz?exclude=etcd', '/version', '/openapi/v2', '/openapi/v3', '/openapi/v3/apis/apps/v1', '/openapi/v3/apis/fuzz.example.com/v1', '/metrics', '/.well-known/openid-configuration', '/openid/v1/jwks', '/debug/pprof', '/logs', '/__proto__', '/constructor', '//', '/api//v1', '/api/v1/', '/apis/apps/v1/x/y/z/w', '/api/v1/watch/namespaces/fuzz/pods', '/api/v1/proxy/nodes/a', '/apis/__proto__/constructor', '/%', '/%zz', '/api/v1/namespaces//pods', '/api/v1/namespaces/fuzz/pods/../secrets', `/${'a/'.repeat(2000)}`, `/api/v1/${'%41'.repeat(3000)}`];
const selectors = ['a=b', 'a!=b', 'a in (b,c)', 'a notin (b)', '!a', 'a', 'a>1', 'a==b,c in (d,e),!f', ',', '=', 'a in (', 'a in ((b))', 'a in (b,', '!!a', 'a b', '(', 'é=é', `a in (${'b,'.repeat(3000)}c)`, 'a=b,'.repeat(2000), 'metadata.name=p1', 'metadata.namespace=fuzz', 'spec.nodeName=', 'status.phase!=Running', 'spec.text=abc', 'metadata.name=a\\,b', 'metadata.name=a\\', '__proto__=x', 'a=b=c', ' a = b ', '\u0000'];
const tokens = ['', 'x', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJmdXp6L3AxXHUwMDAwIn0', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYSJ9', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OTk5OTk5OTk5OSwic3RhcnQiOiIuLi8uLi9hIn0', 'eyJ2IjoieCJ9', 'bnVsbA', 'W10', '%%%', '='];
const parameters: Readonly<Record<string, readonly string[]>> = {
  limit: ['0', '1', '2', '500', '-1', '9223372036854775808', '1.5', 'x', ''], continue: tokens, resourceVersion: ['0', '1', '2', '18446744073709551616', '-1', 'x', '', '00'], resourceVersionMatch: ['Exact', 'NotOlderThan', 'x', ''],
  labelSelector: selectors, fieldSelector: selectors, watch: ['true', '1', 'false', 'x', ''], timeoutSeconds: ['1', '0', '-1', 'x', '99999999999999999999'], allowWatchBookmarks: ['true', 'x'], sendInitialEvents: ['true', 'false', 'x'],
  fieldManager: ['a', '', 'x'.repeat(200), '\u0000', 'kubectl-client-side-apply'], force: ['true', 'false', 'x'], dryRun: ['All', 'x', ''], fieldValidation: ['Strict', 'Warn', 'Ignore', 'x'], pretty: ['true', '1', 'false', 'x'], propagationPolicy: ['Orphan', 'Background', 'Foreground', 'x'], gracePeriodSeconds: ['0', '-1', 'x', '99999999999999999999', '30'],
  timeout: ['1s', '0', '-1s', 'x', '1e9s', '99999999h'], includeObject: ['None', 'Metadata', 'Object', 'x'], why: ['true'], orphanDependents: ['true', 'x'], ignoreStoreReadErrorWithClusterBreakingPotential: ['true', 'x'], container: ['c', 'x'], tailLines: ['1', '-1', 'x'], sinceTime: ['x', '2020-01-01T00:00:00Z'], command: ['a'], stdin: ['true', 'x'], ports: ['80', 'x', '99999'], path: ['/', '../..'], __proto__x: ['1'],
};
const accepts = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'application/yaml;as=Table;v=v1;g=meta.k8s.io', 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 'application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io', 'application/json;as=Table;v=v9;g=x, application/json', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf', 'text/html', '*/*', '', 'application/json;stream=watch', 'a', ';;;', 'application/json;q=0', `${'a/b,'.repeat(3000)}*/*`, 'application/cbor'];
const oddHeaders: Readonly<Record<string, readonly string[]>> = {
  'impersonate-user': ['nobody', '', 'system:node:n1', 'system:serviceaccount:fuzz:default', '__proto__', 'é'], 'impersonate-group': ['system:masters', 'a', ''], 'impersonate-uid': ['x'], 'impersonate-extra-a%2fb': ['x'], 'impersonate-extra-': ['x'], authorization: ['Bearer wrong', 'Bearer a.b.c', 'Bearer eyJhbGciOiJub25lIn0.e30.', 'Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMuY2x1c3Rlci5sb2NhbCJ9.AAAA', 'Basic YTpi', '', 'Bearer', 'bearer tok', 'Bearer abcdef.0123456789abcdef', `Bearer ${'a'.repeat(20_000)}`, 'Bearer kubelet-token', 'Bearer nobody-token'],
  range: ['bytes=0-1', 'x'], 'accept-encoding': ['gzip', 'br', 'gzip;q=0', '*'], 'if-none-match': ['"x"', '*'], 'audit-id': ['x', 'y'.repeat(100)], 'content-length': ['5', '-1', 'x', '99999999999'], 'content-encoding': ['gzip'], 'x-remote-user': ['admin'], traceparent: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x'], origin: ['http://x'], 'user-agent': ['', 'x'.repeat(5000)], upgrade: ['websocket', 'SPDY/3.1'], connection: ['upgrade'], 'sec-websocket-key': ['x'], 'sec-websocket-protocol': ['v5.channel.k8s.io', 'x'],
};

function queryOf(dice: Dice, wanted: readonly string[]): string {
  const parts: string[] = [];
  for (const name of wanted) if (dice.once(3)) parts.push(`${name}=${encodeURIComponent(dice.of(parameters[name] as readonly string[]).toWellFormed())}`);
  if (dice.once(20)) parts.push(dice.of(['%', '%zz=%', '=', '&&', 'a', 'limit=1&limit=2', '__proto__=1', `x=${'a'.repeat(9000)}`]));
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

const listing = ['limit', 'continue', 'resourceVersion', 'resourceVersionMatch', 'labelSelector', 'fieldSelector', 'pretty', 'includeObject'];
const watching = ['resourceVersion', 'resourceVersionMatch', 'labelSelector', 'fieldSelector', 'allowWatchBookmarks', 'sendInitialEvents'];
const writing = ['fieldManager', 'dryRun', 'fieldValidation', 'pretty', 'timeout'];
const connecting = ['container', 'tailLines', 'sinceTime', 'command', 'stdin', 'ports', 'path', 'timeout'];

function headersOf(dice: Dice, contentType: string): Record<string, string> {
  const headers: Record<string, string> = { authorization: 'Bearer tok' };
  if (contentType !== '') headers['content-type'] = contentType;
  if (dice.once(2)) headers['accept'] = dice.of(accepts);
  if (dice.once(12)) for (let times = dice.size(4); times > 0; times -= 1) { const name = dice.of(Object.keys(oddHeaders)); headers[name] = dice.of(oddHeaders[name] as readonly string[]); }
  return headers;
}

/** They take as long as thousands of others. */
const largeOnceIn = 4000;

const empty: FuzzBody = { contentType: '', bytes: new Uint8Array(0) };

/** What the request with this number is depends on nothing else, so that one can be asked again alone. */
export class Requests {
  readonly #bodies: Bodies;
  readonly #seed: number;

  constructor(corpus: Corpus, seed: number) {
    this.#bodies = new Bodies(corpus);
    this.#seed = seed;
  }

  at(index: number): FuzzRequest {
    const large = new Dice(this.#seed ^ 0x1a26e, index);
    if (large.once(largeOnceIn)) return largeRequest(large.of(Object.keys(largeRequests)), large.of([0.01, 0.1, 0.3, 1]));
    const dice = new Dice(this.#seed, index);
    if (dice.once(25)) return this.#plain(dice);
    if (dice.once(25)) return this.#frame(dice);
    if (dice.once(8)) return this.#tame(dice);
    const kind = dice.once(3) ? dice.of(fuzzKinds) : dice.of(templated);
    const name = dice.once(6) ? dice.of(names) : kind.resource === 'customresourcedefinitions' ? 'foos.fuzz.example.com' : kind.resource === 'apiservices' ? 'v1.agg.example.com' : dice.of(['p1', 'p2', 'p3']);
    return this.#resource(dice, kind, name);
  }

  /** What clients do, so that objects are there, and change, and more of the rest comes to something. */
  #tame(dice: Dice): FuzzRequest {
    const kind = dice.of(templated);
    const name = kind.resource === 'customresourcedefinitions' ? 'foos.fuzz.example.com' : kind.resource === 'apiservices' ? 'v1.agg.example.com' : dice.of(['p1', 'p2']);
    const base = `${kind.group === '' ? '/api' : `/apis/${kind.group}`}/${kind.version}${kind.namespaced ? '/namespaces/fuzz' : ''}/${kind.resource}`;
    const part = kind.subresources.length > 0 && dice.once(3) ? `/${dice.of(kind.subresources).name}` : '';
    const made = (method: string, target: string, { contentType, bytes }: FuzzBody = empty): FuzzRequest => ({
      method, target, headers: { authorization: 'Bearer tok', accept: dice.of(accepts.slice(0, 7)), ...(contentType === '' ? {} : { 'content-type': contentType }) }, body: bytes,
    });
    switch (dice.below(8)) {
      case 0: case 1: return { ...made('POST', `${base}${part === '' ? '' : `/${name}${part}`}`, this.#bodies.tame(dice, kind, name)), ...(part === '' ? { objectPath: `${base}/${name}` } : {}) };
      case 2: return made('PUT', `${base}/${name}${part}?fieldManager=a`, this.#bodies.tame(dice, kind, name));
      case 3: case 4: return made('PATCH', `${base}/${name}${part}?fieldManager=${dice.of(['a', 'b'])}&force=${dice.of(['true', 'false'])}`.replace(dice.once(2) ? '&force=false' : '', ''), this.#bodies.tamePatch(dice, kind, name));
      case 5: return made('GET', `${base}/${name}${part}`);
      case 6: return made('DELETE', dice.once(3) ? `${base}?labelSelector=a%3Dx` : `${base}/${name}`);
      default: return made('GET', `${base}?${dice.of(['limit=1', 'labelSelector=a%20in%20(x,y)', `fieldSelector=metadata.name%3D${name}`, 'watch=true&timeoutSeconds=1&resourceVersion=0', 'resourceVersion=0'])}`);
    }
  }

  #plain(dice: Dice): FuzzRequest {
    const target = `${dice.of(plainPaths)}`;
    return { method: dice.of(['GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'X']), target, headers: headersOf(dice, ''), body: empty.bytes };
  }

  #frame(dice: Dice): FuzzRequest {
    const body = this.#bodies.frame(dice, dice.of(templated), dice.of(names));
    return { method: 'POST', target: dice.of(['/coxswain.fastpath.v1.FastPath/Write', '/coxswain.fastpath.v1.FastPath/Write', '/coxswain.fastpath.v1.FastPath/Watch', '/x/Y']), headers: headersOf(dice, body.contentType), body: body.bytes };
  }

  #resource(dice: Dice, kind: FuzzKind, name: string): FuzzRequest {
    const namespace = dice.once(12) ? dice.of(['nowhere', '', 'A', '%2e', '*', 'default']) : 'fuzz';
    const base = `${kind.group === '' ? '/api' : `/apis/${kind.group}`}/${kind.version}${kind.namespaced !== dice.once(60) ? `/namespaces/${namespace}` : ''}/${kind.resource}`;
    const sub = dice.once(6) && kind.subresources.length > 0 ? `/${dice.once(15) ? 'x' : dice.of(kind.subresources).name}` : '';
    const made = (method: string, path: string, query: readonly string[], body = empty): FuzzRequest => ({ method, target: `${path}${queryOf(dice, query)}`, headers: headersOf(dice, body.contentType), body: body.bytes });
    const object = (): FuzzBody => this.#bodies.encoded(dice, kind, this.#bodies.object(dice, kind, name));
    const objectPath = `${base}/${name}`;
    if (sub !== '') return this.#subresource(dice, made, `${objectPath}${sub}`, object, kind, name);
    switch (dice.below(20)) {
      case 0: case 1: case 2: case 3: case 4: case 5: case 6: return { ...made('POST', base, writing, object()), objectPath };
      case 7: case 8: case 9: return { ...made('PUT', objectPath, writing, object()), objectPath };
      case 10: case 11: case 12: case 13: return { ...made('PATCH', objectPath, [...writing, 'force'], this.#bodies.patch(dice, kind, name)), objectPath };
      case 14: return made('DELETE', objectPath, ['propagationPolicy', 'gracePeriodSeconds', 'dryRun', 'orphanDependents'], this.#bodies.deleteOptions(dice));
      case 15: return dice.once(5) ? made('DELETE', base, [...listing, 'propagationPolicy'], this.#bodies.deleteOptions(dice)) : made('GET', base, listing);
      case 16: return made('GET', objectPath, ['resourceVersion', 'pretty', 'why']);
      case 17: { const watch = made('GET', base, watching); return { ...watch, target: `${watch.target}${watch.target.includes('?') ? '&' : '?'}watch=true&timeoutSeconds=1` }; }
      default: return made('GET', base, listing);
    }
  }

  #subresource(dice: Dice, made: (method: string, path: string, query: readonly string[], body?: FuzzBody) => FuzzRequest, path: string, object: () => FuzzBody, kind: FuzzKind, name: string): FuzzRequest {
    switch (dice.below(4)) {
      case 0: return made('GET', path, dice.once(2) ? connecting : ['resourceVersion', 'pretty']);
      case 1: return made('PATCH', path, [...writing, 'force'], this.#bodies.patch(dice, kind, name));
      case 2: return made('POST', path, writing, object());
      default: return made('PUT', path, writing, object());
    }
  }
}
