import { utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { expect, it } from 'vitest';
import { SimCluster } from './support/sim-cluster.ts';

const mebibyte = 1024 * 1024;
const noSpace = 'etcdserver: mvcc: database space exceeded';
const value = new Uint8Array(1000).fill(7);

interface World { readonly sim: Simulation; readonly cluster: SimCluster; readonly host: Host; readonly client: EtcdClient }

function world(seed: number, quotaBackendBytes: number): World {
  const sim = new Simulation({ seed });
  const cluster = new SimCluster(sim, ['m1', 'm2', 'm3'], { quotaBackendBytes });
  cluster.startAll();
  const { host } = sim.start('c', 'client');
  return { sim, cluster, host, client: createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 5000 }) };
}

/** The error's message; empty: it was acknowledged. Waits for a leader. */
async function attempt({ host }: World, act: () => Promise<unknown>): Promise<string> {
  for (;;) {
    try {
      await act();
      return '';
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.code !== 14) return error.message;
      await host.timers.sleep(100);
    }
  }
}

async function until({ host }: World, holds: () => Promise<boolean>): Promise<number> {
  const startMs = host.clock.monotonicMs();
  while (!await holds()) await host.timers.sleep(100);
  return host.clock.monotonicMs() - startMs;
}

async function play<T>(here: World, story: Promise<T>): Promise<T> {
  const result = await here.sim.runUntil(story, 600_000, 'the story');
  expect(here.cluster.failures).toEqual([]);
  here.sim.stop();
  return result;
}

for (const seed of [1, 2]) {
  it(`history that nobody compacts never fills the quota: seed ${seed}`, async () => {
    const here = world(seed, 4 * mebibyte);
    const story = async (): Promise<void> => {
      // Two quotas of history under ten keys.
      const large = new Uint8Array(10_000);
      for (let count = 0; count < 850; count += 1) {
        expect(await attempt(here, () => here.client.put({ key: utf8(`k/${count % 10}`), value: large })), `put ${count}`).toBe('');
        await here.host.timers.sleep(20);
      }
      expect((await here.client.status()).dbSizeBytes).toBeLessThan(4 * mebibyte);
    };
    await play(here, story());
  });

  it(`a store full of live keys refuses to grow, everything else goes on, and deleting is enough to write again: seed ${seed}`, async () => {
    const here = world(seed, mebibyte);
    const story = async (): Promise<void> => {
      let count = 0;
      let refusal = '';
      while (refusal === '') refusal = await attempt(here, () => here.client.put({ key: utf8(`k/${count += 1}`), value }));
      expect(refusal).toBe(noSpace);
      expect(count).toBeGreaterThan(900);
      // On every member, and after a change of leaders.
      for (const endpoint of here.cluster.endpoints) {
        const one = createEtcdClient(here.host, { endpoints: [endpoint], requestTimeoutMs: 5000 });
        expect(await attempt(here, () => one.put({ key: utf8('k/1'), value }))).toBe(noSpace);
      }
      expect(await attempt(here, () => here.client.leaseGrant({ ttlSeconds: 10 }))).toBe(noSpace);
      expect((await here.client.range({ key: utf8('k/1') })).count).toBe(1);
      await here.host.timers.sleep(10_000);
      expect(await attempt(here, () => here.client.put({ key: utf8('k/1'), value })), 'it is still full').toBe(noSpace);
      expect(await attempt(here, () => here.client.deleteRange({ key: utf8('k/1'), rangeEnd: utf8('k/5') }))).toBe('');
      const waitedMs = await until(here, async () => await attempt(here, () => here.client.put({ key: utf8('new'), value })) === '');
      expect(waitedMs).toBeLessThan(10_000);
      expect((await here.client.status()).errors).toEqual([]);
    };
    await play(here, story());
  });

  it(`disks that are nearly full stop writes when they make up a majority, before their logs do, and writes go on when there is space: seed ${seed}`, async () => {
    const here = world(seed, mebibyte);
    const story = async (): Promise<void> => {
      expect(await attempt(here, () => here.client.put({ key: utf8('k'), value }))).toBe('');
      const [{ disk }, { disk: second }] = [here.sim.machine(`m${seed}`), here.sim.machine(`m${seed + 1}`)];
      disk.freeBytes = 10 * 1024 * 1024;
      await here.host.timers.sleep(12_000);
      expect(await attempt(here, () => here.client.put({ key: utf8('k'), value })), 'the other two are enough').toBe('');
      second.freeBytes = 10 * 1024 * 1024;
      expect(await until(here, async () => await attempt(here, () => here.client.put({ key: utf8('k'), value })) === noSpace)).toBeLessThan(8000);
      // A little above the mark is not enough to go back.
      disk.freeBytes = 65 * 1024 * 1024;
      await here.host.timers.sleep(12_000);
      expect(await attempt(here, () => here.client.put({ key: utf8('k'), value }))).toBe(noSpace);
      disk.freeBytes = 1024 * 1024 * 1024;
      expect(await until(here, async () => await attempt(here, () => here.client.put({ key: utf8('k'), value })) === '')).toBeLessThan(8000);
    };
    await play(here, story());
  });
}
