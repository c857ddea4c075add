import { utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { describe, expect, it } from 'vitest';
import { SimCluster, type SimMember } from './support/sim-cluster.ts';

interface World { readonly sim: Simulation; readonly cluster: SimCluster; readonly host: Host; readonly client: EtcdClient }

function world(seed: number, monotonicStartMs = 0): World {
  const sim = new Simulation({ seed, monotonicStartMs });
  const cluster = new SimCluster(sim, ['m1', 'm2', 'm3']);
  cluster.startAll();
  const { host } = sim.start('c', 'client');
  return { sim, cluster, host, client: createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 2000 }) };
}

async function insist<T>({ host }: World, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      await host.timers.sleep(100);
    }
  }
}

async function leader({ cluster, host }: World): Promise<SimMember> {
  for (;;) {
    const found = cluster.leader();
    if (found !== undefined) return found;
    await host.timers.sleep(50);
  }
}

/** Grants a lease with a key on it. `atMs`: when it was asked for; its time cannot have begun before. */
async function grant(here: World, ttlSeconds: number): Promise<{ readonly id: bigint; readonly atMs: number }> {
  const atMs = here.host.clock.monotonicMs();
  const { id } = await insist(here, () => here.client.leaseGrant({ ttlSeconds }));
  await insist(here, () => here.client.put({ key: utf8(`l/${id}`), value: utf8('1'), lease: id }));
  return { id, atMs };
}

async function goneMs(here: World, id: bigint): Promise<number> {
  while ((await insist(here, () => here.client.range({ key: utf8(`l/${id}`) }))).count > 0) await here.host.timers.sleep(50);
  return here.host.clock.monotonicMs();
}

function finish({ sim, cluster }: World): void {
  expect(cluster.failures).toEqual([]);
  sim.stop();
}

/** What no lease may be late by: an election, the pace of ends, and what a checkpoint may be behind. */
const boundMs = 5000;

for (const seed of [1, 2, 3]) {
  it(`a new leader goes on with what was left of a lease, it does not begin anew: seed ${seed}`, async () => {
    const here = world(seed);
    const story = async (): Promise<number> => {
      const { id, atMs } = await grant(here, 60);
      // Written down at 30 s; the next leader gives the other 30 from when it leads.
      await here.host.timers.sleep(40_000);
      const victim = await leader(here);
      here.cluster.kill(victim, true);
      await here.host.timers.sleep(2000);
      here.cluster.start(victim);
      return await goneMs(here, id) - atMs;
    };
    const lifeMs = await here.sim.runUntil(story(), 200_000, 'the lease');
    expect(lifeMs).toBeGreaterThanOrEqual(60_000);
    expect(lifeMs).toBeLessThan(40_000 + 30_000 + boundMs);
    finish(here);
  });

  it(`what was left is in snapshots too, and outlives a power cut of all members: seed ${seed}`, async () => {
    const here = world(seed);
    const story = async (): Promise<number> => {
      const { id, atMs } = await grant(here, 60);
      await here.host.timers.sleep(35_000);
      // More than the log keeps behind a snapshot.
      for (let count = 0; count < 250; count += 1) await insist(here, () => here.client.put({ key: utf8(`k/${count}`), value: utf8('v') }));
      for (const member of here.cluster.members) here.cluster.kill(member, true);
      here.cluster.startAll();
      return await goneMs(here, id) - atMs;
    };
    const lifeMs = await here.sim.runUntil(story(), 200_000, 'the lease');
    expect(lifeMs).toBeGreaterThanOrEqual(60_000);
    expect(lifeMs).toBeLessThan(35_000 + 30_000 + 2 * boundMs);
    finish(here);
  });

  it(`a lease that is renewed late has its whole time, whoever leads next: seed ${seed}`, async () => {
    const here = world(seed);
    const story = async (): Promise<number> => {
      const { id } = await grant(here, 20);
      await here.host.timers.sleep(15_000);
      const atMs = here.host.clock.monotonicMs();
      expect((await insist(here, () => here.client.leaseKeepAlive(id))).ttlSeconds).toBe(20);
      const victim = await leader(here);
      here.cluster.kill(victim, false);
      const lifeMs = await goneMs(here, id) - atMs;
      here.cluster.start(victim);
      return lifeMs;
    };
    const lifeMs = await here.sim.runUntil(story(), 200_000, 'the lease');
    expect(lifeMs).toBeGreaterThanOrEqual(20_000);
    expect(lifeMs).toBeLessThan(20_000 + boundMs);
    finish(here);
  });

  it(`a leader whose disk stands still never says that a lease does not exist: seed ${seed}`, async () => {
    const here = world(seed);
    const story = async (): Promise<void> => {
      const victim = await leader(here);
      await here.host.timers.sleep(1000);
      here.sim.machine(victim.name).disk.stalledUntilMs = here.sim.nowMs + 8000;
      for (let count = 0; count < 10; count += 1) {
        const { id } = await grant(here, 30);
        const untilMs = here.host.clock.monotonicMs() + 2500;
        while (here.host.clock.monotonicMs() < untilMs) {
          expect((await insist(here, () => here.client.leaseKeepAlive(id))).ttlSeconds).toBe(30);
          expect((await insist(here, () => here.client.leaseTimeToLive(id))).ttlSeconds).toBeGreaterThan(26);
          await here.host.timers.sleep(200);
        }
      }
    };
    await here.sim.runUntil(story(), 200_000, 'the story');
    finish(here);
  });
}

