import type { Host } from '@coxswain/host';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { SeededRandom } from '@coxswain/host/sim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation, WatchRecord } from './checkers/history.ts';
import { judge } from './checkers/judge.ts';
import { makePlan, type Plan } from './sim/plan.ts';
import { RecordingClient } from './sim/recording-client.ts';
import { allKeys, compactTraffic, kubernetesTraffic, kvTraffic, leaseTraffic } from './sim/traffic.ts';
import { followAll, watchAtRandom, type WatcherContext } from './sim/watchers.ts';
import { ChaosCluster, type ChaosMember } from './support/chaos-cluster.ts';
import { separate, deafen } from './support/namespaces.ts';

type Fault = 'kill' | 'pause' | 'partition' | 'one-way' | 'full-disk' | 'clock';

interface Scene {
  readonly cluster: ChaosCluster;
  readonly host: Host;
  readonly victim: ChaosMember;
  readonly others: readonly ChaosMember[];
  readonly random: SeededRandom;
}

/** Each brings its fault about, leaves it standing for a while and takes it away. */
const faults: Readonly<Record<Fault, (scene: Scene) => Promise<void>>> = {
  kill: async ({ cluster, host, victim, random }) => {
    await cluster.kill(victim);
    await host.timers.sleep(random.float() * 2500);
    cluster.start(victim);
  },
  pause: async ({ cluster, host, victim, random }) => {
    cluster.signal(victim, 'SIGSTOP');
    await host.timers.sleep(500 + random.float() * 3500);
    cluster.signal(victim, 'SIGCONT');
  },
  partition: async ({ host, victim, others, random }) => {
    const heal = separate(victim.namespace, others.map(({ namespace }) => namespace));
    await host.timers.sleep(500 + random.float() * 3500);
    heal();
  },
  'one-way': async ({ host, victim, others, random }) => {
    const heal = deafen(victim.namespace, (others[0] as ChaosMember).namespace);
    await host.timers.sleep(500 + random.float() * 3500);
    heal();
  },
  'full-disk': async ({ cluster, host, victim, random }) => {
    const free = cluster.fillDisk(victim);
    await host.timers.sleep(1000 + random.float() * 3000);
    free();
  },
  clock: async ({ cluster, host, victim, random }) => {
    cluster.shiftClock(victim, Math.floor((random.float() - 0.5) * 86_400 * 60));
    await host.timers.sleep(500);
  },
};

const seed = Number(process.env['ETCD_CHAOS_SEED'] ?? Date.now() % 1_000_000);
const seconds = Number(process.env['ETCD_CHAOS_SECONDS'] ?? 25);

describe('three members as processes in network namespaces, under full load', () => {
  let cluster: ChaosCluster;

  beforeAll(() => {
    cluster = new ChaosCluster(3, { diskMegabytes: 160, flags: ['--snapshot-count', '2000', '--experimental-watch-progress-notify-interval', '1s'] });
    // Wall clocks differ from the beginning on.
    for (const [at, member] of cluster.members.entries()) cluster.shiftClock(member, (at - 1) * 20 * 86_400);
    cluster.startAll();
  });

  afterAll(() => cluster.remove());

  it(`stays linearizable, loses nothing and gives every watch all there is (seed ${seed}, ${seconds} s)`, async () => {
    const host = createRealHost(silentLogger);
    const random = new SeededRandom(seed);
    const scene = new Audience(host, cluster, makePlan(seed, { members: 3, keys: 20, thinkMs: 4, compactEveryMs: 1000 }));
    await scene.enter();
    const untilMs = host.clock.monotonicMs() + seconds * 1000;
    const [counts] = await Promise.all([torment(host, random, untilMs), scene.perform(untilMs)]);
    await scene.settle();
    const { history, watches } = scene;
    const ofKind = (kind: string): number => history.filter(({ outcome }) => outcome.kind === kind).length;
    console.log(`faults: ${JSON.stringify(counts)}; answered ${ofKind('ok')}, refused ${ofKind('refused')}, failed ${ofKind('failed')}, unknown ${ofKind('unknown')}; ${watches.length} watches`);
    if (ChaosCluster.hasFaketime) expect(clockDays(cluster)).toEqual([-20, 0, 20]);
    // A paused member's lessor does not count; the network's and the scheduler's delays do.
    expect(judge(history, watches, 1000), cluster.lastWords()).toEqual([]);
    expect(ofKind('ok')).toBeGreaterThan(1000);
    for (const member of cluster.members) expect(member.process?.exitCode, `${member.name} ended by itself\n${cluster.lastWords()}`).toBeNull();
  });

  async function torment(host: Host, random: SeededRandom, untilMs: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const kinds = (Object.keys(faults) as Fault[]).filter((kind) => kind !== 'clock' || ChaosCluster.hasFaketime);
    // Each at least once, then by chance.
    const first = kinds.map((kind) => ({ kind, order: random.float() })).toSorted((a, b) => a.order - b.order);
    while (first.length > 0 || host.clock.monotonicMs() < untilMs) {
      const kind = first.shift()?.kind ?? kinds[Math.floor(random.float() * kinds.length)] as Fault;
      const victim = cluster.members[Math.floor(random.float() * 3)] as ChaosMember;
      counts[kind] = (counts[kind] ?? 0) + 1;
      await faults[kind]({ cluster, host, random, victim, others: cluster.members.filter((member) => member !== victim) });
      await host.timers.sleep(300 + random.float() * 1500);
    }
    return counts;
  }
});

