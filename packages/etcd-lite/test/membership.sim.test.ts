import { NetworkError, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { startEtcdServer, type EtcdConfig, type RunningEtcd } from '@coxswain/etcd-lite';
import { createEtcdClient, EtcdError } from '@coxswain/etcd-lite/client';
import { expect, it } from 'vitest';
import type { MemberAddResponse, MemberListResponse, MemberMessage } from '../src/wire/messages.ts';
import { codecs } from '../src/wire/schema.ts';
import { callRaw, rangeRequest, refusal } from './support/raw-call.ts';
import { check, readTruth, watchAll, Worker, type Told } from './support/traffic.ts';

const quietMs = 45_000;

/** A store whose members come and go; each has a machine of its own, and is started with what an operator would pass. */
class ChangingCluster {
  readonly sim: Simulation;
  readonly host: Host;
  readonly running = new Map<string, RunningEtcd>();
  readonly processes = new Map<string, ReturnType<Simulation['start']>>();
  /** What ended a member, or kept it from starting. */
  readonly ended = new Map<string, string>();
  readonly #lives = new Map<string, number>();

  constructor(seed: number) {
    this.sim = new Simulation({ seed });
    for (const name of ['m1', 'm2', 'm3', 'm4', 'm5']) this.sim.machine(name);
    this.host = this.sim.start('operator', 'operator').host;
  }

  url(name: string, port: number): string {
    return `http://${this.sim.machine(name).address}:${port}`;
  }

  start(name: string, initial: readonly string[], options: Partial<EtcdConfig> = {}): void {
    const process = this.sim.start(name, `etcd-${name}`);
    this.processes.set(name, process);
    this.ended.delete(name);
    const config: EtcdConfig = {
      name, dataDir: `/var/lib/etcd-${this.#lives.get(name) ?? 0}`, clientListeners: [{ address: '0.0.0.0', port: 2379 }], peerListeners: [{ address: '0.0.0.0', port: 2380 }],
      advertiseClientUrls: [this.url(name, 2379)], initialCluster: Object.fromEntries(initial.map((one) => [one, [this.url(one, 2380)]])), snapshotCount: 100, snapshotCatchUpEntries: 20,
      segmentBytes: 16 * 1024, ...options,
    };
    const end = (error: unknown): void => { this.ended.set(name, (error as Error).message); };
    startEtcdServer(config, process.host).then((running) => {
      if (!process.alive) return;
      this.running.set(name, running);
      running.failed.catch((error: unknown) => {
        end(error);
        this.kill(name);
      });
    }, end);
  }

  kill(name: string, powerCut = false): void {
    const process = this.processes.get(name);
    if (process?.alive === true) this.sim.kill(process, { powerCut });
    this.running.delete(name);
  }

  /** The next life has nothing of this one. */
  emptyDisk(name: string): void {
    this.#lives.set(name, (this.#lives.get(name) ?? 0) + 1);
  }

  get leader(): string | undefined {
    return [...this.running].filter(([, one]) => one.status().role === 'leader').toSorted((a, b) => b[1].status().term - a[1].status().term)[0]?.[0];
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.host.timers.sleep(20);
  }

  /** As an operator does: again while the cluster says that it is not healthy or that it is too early. */
  async #again<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof EtcdError) || !/unhealthy|in sync|timed out|no leader|not enough started/.test(error.message)) throw error;
        await this.host.timers.sleep(200);
      }
    }
  }

  async list(at: string): Promise<readonly MemberMessage[]> {
    return (await callRaw<object, MemberListResponse>(this.host, this.url(at, 2379), '/etcdserverpb.Cluster/MemberList', codecs.memberListRequest as never, codecs.memberListResponse, { linearizable: true })).members;
  }

  async id(at: string, name: string): Promise<bigint> {
    return (await this.list(at)).find((member) => member.name === name)?.ID ?? 0n;
  }

  add(at: string, name: string, isLearner = false): Promise<MemberAddResponse> {
    return this.#again(() => callRaw(this.host, this.url(at, 2379), '/etcdserverpb.Cluster/MemberAdd', codecs.memberAddRequest, codecs.memberAddResponse, { peerURLs: [this.url(name, 2380)], isLearner }));
  }

  remove(at: string, ID: bigint): Promise<MemberListResponse> {
    return this.#again(() => callRaw(this.host, this.url(at, 2379), '/etcdserverpb.Cluster/MemberRemove', codecs.memberRemoveRequest, codecs.memberRemoveResponse, { ID }));
  }

  promote(at: string, ID: bigint): Promise<MemberListResponse> {
    return this.#again(() => callRaw(this.host, this.url(at, 2379), '/etcdserverpb.Cluster/MemberPromote', codecs.memberPromoteRequest, codecs.memberPromoteResponse, { ID }));
  }

  put(at: string, key: string): Promise<object> {
    const request = { key: utf8(key), value: utf8('v'), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
    return this.#again(() => callRaw(this.host, this.url(at, 2379), '/etcdserverpb.KV/Put', codecs.putRequest, codecs.putResponse, request));
  }
}

