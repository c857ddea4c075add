import { createLocalStore } from '@coxswain/etcd-lite';
import { fromUtf8, silentLogger, type ByteSource } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { createApiServer, type ApiServer } from './server.ts';
import { testPartsConfig } from './testing/parts-config.ts';
import { answerOf, httpRequest, permissiveParts, type TestAnswer } from './testing/test-server.ts';

const path = '/api/v1/namespaces/default/configmaps';
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Small and seeded: a schedule that fails can be played again. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

interface Item { readonly metadata: { readonly name: string; readonly resourceVersion: string }; readonly data?: Readonly<Record<string, string>> }
interface Event { readonly type: string; readonly object: Item }

/** What a client knows that lists once and follows: name → version and content. */
type State = Map<string, string>;

function known(item: Item): string {
  return `${item.metadata.resourceVersion} ${item.data?.['n'] ?? ''}`;
}

function apply(state: State, event: Event): void {
  if (event.type === 'DELETED') state.delete(event.object.metadata.name);
  else if (event.type !== 'BOOKMARK') state.set(event.object.metadata.name, known(event.object));
}

async function eventsOf(body: ByteSource): Promise<readonly Event[]> {
  let text = '';
  for await (const chunk of body) text += fromUtf8(chunk);
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Event);
}

class Play {
  readonly host = createRealHost(silentLogger);
  readonly store = createLocalStore(this.host);
  readonly servers: ApiServer[] = [];
  /** Every change in order of its version, as its writer was told. */
  readonly history: { readonly version: number; readonly type: string; readonly name: string }[] = [];
  readonly watches: { readonly server: ApiServer; readonly state: State; readonly from: number; readonly events: Promise<readonly Event[]> }[] = [];
  readonly random: (below: number) => number;
  writes = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  async start(at: number): Promise<void> {
    const server = await createApiServer({ store: this.store, parts: testPartsConfig(), compactionIntervalMs: 0 }, this.host, { assemble: () => permissiveParts });
    await server.start();
    this.servers[at] = server;
  }

  async call(method: string, target: string, body?: unknown): Promise<TestAnswer> {
    return answerOf(await (this.servers[this.random(this.servers.length)] as ApiServer).handle(httpRequest({ method, target, body })));
  }

  async write(): Promise<void> {
    const name = names[this.random(names.length)] as string;
    this.writes += 1;
    const body = { metadata: { name }, data: { n: String(this.writes) } };
    const kind = this.random(5);
    const [type, answer] = kind < 2 ? ['ADDED', await this.call('POST', path, body)] as const
      : kind < 4 ? ['MODIFIED', await this.call('PUT', `${path}/${name}`, body)] as const : ['DELETED', await this.call('DELETE', `${path}/${name}`)] as const;
    if (answer.status >= 300) return expect([404, 409]).toContain(answer.status);
    // The answer to a deletion does not tell its version: it is that of the store now, for nobody else writes.
    const version = type === 'DELETED' ? (await this.store.range({ key: new TextEncoder().encode('x') })).revision : Number((answer.json as unknown as Item).metadata.resourceVersion);
    this.history.push({ version, type, name });
  }

  async follow(): Promise<void> {
    const listed = await this.call('GET', this.random(2) === 0 ? path : `${path}?resourceVersion=${this.history.at(-1)?.version ?? 0}`);
    const list = listed.json as unknown as { items: readonly Item[]; metadata: { resourceVersion: string } };
    const state: State = new Map(list.items.map((item) => [item.metadata.name, known(item)]));
    const server = this.servers[this.random(this.servers.length)] as ApiServer;
    const response = await server.handle(httpRequest({ method: 'GET', target: `${path}?watch=1&timeoutSeconds=600&resourceVersion=${list.metadata.resourceVersion}` }));
    this.watches.push({ server, state, from: Number(list.metadata.resourceVersion), events: eventsOf(response.body as ByteSource) });
  }

  /** Its watches end there; what they had seen must still be a beginning of history. */
  async restart(): Promise<void> {
    const at = this.random(this.servers.length);
    await this.servers[at]?.stop();
    await this.start(at);
  }
}

test.each([1, 2])('whoever lists and then follows, at whatever server, sees history: seed %i', async (seed) => {
  const play = new Play(seed);
  await play.start(0);
  await play.start(1);
  for (let step = 0; step < 100; step += 1) {
    const kind = play.random(20);
    if (kind === 0) await play.restart();
    else if (kind < 3) await play.follow();
    else await play.write();
  }
  const last = play.history.at(-1)?.version ?? 0;
  // One that sees the end: both caches have it then.
  for (const server of play.servers) await answerOf(await server.handle(httpRequest({ method: 'GET', target: `${path}?resourceVersion=${last}` })));
  for (const server of play.servers) await server.stop();
  expect(play.watches.length).toBeGreaterThan(3);
  for (const watch of play.watches) {
    const events = await watch.events;
    const after = play.history.filter((change) => change.version > watch.from);
    // Where its server was restarted a beginning is all that can be asked for.
    const expected = play.servers.includes(watch.server) ? after : after.slice(0, events.length);
    expect(events.map((event) => ({ version: Number(event.object.metadata.resourceVersion), type: event.type, name: event.object.metadata.name }))).toEqual(expected);
    const state = new Map(watch.state);
    for (const event of events) apply(state, event);
    const there = new Set<string>();
    for (const change of play.history) if (change.version <= Math.max(watch.from, expected.at(-1)?.version ?? 0)) { if (change.type === 'DELETED') there.delete(change.name); else there.add(change.name); }
    expect([...state.keys()].filter((name) => names.includes(name)).sort()).toEqual([...there].sort());
  }
  await play.store.close();
});
