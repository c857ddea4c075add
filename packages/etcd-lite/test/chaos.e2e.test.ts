import type { Host } from '@coxswain/host';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { SeededRandom } from '@coxswain/host/sim';
import { createEtcdClient } from '@coxswain/etcd-lite/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChaosCluster, type ChaosMember } from './support/chaos-cluster.ts';
import { separate, deafen } from './support/namespaces.ts';
import { check, readTruth, watchAll, Worker, type Told } from './support/traffic.ts';

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
    cluster = new ChaosCluster(3, { diskMegabytes: 160, flags: ['--snapshot-count', '2000'] });
    // Wall clocks differ from the beginning on.
    for (const [at, member] of cluster.members.entries()) cluster.shiftClock(member, (at - 1) * 20 * 86_400);
    cluster.startAll();
  });

  afterAll(() => cluster.remove());

  it(`stays linearizable, loses nothing and gives every watch all there is (seed ${seed}, ${seconds} s)`, async () => {
    const host = createRealHost(silentLogger);
    const random = new SeededRandom(seed);
    const client = (endpoints = cluster.endpoints): ReturnType<typeof createEtcdClient> => createEtcdClient(host, { endpoints, requestTimeoutMs: 1500 });
    await firstWrite(client());
    const seen: Told[] = [];
    const stopWatch = new AbortController();
    const watcher = watchAll(client(), host, seen, stopWatch.signal);
    const untilMs = host.clock.monotonicMs() + seconds * 1000;
    const workers = Array.from({ length: 12 }, (_, at) => new Worker(host, client([...cluster.endpoints.slice(at % 3), ...cluster.endpoints.slice(0, at % 3)]), `c${at}`));
    const done = await Promise.all([torment(host, random, untilMs), ...workers.map((worker) => worker.run(untilMs))]);
    const truth = await readTruth(createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 15_000 }));
    await until(host, 20_000, () => seen.length >= truth.events.length);
    stopWatch.abort();
    await watcher;
    const history = workers.flatMap((worker) => worker.history);
    console.log(`faults: ${JSON.stringify(done[0])}; ${history.length} operations, ${history.filter((one) => one.returnMs === Number.POSITIVE_INFINITY).length} of unknown outcome, ${seen.length} events`);
    if (ChaosCluster.hasFaketime) expect(clockDays(cluster)).toEqual([-20, 0, 20]);
    check(history, seen, truth.events, () => cluster.lastWords());
    expect(history.length).toBeGreaterThan(1000);
    for (const member of cluster.members) expect(member.process?.exitCode, `${member.name} ended by itself\n${cluster.lastWords()}`).toBeNull();
  });

  async function torment(host: Host, random: SeededRandom, untilMs: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const kinds = (Object.keys(faults) as Fault[]).filter((kind) => kind !== 'full-disk' && (kind !== 'clock' || ChaosCluster.hasFaketime));
    while (host.clock.monotonicMs() < untilMs) {
      const kind = kinds[Math.floor(random.float() * kinds.length)] as Fault;
      const victim = cluster.members[Math.floor(random.float() * 3)] as ChaosMember;
      counts[kind] = (counts[kind] ?? 0) + 1;
      await faults[kind]({ cluster, host, random, victim, others: cluster.members.filter((member) => member !== victim) });
      await host.timers.sleep(300 + random.float() * 1500);
    }
    return counts;
  }
});

/** By how many days each member's first line in its log is off. */
function clockDays(cluster: ChaosCluster): readonly number[] {
  return cluster.members.map((member) => Math.round((Date.parse((JSON.parse(cluster.log(member).split('\n')[0] ?? '') as { time: string }).time) - Date.now()) / 86_400_000) || 0);
}

/** A cluster that has just been started may not have a leader yet. */
async function firstWrite(client: ReturnType<typeof createEtcdClient>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.put({ key: new Uint8Array([114, 47, 115]), value: new Uint8Array([49]) });
      return;
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

async function until(host: Host, forMs: number, condition: () => boolean): Promise<void> {
  const endMs = host.clock.monotonicMs() + forMs;
  while (!condition() && host.clock.monotonicMs() < endMs) await host.timers.sleep(50);
}
