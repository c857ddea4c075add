import { utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { expect, it } from 'vitest';
import { SimCluster } from './support/sim-cluster.ts';

const ttlSeconds = 5;

/** Until it succeeds: leaders come and go here. */
async function insist<T>(host: Host, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      await host.timers.sleep(100);
    }
  }
}

/** Renews every second; the time of the last renewal that was begun and answered. */
async function keep(client: EtcdClient, host: Host, id: bigint, untilMs: number): Promise<number> {
  let renewedMs = host.clock.monotonicMs();
  while (host.clock.monotonicMs() < untilMs) {
    const askedMs = host.clock.monotonicMs();
    const { ttlSeconds: left } = await insist(host, () => client.leaseKeepAlive(id));
    expect(left, `at ${askedMs} ms`).toBe(ttlSeconds);
    renewedMs = askedMs;
    await host.timers.sleep(1000);
  }
  return renewedMs;
}

for (const seed of [1, 2, 3]) {
  it(`a lease that is kept outlives every change of leaders, and one that is not ends: seed ${seed}`, async () => {
    const sim = new Simulation({ seed });
    const cluster = new SimCluster(sim, ['m1', 'm2', 'm3']);
    cluster.startAll();
    const host = sim.start('c', 'client').host;
    const client = createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 2000 });
    const story = async (): Promise<{ readonly renewedMs: number; readonly goneMs: number }> => {
      const { id } = await insist(host, () => client.leaseGrant({ ttlSeconds }));
      await insist(host, () => client.put({ key: utf8('l'), value: utf8('1'), lease: id }));
      const renewedMs = await keep(client, host, id, 30_000);
      while ((await insist(host, () => client.range({ key: utf8('l') }))).count > 0) await host.timers.sleep(50);
      return { renewedMs, goneMs: host.clock.monotonicMs() };
    };
    const unrest = async (): Promise<void> => {
      for (let round = 0; round < 6; round += 1) {
        await host.timers.sleep(4500);
        const victim = cluster.leader();
        if (victim === undefined) continue;
        cluster.kill(victim, true);
        await host.timers.sleep(500);
        cluster.start(victim);
      }
    };
    const [{ renewedMs, goneMs }] = await sim.runUntil(Promise.all([story(), unrest()]), 90_000, 'the lease');
    expect(goneMs - renewedMs).toBeGreaterThanOrEqual(ttlSeconds * 1000);
    expect(goneMs - renewedMs).toBeLessThan(20_000);
    expect(cluster.failures).toEqual([]);
    sim.stop();
  });
}
