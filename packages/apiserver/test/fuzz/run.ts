import { fromUtf8, header, silentLogger, utf8, NetworkError, type Host, type HttpResponse, type LogFields } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { httpRequest, startTestServer, type TestServer } from '../../src/testing/test-server.ts';
import { Corpus, fuzzKinds, type FuzzKind } from './corpus.ts';
import { wrongWith } from './judge.ts';
import { Reach } from './reach.ts';
import { Requests, type FuzzRequest } from './requests.ts';

export interface Finding { readonly seed: number; readonly index: number; readonly request: FuzzRequest; readonly wrong: string }

export interface Answered { readonly response: HttpResponse; readonly bytes: Uint8Array; readonly streamed: boolean }

/** Measures one request: the longest that it held the event loop. Returns when `work` has. */
export type Monitor = (work: () => Promise<void>) => Promise<number>;

export interface FuzzOptions {
  readonly seed: number;
  readonly from?: number;
  readonly requests: number;
  readonly corpus?: Corpus;
  readonly monitor?: Monitor;
  /** Says no less than `monitor` would, and is cheaper: only where it says too much `monitor` is asked. Without it `monitor` always is. */
  readonly coarse?: Monitor;
  /** Longer turns of the event loop are findings. */
  readonly blockedMs?: number;
  onFinding?(finding: Finding): void;
  /** Now and then. */
  onProgress?(done: number): void;
}

export interface FuzzResult { readonly findings: readonly Finding[]; readonly statuses: ReadonlyMap<number, number>; readonly slowestMs: number; readonly reach: Reach }

const hungMs = 30_000;
const streamBytes = 4096;
/** One version of each kind that can be listed; namespaces last. */
const sweptKinds: readonly FuzzKind[] = [...new Map(fuzzKinds.filter((kind) => kind.verbs.includes('list') && kind.verbs.includes('delete')).map((kind) => [`${kind.group}/${kind.resource}`, kind])).values()].sort((a, b) => Number(a.resource === 'namespaces') - Number(b.resource === 'namespaces'));
const dangerousKinds = sweptKinds.filter((kind) => /^(admissionregistration|apiregistration)/.test(kind.group) || kind.resource === 'resourcequotas' || kind.resource === 'limitranges');

/** Nobody is called: whatever address an object names. */
function alone(host: Host, errors: string[]): Host {
  const refuse = (): never => { throw new NetworkError('unreachable', 'the network is not there'); };
  const log = { ...silentLogger, error: (message: string, fields?: LogFields) => { errors.push(`${message}: ${fields?.['error'] as string}`); } };
  return { ...host, log, network: { ...host.network, dial: () => Promise.resolve().then(refuse), connect: () => Promise.resolve().then(refuse), fetch: () => Promise.resolve().then(refuse) } };
}

