/**
 * Three members on the simulator for fifty simulated days (past 2^31 and 2^32 ms) under light work: does anything grow, forget or
 * stop? For the night; a day takes a minute or so.
 *
 *   node --expose-gc packages/etcd-lite/scripts/fifty-days.ts --days=50 --seed=1
 *
 * Each simulated day prints memory after a collection, files, bytes on disk and what was done. Fails when writes are refused, a kept lease is
 * lost, one that is not kept stays, members differ, or memory or files of the last days are above those of the first.
 */
import { parseArgs } from 'node:util';
import { assert, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError, type EtcdClient } from '../src/client/index.ts';
import { SimCluster } from '../test/support/sim-cluster.ts';

const { values: options } = parseArgs({ options: { days: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' }, start: { type: 'string', default: '0' } } });
const dayMs = 86_400_000;
const stepMs = 30_000;
const dataDir = '/var/lib/etcd/member';

interface Day { readonly day: number; readonly heapMb: number; readonly files: number; readonly diskMb: number; readonly revision: number }

/** A write that finds no leader is tried again; any other refusal ends the run. */
async function insist<T>(host: Host, act: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof EtcdError) || error.code !== 14 || tries > 100) throw error;
      await host.timers.sleep(200);
    }
  }
}

/** Writes, reads, keeps one lease and lets others end, compacts as an API server does. */
async function work(host: Host, client: EtcdClient, untilMs: number): Promise<void> {
  const kept = await insist(host, () => client.leaseGrant({ ttlSeconds: 90 }));
  await insist(host, () => client.put({ key: utf8('kept'), value: utf8('1'), lease: kept.id }));
  let before = 0;
  for (let step = 0; host.clock.monotonicMs() < untilMs; step += 1) {
    const renewed = await insist(host, () => client.leaseKeepAlive(kept.id));
    assert(renewed.ttlSeconds === 90, 'the kept lease was lost', { atMs: host.clock.monotonicMs() });
    const { id } = await insist(host, () => client.leaseGrant({ ttlSeconds: 60 }));
    await insist(host, () => client.put({ key: utf8(`short/${step}`), value: utf8(String(step)), lease: id }));
    await insist(host, () => client.put({ key: utf8(`k/${step % 500}`), value: new Uint8Array(512) }));
    const { count } = await insist(host, () => client.range({ key: utf8('short/'), rangeEnd: utf8('short0'), countOnly: true }));
    assert(count <= 4, 'leases that were not kept are still there', { count, atMs: host.clock.monotonicMs() });
    if (step % 10 === 9) {
      const { revision } = await client.status();
      if (before > 0) await insist(host, () => client.compact(before));
      before = revision;
    }
    await host.timers.sleep(stepMs);
  }
}

async function measure(sim: Simulation, cluster: SimCluster, host: Host, day: number): Promise<Day> {
  let files = 0;
  let bytes = 0;
  for (const { name } of cluster.members) {
    const { disk } = sim.start(name, 'measure').host;
    for (const folder of ['wal', 'snap']) {
      for (const file of await disk.list(`${dataDir}/${folder}`)) {
        files += 1;
        const handle = await disk.open(`${dataDir}/${folder}/${file}`, 'read');
        bytes += await handle.sizeBytes();
        await handle.close();
      }
    }
  }
  await host.timers.sleep(1000);
  const hashes = new Set(cluster.members.map((member) => member.running?.status().hash()));
  assert(hashes.size === 1, 'the members differ', { day });
  global.gc?.();
  return { day, heapMb: process.memoryUsage().heapUsed / 2 ** 20, files, diskMb: bytes / 2 ** 20, revision: cluster.members[0]?.running?.status().revision ?? 0 };
}

/** The median of the last days may be a little above that of the first, no more. */
function judge(days: readonly Day[]): void {
  const median = (some: readonly Day[], of: (day: Day) => number): number => some.map(of).toSorted((a, b) => a - b)[some.length >> 1] as number;
  const early = days.slice(1, 6);
  const late = days.slice(-5);
  for (const [name, of, slack] of [['memory', (day: Day) => day.heapMb, 1.3], ['files', (day: Day) => day.files, 1.5], ['disk', (day: Day) => day.diskMb, 1.5]] as const) {
    assert(median(late, of) <= median(early, of) * slack + 5, `${name} grows`, { early: median(early, of), late: median(late, of) });
  }
}

const sim = new Simulation({ seed: Number(options.seed), monotonicStartMs: Number(options.start) });
const cluster = new SimCluster(sim, ['m1', 'm2', 'm3'], { snapshotCount: 10_000, snapshotCatchUpEntries: 5000, segmentBytes: 2 * 1024 * 1024 });
cluster.startAll();
const { host } = sim.start('c', 'client');
const client = createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 10_000 });
const endMs = sim.nowMs + Number(options.days) * dayMs;
let failure: unknown;
const working = work(host, client, endMs).catch((error: unknown) => { failure = error; });
const days: Day[] = [];
for (let day = 1; day <= Number(options.days); day += 1) {
  const startedMs = performance.now();
  await sim.run(dayMs, () => failure !== undefined || cluster.failures.length > 0);
  if (failure !== undefined) throw failure as Error;
  assert(cluster.failures.length === 0, 'a member failed', { error: String(cluster.failures[0]) });
  const now = await sim.runUntil(measure(sim, cluster, host, day), 60_000, 'the measurement');
  days.push(now);
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`day ${day}: heap ${now.heapMb.toFixed(1)} MB, ${now.files} files, ${now.diskMb.toFixed(1)} MB on disk, revision ${now.revision}, clock ${Math.round(sim.nowMs)} ms, ${(dayMs / 1000 / seconds).toFixed(0)} simulated seconds a second`);
  // Someone restarts a member now and then, and a machine loses power.
  const victim = cluster.members[day % 3] as (typeof cluster.members)[number];
  cluster.kill(victim, day % 2 === 0);
  cluster.start(victim);
}
await sim.runUntil(working, 60_000, 'the work');
if (failure !== undefined) throw failure as Error;
if (days.length >= 10) judge(days);
sim.stop();
console.log('nothing grew');