const removedText = 'the member has been permanently removed from the cluster';

it('grows from one member to three, a learner serves only what may be stale until it is promoted, and the leader can be removed', async () => {
  const cluster = new ChangingCluster(1);
  const story = async (): Promise<void> => {
    cluster.start('m1', ['m1']);
    await cluster.until(() => cluster.leader === 'm1');
    await cluster.put('m1', 'a');
    // Returns at once, though the second is not there yet, and the first goes on alone until it is.
    const added = await cluster.add('m1', 'm2');
    expect(added.member).toMatchObject({ name: '', isLearner: false, clientURLs: [] });
    await cluster.put('m1', 'b');
    cluster.start('m2', ['m1', 'm2'], { initialClusterState: 'existing' });
    await cluster.until(() => cluster.running.has('m2'));
    const learner = await cluster.add('m1', 'm3', true);
    expect(await refusal(callRaw(cluster.host, cluster.url('m1', 2379), '/etcdserverpb.Cluster/MemberAdd', codecs.memberAddRequest, codecs.memberAddResponse, { peerURLs: [cluster.url('m4', 2380)], isLearner: true })))
      .toContain('etcdserver: too many learner members in cluster');
    cluster.start('m3', ['m1', 'm2', 'm3'], { initialClusterState: 'existing' });
    await cluster.until(() => cluster.running.get('m3')?.status().revision === cluster.running.get('m1')?.status().revision);
    const read = (serializable: boolean): Promise<string> =>
      refusal(callRaw(cluster.host, cluster.url('m3', 2379), '/etcdserverpb.KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest({ key: utf8('a'), serializable })));
    expect([await read(true), (await read(false)).includes('etcdserver: rpc not supported for learner')]).toEqual(['accepted', true]);
    await cluster.promote('m2', learner.member.ID);
    await cluster.until(() => cluster.leader === 'm1');
    await cluster.remove('m2', await cluster.id('m2', 'm1'));
    await cluster.until(() => cluster.ended.has('m1'));
    expect(cluster.ended.get('m1')).toBe(removedText);
    await cluster.put('m2', 'c');
    expect((await cluster.list('m3')).map(({ name, isLearner }) => ({ name, isLearner })).toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([{ name: 'm2', isLearner: false }, { name: 'm3', isLearner: false }]);
    expect(['m2', 'm3']).toContain(cluster.leader);
    // It was down when it might have read of it: with its old data it is told by the others.
    cluster.start('m1', ['m1']);
    await cluster.until(() => cluster.ended.has('m1'));
    expect(cluster.ended.get('m1')).toBe(removedText);
  };
  await cluster.sim.runUntil(story(), 120_000, 'the story');
  cluster.sim.stop();
});

it('an emptied disk does not come back under its old identity, and can be replaced', async () => {
  const cluster = new ChangingCluster(2);
  const all = ['m1', 'm2', 'm3'];
  const story = async (): Promise<void> => {
    for (const name of all) cluster.start(name, all);
    await cluster.until(() => cluster.leader !== undefined);
    await cluster.put('m1', 'a');
    await cluster.until(() => [...cluster.running.values()].every((one) => one.status().applied === cluster.running.get('m1')?.status().applied));
    const id = await cluster.id('m1', 'm3');
    cluster.kill('m3', true);
    cluster.emptyDisk('m3');
    cluster.start('m3', all);
    await cluster.until(() => cluster.ended.has('m3'));
    expect(cluster.ended.get('m3')).toMatch(new RegExp(`^member ${id.toString(16)} has already been bootstrapped`));
    await cluster.remove('m1', id);
    cluster.start('m3', all, { initialClusterState: 'existing' });
    await cluster.until(() => cluster.ended.has('m3'));
    expect(cluster.ended.get('m3')).toMatch(/^error validating peerURLs .*: member count is unequal$/);
    const added = await cluster.add('m2', 'm3');
    expect(added.member.ID).not.toBe(id);
    cluster.start('m3', all, { initialClusterState: 'existing' });
    await cluster.until(() => cluster.running.get('m3')?.status().revision === cluster.running.get('m1')?.status().revision);
    expect(cluster.running.get('m3')?.memberId).toBe(added.member.ID);
    // It has its vote when it has caught up: then one of the others may go.
    await cluster.host.timers.sleep(2000);
    cluster.kill('m1', true);
    await cluster.put('m2', 'b');
  };
  await cluster.sim.runUntil(story(), 120_000, 'the story');
  cluster.sim.stop();
});

it('--force-new-cluster goes on alone with everything, and the others are turned away', async () => {
  const cluster = new ChangingCluster(3);
  const all = ['m1', 'm2', 'm3'];
  const story = async (): Promise<void> => {
    for (const name of all) cluster.start(name, all);
    await cluster.until(() => cluster.leader !== undefined);
    for (let count = 0; count < 150; count += 1) await cluster.put('m1', `k${count}`);
    const revision = cluster.running.get('m1')?.status().revision;
    for (const name of all) cluster.kill(name, true);
    cluster.start('m1', all, { forceNewCluster: true });
    await cluster.until(() => cluster.leader === 'm1');
    expect(cluster.running.get('m1')?.status().revision).toBe(revision);
    await cluster.put('m1', 'alone');
    cluster.start('m2', all);
    await cluster.until(() => cluster.ended.has('m2'));
    expect(cluster.ended.get('m2')).toBe(removedText);
    expect((await cluster.list('m1')).map(({ name }) => name)).toEqual(['m1']);
  };
  await cluster.sim.runUntil(story(), 120_000, 'the story');
  cluster.sim.stop();
});

/** Joins, removals (of leaders too), replacements and promotions, one after another, while members crash and links fail. */
async function churn(cluster: ChangingCluster, rounds: number): Promise<void> {
  const { sim, host } = cluster;
  const { random } = sim;
  let names = ['m1', 'm2', 'm3'];
  const spare = ['m4', 'm5'];
  for (let round = 0; round < rounds; round += 1) {
    const leaving = random.float() < 0.5 ? cluster.leader ?? 'm1' : names[random.uint32() % names.length] as string;
    if (!names.includes(leaving)) continue;
    const staying = names.filter((name) => name !== leaving);
    const [at] = staying as [string];
    const dies = random.float() < 0.5;
    const id = await retry(host, () => cluster.id(at, leaving));
    if (dies) cluster.kill(leaving, true);
    await removeOnce(cluster, at, id);
    cluster.kill(leaving, true);
    cluster.emptyDisk(leaving);
    const joining = spare.shift() as string;
    spare.push(leaving);
    const asLearner = random.float() < 0.5;
    const added = await addOnce(cluster, at, joining, asLearner);
    names = [...staying, joining];
    cluster.start(joining, names, { initialClusterState: 'existing' });
    if (random.float() < 0.5) {
      await host.timers.sleep(random.float() * 1000);
      if (cluster.ended.has(joining)) throw new Error(cluster.ended.get(joining));
      const crashed = cluster.running.has(joining);
      if (crashed) {
        cluster.kill(joining, true);
        cluster.start(joining, names, { initialClusterState: 'existing' });
      }
    }
    if (random.float() < 0.5) {
      sim.cut(staying[0] as string, staying[1] as string, { oneWay: random.float() < 0.5 });
      await host.timers.sleep(random.float() * 3000);
      sim.heal();
    }
    await cluster.until(() => cluster.running.has(joining));
    if (asLearner) await promoteOnce(cluster, at, added);
    await host.timers.sleep(random.float() * 6000);
  }
}

async function retry<T>(host: Host, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof EtcdError) && !(error instanceof NetworkError)) throw error;
      await host.timers.sleep(200);
    }
  }
}

