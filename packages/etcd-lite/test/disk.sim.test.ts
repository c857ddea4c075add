import { fromUtf8, utf8, type Host } from '@coxswain/host';
import { Simulation, type SimulatedDisk } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { expect, it } from 'vitest';
import { SimCluster, type SimMember } from './support/sim-cluster.ts';

interface World { readonly sim: Simulation; readonly cluster: SimCluster; readonly host: Host; readonly client: EtcdClient; readonly acknowledged: Map<string, string> }

function world(seed: number): World {
  const sim = new Simulation({ seed });
  const cluster = new SimCluster(sim, ['m1', 'm2', 'm3']);
  cluster.startAll();
  const { host } = sim.start('c', 'client');
  return { sim, cluster, host, client: createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 1500 }), acknowledged: new Map() };
}

/** Writes under ever new keys; remembers what was acknowledged. Answers the longest time without an acknowledgement. */
async function write({ client, host, acknowledged }: World, name: string, untilMs: number): Promise<number> {
  let lastMs = host.clock.monotonicMs();
  let longestMs = 0;
  for (let count = 0; host.clock.monotonicMs() < untilMs; count += 1) {
    try {
      await client.put({ key: utf8(`${name}/${count}`), value: utf8(String(count)) });
      acknowledged.set(`${name}/${count}`, String(count));
      longestMs = Math.max(longestMs, host.clock.monotonicMs() - lastMs);
      lastMs = host.clock.monotonicMs();
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    }
    await host.timers.sleep(10);
  }
  return Math.max(longestMs, host.clock.monotonicMs() - lastMs);
}

async function leader({ cluster, host }: World): Promise<SimMember> {
  for (;;) {
    const found = cluster.leader();
    if (found !== undefined) return found;
    await host.timers.sleep(50);
  }
}

async function checkAll({ client, host, acknowledged, cluster }: World): Promise<void> {
  const there = new Map<string, string>();
  for (let tries = 0; there.size === 0; tries += 1) {
    try {
      for (const kv of (await client.range({ key: utf8('\0'), rangeEnd: utf8('\0') })).kvs) there.set(fromUtf8(kv.key), fromUtf8(kv.value));
    } catch (error) {
      if (!(error instanceof EtcdError) || tries > 100) throw error;
      await host.timers.sleep(100);
    }
  }
  for (const [key, value] of acknowledged) expect(there.get(key), key).toBe(value);
  while (new Set(cluster.members.map((member) => member.running?.status().applied)).size > 1) await host.timers.sleep(100);
  expect(new Set(cluster.members.map((member) => member.running?.status().hash())).size).toBe(1);
}

for (const seed of [1, 2]) {
  it(`a leader whose disk stands still does not hold the cluster up: seed ${seed}`, async () => {
    const here = world(seed);
    const story = async (): Promise<number> => {
      const victim = await leader(here);
      await here.host.timers.sleep(1000);
      here.sim.machine(victim.name).disk.stalledUntilMs = here.sim.nowMs + 60_000;
      const longestMs = await write(here, 'stalled', here.host.clock.monotonicMs() + 40_000);
      await here.host.timers.sleep(40_000);
      await checkAll(here);
      return longestMs;
    };
    expect(await here.sim.runUntil(story(), 200_000, 'the story')).toBeLessThan(10_000);
    expect(here.cluster.failures).toEqual([]);
    expect(here.acknowledged.size).toBeGreaterThan(500);
    here.sim.stop();
  });

  it(`a full disk costs its member and no acknowledged write, and the member comes back with space: seed ${seed}`, async () => {
    const here = world(seed);
    const story = async (): Promise<number> => {
      const victim = seed % 2 === 0 ? await leader(here) : here.cluster.members.find((member) => member !== here.cluster.leader()) as SimMember;
      const { disk } = here.sim.machine(victim.name);
      await here.host.timers.sleep(500);
      // As its supervisor does: started again and again while the disk is full, and it fails again and again.
      const untilMs = here.host.clock.monotonicMs() + 20_000;
      const supervise = async (): Promise<void> => {
        disk.fault = 'no-space';
        while (here.host.clock.monotonicMs() < untilMs) {
          await here.host.timers.sleep(2000);
          if (here.host.clock.monotonicMs() > untilMs - 8000) disk.fault = undefined;
          if (here.cluster.failures.length === 0 && victim.process?.alive === true) continue;
          here.cluster.kill(victim, here.sim.random.float() < 0.3);
          here.cluster.failures.length = 0;
          here.cluster.start(victim);
        }
      };
      const [longestMs] = await Promise.all([write(here, 'full', untilMs), supervise()]);
      await here.host.timers.sleep(5000);
      await checkAll(here);
      return longestMs;
    };
    expect(await here.sim.runUntil(story(), 200_000, 'the story')).toBeLessThan(10_000);
    expect(here.cluster.failures).toEqual([]);
    here.sim.stop();
  });
}