/** The simulation's clients and watches, on real time. */
class Audience {
  readonly history: Operation[] = [];
  readonly watches: WatchRecord[] = [];
  readonly #host: Host;
  readonly #cluster: ChaosCluster;
  readonly #plan: Plan;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>[] = [];

  constructor(host: Host, cluster: ChaosCluster, plan: Plan) {
    this.#host = host;
    this.#cluster = cluster;
    this.#plan = plan;
  }

  #client(name: string, at: number): RecordingClient {
    const { endpoints } = this.#cluster;
    const own = at % 4 === 3 ? endpoints : [endpoints[at % endpoints.length] as string];
    return new RecordingClient(this.#host, name, this.history, { endpoints: own, requestTimeoutMs: 1500 });
  }

  /** A cluster that has just been started may not have a leader yet. */
  async enter(): Promise<void> {
    const client = this.#client('first', 3);
    for (let tries = 0; tries < 20; tries += 1) if (await client.step({ type: 'put', key: '/first', value: '1', lease: '' }) !== undefined) return;
    throw new Error(`the cluster answers nothing\n${this.#cluster.lastWords()}`);
  }

  async perform(untilMs: number): Promise<void> {
    const context = (name: string, endpoints: readonly string[]): WatcherContext => ({ host: this.#host, name, endpoints, records: this.watches, newest: () => this.newest });
    const { endpoints } = this.#cluster;
    this.#watching.push(followAll(context('follower', endpoints), allKeys, this.#stop.signal));
    for (const [at, endpoint] of endpoints.entries()) this.#watching.push(watchAtRandom(context(`watcher${at}`, [endpoint]), this.#stop.signal));
    const workers: Promise<void>[] = [];
    for (let at = 0; at < 8; at += 1) workers.push(kvTraffic(this.#client(`kv${at}`, at), this.#plan, untilMs));
    for (let at = 0; at < 6; at += 1) workers.push(kubernetesTraffic(this.#client(`kube${at}`, at), this.#plan, untilMs));
    workers.push(leaseTraffic(this.#client('lease', 3), this.#plan, untilMs), compactTraffic(this.#client('compactor', 3), this.#plan, untilMs));
    await Promise.all(workers);
  }

  get newest(): number {
    return this.history.reduce((newest, { outcome }) => (outcome.kind === 'ok' ? Math.max(newest, outcome.revision) : newest), 1);
  }

  /** Reads everything through each member, and waits until the follower was told all of it. */
  async settle(): Promise<void> {
    for (const at of [0, 1, 2]) {
      const client = this.#client(`judge${at}`, at);
      let answered = false;
      for (let tries = 0; tries < 20 && !answered; tries += 1) answered = await client.step({ type: 'range', ...allKeys, revision: 0, limit: 0 }) !== undefined;
      expect(answered, `member ${at + 1} answers nothing after everything was healed\n${this.#cluster.lastWords()}`).toBe(true);
    }
    const last = this.newest;
    const told = (): number => Math.max(0, ...this.watches.filter(({ client }) => client === 'follower').flatMap(({ responses }) => responses.map((one) => (one.kind === 'created' ? 0 : one.revision))));
    await until(this.#host, 30_000, () => told() >= last);
    expect(told(), 'the follower was not told everything').toBeGreaterThanOrEqual(last);
    this.#stop.abort();
    await Promise.all(this.#watching);
  }
}

/** By how many days each member's first line in its log is off. */
function clockDays(cluster: ChaosCluster): readonly number[] {
  return cluster.members.map((member) => Math.round((Date.parse((JSON.parse(cluster.log(member).split('\n')[0] ?? '') as { time: string }).time) - Date.now()) / 86_400_000) || 0);
}

async function until(host: Host, forMs: number, condition: () => boolean): Promise<void> {
  const endMs = host.clock.monotonicMs() + forMs;
  while (!condition() && host.clock.monotonicMs() < endMs) await host.timers.sleep(50);
}