/** A change whose answer was lost may have been made: "not found" is success then. */
async function removeOnce(cluster: ChangingCluster, at: string, id: bigint): Promise<void> {
  await retry(cluster.host, async () => {
    if ((await cluster.list(at)).some((member) => member.ID === id)) await cluster.remove(at, id);
  });
}

async function addOnce(cluster: ChangingCluster, at: string, name: string, isLearner: boolean): Promise<bigint> {
  return retry(cluster.host, async () => {
    const there = (await cluster.list(at)).find((member) => member.peerURLs.includes(cluster.url(name, 2380)));
    return there?.ID ?? (await cluster.add(at, name, isLearner)).member.ID;
  });
}

async function promoteOnce(cluster: ChangingCluster, at: string, id: bigint): Promise<void> {
  await retry(cluster.host, async () => {
    if ((await cluster.list(at)).some((member) => member.ID === id && member.isLearner)) await cluster.promote(at, id);
  });
}

function seeds(): readonly number[] {
  const [from, to] = (process.env['ETCD_SIM_SEEDS'] ?? '1-4').split('-').map(Number) as [number, number];
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

for (const seed of seeds()) {
  it(`members change under load and faults; nothing is lost and all of it is linearizable: seed ${seed}`, async () => {
    const cluster = new ChangingCluster(seed);
    const { sim } = cluster;
    for (const name of ['m1', 'm2', 'm3']) cluster.start(name, ['m1', 'm2', 'm3']);
    const endpoints = ['m1', 'm2', 'm3', 'm4', 'm5'].map((name) => cluster.url(name, 2379));
    const workers = ['c1', 'c2', 'c3'].map((name, at) => {
      const { host } = sim.start(name, name);
      return new Worker(host, createEtcdClient(host, { endpoints: [...endpoints.slice(at), ...endpoints.slice(0, at)], requestTimeoutMs: 1500 }), name);
    });
    const { host } = sim.start('watcher', 'watcher');
    const stop = new AbortController();
    const seen: Told[] = [];
    let broken: unknown;
    watchAll(createEtcdClient(host, { endpoints }), host, seen, stop.signal).catch((error: unknown) => { broken = error; });
    const explain = (): string => `seed ${seed}\n${sim.trace.tail(80).join('\n')}`;
    const forMs = 60_000;
    try {
      const changes = cluster.until(() => cluster.leader !== undefined).then(() => churn(cluster, 4));
      await sim.runUntil(Promise.all([changes, ...workers.map((worker) => worker.run(forMs))]), 400_000, 'changes under load');
      await sim.run(quietMs);
      const judge = sim.start('judge', 'judge').host;
      const truth = await sim.runUntil(readTruth(createEtcdClient(judge, { endpoints, requestTimeoutMs: 10_000 })), 60_000, 'the final read');
      await sim.run(60_000, () => seen.length >= truth.events.length || broken !== undefined);
      expect(broken, explain()).toBeUndefined();
      const same = await sim.run(30_000, () => new Set([...cluster.running.values()].map((one) => one.status().applied)).size === 1);
      expect(same, explain()).toBe(true);
      expect(cluster.running.size).toBe(3);
      expect(new Set([...cluster.running.values()].map((one) => one.status().hash())).size, explain()).toBe(1);
      const history = workers.flatMap((worker) => worker.history);
      check(history, seen, truth.events, explain);
      expect(history.filter((one) => one.revision !== undefined).length).toBeGreaterThan(100);
    } finally {
      stop.abort();
      sim.stop();
    }
  });
}