const faults: readonly { readonly name: string; readonly begin: (disk: SimulatedDisk, here: World) => void; readonly end: (disk: SimulatedDisk) => void }[] = [
  { name: 'full', begin: (disk) => { disk.fault = 'no-space'; }, end: (disk) => { disk.fault = undefined; } },
  { name: 'read-only', begin: (disk) => { disk.fault = 'read-only'; }, end: (disk) => { disk.fault = undefined; } },
  { name: 'failing every datasync', begin: (disk) => { disk.decide = ({ kind }) => (kind === 'datasync' ? { error: 'io' } : undefined); }, end: (disk) => { disk.decide = undefined; } },
  { name: 'standing still', begin: (disk, { sim }) => { disk.stalledUntilMs = sim.nowMs + 8000; }, end: () => undefined },
];

for (const { name, begin, end } of faults) {
  for (const seed of [1, 2, 3]) {
    it(`a leader whose disk is ${name} for 8 s hands over, does not lead meanwhile, and goes on by itself: seed ${seed}`, async () => {
      const here = world(seed);
      const story = async (): Promise<number> => {
        const victim = await leader(here);
        const { disk } = here.sim.machine(victim.name);
        await here.host.timers.sleep(1000);
        const startMs = here.host.clock.monotonicMs();
        const watch = async (): Promise<void> => {
          await here.host.timers.sleep(500);
          begin(disk, here);
          await here.host.timers.sleep(4500);
          expect(here.cluster.leader()?.name).not.toBe(victim.name);
          await here.host.timers.sleep(3500);
          end(disk);
        };
        const [longestMs] = await Promise.all([write(here, 'fault', startMs + 20_000), watch()]);
        await here.host.timers.sleep(5000);
        await checkAll(here);
        return longestMs;
      };
      expect(await here.sim.runUntil(story(), 200_000, 'the story')).toBeLessThan(5000);
      // Nobody restarted it.
      expect(here.cluster.failures).toEqual([]);
      expect(here.acknowledged.size).toBeGreaterThan(500);
      here.sim.stop();
    });
  }
}

for (const seed of [1, 2, 3]) {
  it(`all disks full: nothing is acknowledged, nothing is lost, and writes go on when there is space again: seed ${seed}`, async () => {
    const here = world(seed);
    const story = async (): Promise<void> => {
      await leader(here);
      const disks = here.cluster.members.map(({ name }) => here.sim.machine(name).disk);
      const startMs = here.host.clock.monotonicMs();
      await write(here, 'before', startMs + 2000);
      for (const disk of disks) disk.fault = 'no-space';
      const before = here.acknowledged.size;
      await write(here, 'full', startMs + 15_000);
      expect(here.acknowledged.size).toBe(before);
      // One of them dies and comes back meanwhile: it waits as the others do.
      const victim = here.cluster.members[seed % 3] as SimMember;
      here.cluster.kill(victim, seed === 2);
      here.cluster.start(victim);
      await here.host.timers.sleep(3000);
      for (const disk of disks) disk.fault = undefined;
      await here.host.timers.sleep(5000);
      await write(here, 'after', here.host.clock.monotonicMs() + 2000);
      expect(here.acknowledged.size).toBeGreaterThan(before + 50);
      await checkAll(here);
    };
    await here.sim.runUntil(story(), 200_000, 'the story');
    expect(here.cluster.failures).toEqual([]);
    here.sim.stop();
  });
}
