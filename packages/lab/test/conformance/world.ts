import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { resource, type Client, type WatchEvent, type WatchOptions } from '@coxswain/client';
import { fromUtf8, utf8 } from '@coxswain/host';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ControlPlane, type ControlPlaneOptions } from '../../src/control-plane.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const officialNames: ReadonlySet<string> = new Set(readFileSync(fileURLToPath(new URL('../../data/conformance-1.32.tsv', import.meta.url)), 'utf8').trim().split('\n').slice(1).map((line) => line.split('\t')[1] ?? ''));

/** An API object as JSON: tests look at what comes over the wire. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Any = any;

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: Any;
}

const patchTypes = { json: 'application/json-patch+json', merge: 'application/merge-patch+json', strategic: 'application/strategic-merge-patch+json', apply: 'application/apply-patch+yaml' } as const;

/** What one test has: the API over HTTP, and a namespace of its own with its account, as the official suite's tests have. */
export class Stage {
  readonly namespace: string;
  readonly client: Client;
  readonly #world: ControlPlane;

  constructor(world: ControlPlane, client: Client, namespace: string) {
    this.#world = world;
    this.client = client;
    this.namespace = namespace;
  }

  /** The same test as another user. */
  as(name: string, ...groups: string[]): Stage {
    return new Stage(this.#world, this.#world.client(`user-${name}`, { certPem: JSON.stringify({ commonName: name, organizations: groups, fingerprint: '', notAfterMs: Number.MAX_SAFE_INTEGER }) }), this.namespace);
  }

  get nowMs(): number { return this.#world.sim.nowMs; }

  /** Commands in this pod's containers, as of probes, fail until it is well again. */
  sick(uid: string, isSick = true): void {
    if (isSick) this.#world.sick.add(uid);
    else this.#world.sick.delete(uid);
  }

  /** Containers of this test with the command `wait` that start from now on end well. */
  release(): void { this.#world.released.add(this.namespace); }

  async call(method: string, target: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const bytes = body === undefined ? undefined : utf8(typeof body === 'string' ? body : JSON.stringify(body));
    const answer = await this.client.raw({ method, target, headers: { accept: 'application/json', ...(bytes === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(bytes === undefined ? {} : { body: bytes }) });
    const text = fromUtf8(answer.body);
    let json: unknown;
    try { json = JSON.parse(text); } catch { json = undefined; }
    return { status: answer.status, text, json };
  }

  /** Rejects unless the answer is 2xx. */
  async #must(method: string, target: string, body?: unknown, headers?: Record<string, string>): Promise<Any> {
    const answer = await this.call(method, target, body, headers);
    if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${target}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  get(target: string): Promise<Any> { return this.#must('GET', target); }
  create(target: string, body: unknown): Promise<Any> { return this.#must('POST', target, body); }
  update(target: string, body: unknown): Promise<Any> { return this.#must('PUT', target, body); }
  delete(target: string, options?: unknown): Promise<Any> { return this.#must('DELETE', target, options); }
  patch(target: string, body: unknown, type: keyof typeof patchTypes = 'merge'): Promise<Any> { return this.#must('PATCH', target, body, { 'content-type': patchTypes[type] }); }

  /** The status of a refusal; rejects if it was none. */
  async refused(method: string, target: string, body?: unknown, headers?: Record<string, string>): Promise<Any> {
    const answer = await this.call(method, target, body, headers);
    if (answer.status < 400) throw new Error(`${method} ${target} was not refused: ${answer.status}`);
    return answer.json ?? { code: answer.status, message: answer.text };
  }

  /** Path of a namespaced resource of this test's namespace: `t.path('v1', 'pods', 'x')`, `t.path('apps/v1', 'deployments')`. */
  path(groupVersion: string, ...parts: readonly string[]): string {
    const [resourceName = '', ...rest] = parts;
    return `${root(groupVersion)}/namespaces/${this.namespace}/${[resourceName, ...rest].join('/')}`;
  }

  /** Asks on virtual time until `probe` is true. */
  async eventually(what: string, probe: () => Promise<boolean>, forMs = 60_000): Promise<void> {
    const deadlineMs = this.#world.sim.nowMs + forMs;
    let last = '';
    while (this.#world.sim.nowMs < deadlineMs) {
      try {
        if (await probe()) return;
      } catch (error) {
        last = String(error);
      }
      await this.sleep(100);
    }
    throw new Error(`not within ${forMs} ms of virtual time: ${what} ${last}`);
  }

  /** Virtual time passes. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.#world.sim.loop.schedule(ms, () => resolve()); });
  }

  /** Events from now (or a version) on, one at a time. */
  async watch(groupVersion: string, resourceName: string, options: WatchOptions = {}): Promise<Watcher> {
    const collection = options.namespace === undefined ? `${root(groupVersion)}/${resourceName}` : this.path(groupVersion, resourceName);
    const resourceVersion = options.resourceVersion ?? ((await this.get(`${collection}?limit=1`)).metadata.resourceVersion as string);
    const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') as [string, string] : ['', groupVersion];
    const abort = new AbortController();
    const type = resource(group, version, resourceName, '', options.namespace !== undefined);
    return new Watcher(this, this.client.watch(type, { ...options, resourceVersion, signal: abort.signal }), abort);
  }
}

export function root(groupVersion: string): string {
  return groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
}

export class Watcher {
  readonly events: WatchEvent<Any>[] = [];
  readonly #stage: Stage;
  readonly #abort: AbortController;
  #taken = 0;
  #ended = false;

  constructor(stage: Stage, stream: AsyncIterable<WatchEvent<Any>>, abort: AbortController) {
    this.#stage = stage;
    this.#abort = abort;
    this.#follow(stream).catch(() => { this.#ended = true; });
  }

  async #follow(stream: AsyncIterable<WatchEvent<Any>>): Promise<void> {
    for await (const event of stream) this.events.push(event);
    this.#ended = true;
  }

  async next(): Promise<WatchEvent<Any>> {
    await this.#stage.eventually('the next event of a watch', () => Promise.resolve(this.events.length > this.#taken || this.#ended));
    const event = this.events[this.#taken];
    if (event === undefined) throw new Error('the watch ended');
    this.#taken += 1;
    return event;
  }

  /** Skips events until one of that type that the test accepts. */
  async until(type: string, accept: (object: Any) => boolean = () => true): Promise<Any> {
    for (;;) {
      const event = await this.next();
      if (event.type === type && accept(event.object)) return event.object;
    }
  }

  stop(): void { this.#abort.abort(); }
}

/** Runs a body that waits for virtual time. */
async function drive(world: ControlPlane, body: () => Promise<void>): Promise<void> {
  let outcome: { readonly error?: unknown } | undefined;
  body().then(() => { outcome = {}; }, (error: unknown) => { outcome = { error }; });
  await world.sim.run(900_000, () => outcome !== undefined);
  if (outcome === undefined) throw new Error('the test did not end within 15 minutes of virtual time');
  if (outcome.error !== undefined) throw outcome.error instanceof Error ? outcome.error : new Error('failed', { cause: outcome.error });
}

async function nodesReady(client: Client, count: number): Promise<boolean> {
  const { body } = await client.raw({ method: 'GET', target: '/api/v1/nodes' });
  const { items } = JSON.parse(fromUtf8(body)) as { readonly items: readonly Any[] };
  return items.filter((node) => node.status?.conditions?.some((one: Any) => one.type === 'Ready' && one.status === 'True') === true && (node.spec?.taints ?? []).length === 0).length === count;
}

export interface Suite {
  /** `name` is the official test's whole name, so that it can be found; the body does what that test demands, in own words. */
  (name: string, body: (stage: Stage) => Promise<void>): void;
}

/**
 * One area of the official suite on a simulated cluster of its own: store, API server, controllers, scheduler, two nodes whose containers
 * run nothing.
 */
export function area(title: string, define: (conformance: Suite) => void, options: Pick<ControlPlaneOptions, 'compactionIntervalMs'> = {}): void {
  describe(title, () => {
    const world = new ControlPlane({ seed: 1, apiservers: 1, nodes: 2, serviceAccountKeyPem, ...options });
    let count = 0;
    let client: Client | undefined;
    beforeAll(async () => {
      world.startAll();
      const user = world.client('suite');
      client = user;
      const boot = new Stage(world, user, 'default');
      await drive(world, () => boot.eventually('two nodes are Ready', () => nodesReady(user, 2), 180_000));
    }, 120_000);
    afterAll(() => { world.sim.stop(); });
    define((name, body) => {
      if (!officialNames.has(name)) throw new Error(`no official test of 1.32 has the name ${name}`);
      test(name, async () => {
        if (client === undefined) throw new Error('the cluster did not start');
        count += 1;
        const stage = new Stage(world, client, `conformance-${count}`);
        await drive(world, async () => {
          await stage.create('/api/v1/namespaces', { metadata: { name: stage.namespace, labels: { 'e2e-run': 'own' } } });
          await stage.eventually('the namespace has its account and root authority', async () => (await stage.call('GET', stage.path('v1', 'serviceaccounts', 'default'))).status === 200 && (await stage.call('GET', stage.path('v1', 'configmaps', 'kube-root-ca.crt'))).status === 200);
          await body(stage);
          await stage.delete(`/api/v1/namespaces/${stage.namespace}`);
        });
      }, 120_000);
    });
  });
}