async function readSome(response: HttpResponse, request: FuzzRequest, stop: AbortController): Promise<Answered> {
  const { body } = response;
  if (body === undefined || body instanceof Uint8Array) return { response, bytes: body ?? new Uint8Array(0), streamed: false };
  const watch = /watch=(true|1)|\/watch\/|follow=|FastPath\/Watch/.test(request.target);
  const parts: Uint8Array[] = [];
  let length = 0;
  const late = watch ? setTimeout(() => stop.abort(), 5) : undefined;
  try {
    for await (const part of body) {
      parts.push(part);
      length += part.length;
      if (watch && length >= streamBytes) break;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    clearTimeout(late);
    if (watch) stop.abort();
  }
  return { response, bytes: new Uint8Array(Buffer.concat(parts)), streamed: watch };
}

/** The whole server with its real parts, asked one thing after another. */
export class FuzzRun {
  readonly #server: TestServer;
  readonly #options: FuzzOptions;
  readonly #requests: Requests;
  readonly #errors: string[];
  readonly #findings: Finding[] = [];
  readonly #statuses = new Map<number, number>();
  readonly #kept = new Set<string>();
  readonly #reach = new Reach();
  #slowestMs = 0;
  #sweepSoon = 0;

  private constructor(server: TestServer, options: FuzzOptions, errors: string[]) {
    this.#server = server;
    this.#options = options;
    this.#errors = errors;
    this.#requests = new Requests(options.corpus ?? new Corpus(), options.seed);
  }

  static async start(options: FuzzOptions): Promise<FuzzRun> {
    const errors: string[] = [];
    // What is remembered up to a bound is bounded so that it is full long before memory is judged.
    const server = await startTestServer({}, alone(createRealHost(silentLogger), errors), { compactionIntervalMs: 5000, historyEvents: 50, changeHistoryBytes: 256 * 1024 });
    return new FuzzRun(server, options, errors);
  }

  async run(): Promise<FuzzResult> {
    const { from = 0, requests } = this.#options;
    try {
      await this.#prepare();
      for (let index = from; index < from + requests; index += 1) {
        await this.#step(index);
        if (this.#sweepSoon > 0 && --this.#sweepSoon === 0) await this.#sweep(dangerousKinds);
        if ((index + 1) % 1000 === 0) {
          await this.#sweep(sweptKinds);
          this.#options.onProgress?.(index + 1 - from);
        }
      }
      return { findings: this.#findings, statuses: this.#statuses, slowestMs: this.#slowestMs, reach: this.#reach };
    } finally {
      await this.stop();
    }
  }

  async ask(request: FuzzRequest): Promise<Answered> {
    const stop = new AbortController();
    const made = httpRequest({ method: request.method, target: request.target, raw: request.body, headers: request.headers, signal: stop.signal });
    const headers = request.headers['content-type'] === undefined ? Object.fromEntries(Object.entries(made.headers).filter(([name]) => name !== 'content-type')) : made.headers;
    let late: NodeJS.Timeout | undefined;
    const hung = new Promise<never>((_resolve, reject) => { late = setTimeout(() => { stop.abort(); reject(new Error('no answer')); }, hungMs); });
    try {
      return await Promise.race([this.#server.server.handle({ ...made, headers }).then((response) => readSome(response, request, stop)), hung]);
    } finally {
      clearTimeout(late);
    }
  }

  /** Until a path is answered so: kinds come a moment after their definitions. */
  async until(target: string, status: number): Promise<void> {
    const request: FuzzRequest = { method: 'GET', target, headers: { authorization: 'Bearer tok' }, body: new Uint8Array(0) };
    while ((await this.ask(request)).response.status !== status) await this.#server.host.timers.sleep(5);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async #step(index: number): Promise<void> {
    const request = this.#requests.at(index);
    let answered: Answered | undefined;
    let wrong: string | undefined;
    const work = async (): Promise<void> => {
      try {
        answered = await this.ask(request);
      } catch (error) {
        wrong = `it threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      }
    };
    const monitor = this.#options.coarse ?? this.#options.monitor;
    const blockedMs = monitor === undefined ? (await work(), 0) : await monitor(work);
    if (answered !== undefined) {
      const { response, bytes, streamed } = answered;
      this.#reach.note(request, response.status, header(response.headers, 'content-type') ?? '');
      this.#statuses.set(response.status, (this.#statuses.get(response.status) ?? 0) + 1);
      wrong = wrongWith(request, response, bytes, streamed) ?? (await this.#readsBack(request, answered));
    }
    if (this.#errors.length > 0 && wrong !== undefined) wrong += `\n${this.#errors.join('\n')}`;
    this.#errors.length = 0;
    if (wrong !== undefined) this.#found(index, request, wrong);
    if (blockedMs > (this.#options.blockedMs ?? 100)) await this.#slow(index, request, blockedMs);
    else this.#slowestMs = Math.max(this.#slowestMs, blockedMs);
    if (/admissionregistration|apiregistration|resourcequotas|limitranges/.test(request.target) && request.method !== 'GET') this.#sweepSoon ||= 40;
  }

  /** What is slow once may have been compiled, or collected; twice it is slow. */
  async #slow(index: number, request: FuzzRequest, firstMs: number): Promise<void> {
    let againMs = Infinity;
    for (let time = 0; time < 3; time += 1) {
      if (request.method === 'POST' && request.objectPath !== undefined) await this.#remove(request.objectPath);
      againMs = Math.min(againMs, await (this.#options.monitor as Monitor)(async () => { await this.ask(request).catch(() => undefined); }));
    }
    if (againMs > (this.#options.blockedMs ?? 100)) this.#found(index, request, `held the event loop for ${firstMs.toFixed(0)} ms, and again for ${againMs.toFixed(0)} ms`);
    this.#slowestMs = Math.max(this.#slowestMs, againMs);
  }

  #found(index: number, request: FuzzRequest, wrong: string): void {
    const finding = { seed: this.#options.seed, index, request, wrong };
    this.#findings.push(finding);
    this.#options.onFinding?.(finding);
  }

  async #readsBack(request: FuzzRequest, { response, bytes }: Answered): Promise<string | undefined> {
    if (request.objectPath === undefined || response.status > 201 || request.target.includes('dryRun') || header(response.headers, 'content-type') !== 'application/json') return undefined;
    const stored = JSON.parse(fromUtf8(bytes)) as { kind?: string; metadata?: { name?: string; namespace?: string; uid?: string } };
    const { name, uid } = stored.metadata ?? {};
    if (uid === undefined || name === undefined || name === '') return undefined;
    const path = `${request.objectPath.slice(0, request.objectPath.lastIndexOf('/'))}/${encodeURIComponent(name)}`;
    for (const accept of ['application/json', 'application/vnd.kubernetes.protobuf, application/json', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'application/yaml']) {
      const read: FuzzRequest = { method: 'GET', target: path, headers: { authorization: 'Bearer tok', accept }, body: new Uint8Array(0) };
      const again = await this.ask(read);
      // Jobs and their like may be gone as soon as they are made.
      if (again.response.status === 404) return undefined;
      const wrong = again.response.status === 200 ? wrongWith(read, again.response, again.bytes, false) : `${again.response.status} ${fromUtf8(again.bytes).slice(0, 300)}`;
      if (wrong !== undefined) return `what was stored does not read back as ${accept}: ${wrong}`;
    }
    return undefined;
  }

  async #prepare(): Promise<void> {
    await this.#own('POST', '/api/v1/namespaces', { metadata: { name: 'fuzz' } });
    await this.#own('POST', '/api/v1/namespaces/fuzz/serviceaccounts', { metadata: { name: 'default' } });
    for (const kind of sweptKinds) for (const path of await this.#listed(kind)) this.#kept.add(path);
  }

  async #own(method: string, target: string, body?: unknown, contentType = 'application/json'): Promise<Answered> {
    return this.ask({ method, target, headers: { authorization: 'Bearer tok', accept: 'application/json', 'content-type': contentType }, body: body === undefined ? new Uint8Array(0) : utf8(JSON.stringify(body)) });
  }

  async #listed(kind: FuzzKind): Promise<string[]> {
    const base = `${kind.group === '' ? '/api' : `/apis/${kind.group}`}/${kind.version}`;
    const { response, bytes } = await this.#own('GET', `${base}/${kind.resource}`);
    if (response.status === 404) return [];
    if (response.status !== 200) throw new Error(`${base}/${kind.resource} cannot be listed: ${response.status} ${fromUtf8(bytes).slice(0, 1000)}`);
    const { items } = JSON.parse(fromUtf8(bytes)) as { items: { metadata: { name: string; namespace?: string } }[] | null };
    return (items ?? []).map(({ metadata }) => `${base}${metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`}/${kind.resource}/${encodeURIComponent(metadata.name)}`);
  }

  /** Forgets what was stored, so that it does not grow, and that no webhook or quota of its own shuts the fuzzer out. */
  async #sweep(kinds: readonly FuzzKind[]): Promise<void> {
    for (const kind of kinds) for (const path of await this.#listed(kind)) if (!this.#kept.has(path)) await this.#remove(path);
    if (kinds === sweptKinds) await this.#revive();
  }

  async #remove(path: string): Promise<void> {
    const { response } = await this.#own('DELETE', path, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
    if (response.status === 404) return;
    await this.#own('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json');
    if (path.startsWith('/api/v1/namespaces/') && path.split('/').length === 5) await this.#finalize(path);
  }

  async #finalize(path: string): Promise<void> {
    const { bytes } = await this.#own('GET', path);
    const namespace = JSON.parse(fromUtf8(bytes)) as { spec?: object };
    await this.#own('PUT', `${path}/finalize`, { ...namespace, spec: { ...namespace.spec, finalizers: [] } });
  }

  async #revive(): Promise<void> {
    const path = '/api/v1/namespaces/fuzz';
    const { bytes } = await this.#own('GET', path);
    if ((JSON.parse(fromUtf8(bytes)) as { status?: { phase?: string } }).status?.phase === 'Active') return;
    await this.#remove(path);
    await this.#own('POST', '/api/v1/namespaces', { metadata: { name: 'fuzz' } });
    await this.#own('POST', '/api/v1/namespaces/fuzz/serviceaccounts', { metadata: { name: 'default' } });
  }
}