it('the date may be set to anything: leases do not look at it', async () => {
  const here = world(4);
  const story = async (): Promise<number> => {
    const { id, atMs } = await grant(here, 20);
    for (const jumpMs of [86_400_000, -86_400_000 * 30, 0]) {
      await here.host.timers.sleep(4000);
      for (const { name } of here.cluster.members) here.sim.machine(name).clockOffsetMs = jumpMs;
    }
    return await goneMs(here, id) - atMs;
  };
  const lifeMs = await here.sim.runUntil(story(), 100_000, 'the lease');
  expect(lifeMs).toBeGreaterThanOrEqual(20_000);
  expect(lifeMs).toBeLessThan(20_000 + boundMs);
  finish(here);
});

it('thousands of leases that end together are gone soon, and other writes get through meanwhile', async () => {
  const here = world(5);
  const count = 2000;
  const story = async (): Promise<{ readonly lateMs: number; readonly slowestPutMs: number }> => {
    const grants = Array.from({ length: 30 }, async () => { for (let one = 0; one < count / 30; one += 1) await grant(here, 60); });
    await Promise.all(grants);
    const lastMs = here.host.clock.monotonicMs();
    let slowestPutMs = 0;
    for (;;) {
      const startMs = here.host.clock.monotonicMs();
      await insist(here, () => here.client.put({ key: utf8('k'), value: utf8('v') }));
      slowestPutMs = Math.max(slowestPutMs, here.host.clock.monotonicMs() - startMs);
      const { count: left } = await insist(here, () => here.client.range({ key: utf8('l/'), rangeEnd: utf8('l0'), countOnly: true }));
      if (left === 0) return { lateMs: startMs - lastMs - 60_000, slowestPutMs };
      await here.host.timers.sleep(200);
    }
  };
  const { lateMs, slowestPutMs } = await here.sim.runUntil(story(), 300_000, 'the leases');
  expect(lateMs).toBeLessThan(count + boundMs);
  expect(slowestPutMs).toBeLessThan(1000);
  finish(here);
});

describe.each([2 ** 31, 2 ** 32])('while the clock passes %d ms', (markMs) => {
  it('leases live and end as ever', async () => {
    const here = world(6, markMs - 15_000);
    const story = async (): Promise<number> => {
      const { id } = await grant(here, 10);
      let renewedMs = 0;
      for (let round = 0; round < 8; round += 1) {
        await here.host.timers.sleep(3000);
        renewedMs = here.host.clock.monotonicMs();
        expect((await insist(here, () => here.client.leaseKeepAlive(id))).ttlSeconds).toBe(10);
        if (round === 4) here.cluster.kill(await leader(here), true);
      }
      expect(renewedMs).toBeGreaterThan(markMs);
      return await goneMs(here, id) - renewedMs;
    };
    const lifeMs = await here.sim.runUntil(story(), 100_000, 'the lease');
    expect(lifeMs).toBeGreaterThanOrEqual(10_000);
    expect(lifeMs).toBeLessThan(10_000 + boundMs);
    finish(here);
  });
});
