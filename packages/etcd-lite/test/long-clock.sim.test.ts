import { fromUtf8, utf8 } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError } from '@coxswain/etcd-lite/client';
import { describe, expect, it } from 'vitest';
import { SimCluster } from './support/sim-cluster.ts';

/** scripts/fifty-days.ts walks there; this jumps. */
describe.each([2 ** 31, 2 ** 32])('while the clock passes %d ms', (markMs) => {
  it('the cluster writes, watches, compacts, elects and recovers as ever', async () => {
    const sim = new Simulation({ seed: 9, monotonicStartMs: markMs - 30_000 });
    const cluster = new SimCluster(sim, ['m1', 'm2', 'm3'], { autoCompaction: { mode: 'periodic', retentionMs: 10_000 }, corruptCheckMs: 10_000, watchProgressNotifyMs: 5000 });
    cluster.startAll();
    const { host } = sim.start('c', 'client');
    const client = createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 3000 });
    const written = new Map<string, string>();
    const watched = new Map<string, string>();
    const revisions: number[] = [];
    let longestMs = 0;
    const write = async (): Promise<void> => {
      let lastMs = host.clock.monotonicMs();
      for (let count = 0; host.clock.monotonicMs() < markMs + 30_000; count += 1) {
        try {
          await client.put({ key: utf8(`k/${count % 20}`), value: utf8(String(count)) });
          written.set(`k/${count % 20}`, String(count));
          longestMs = Math.max(longestMs, host.clock.monotonicMs() - lastMs);
          lastMs = host.clock.monotonicMs();
        } catch (error) {
          if (!(error instanceof EtcdError)) throw error;
        }
        await host.timers.sleep(50);
      }
      await client.put({ key: utf8('k/end'), value: utf8('end') });
    };
    const watchOnce = async (): Promise<void> => {
      const startRevision = (revisions.at(-1) ?? 1) + 1;
      for await (const { events } of client.watch({ key: utf8('k/'), rangeEnd: utf8('k0'), startRevision, signal: new AbortController().signal })) {
        for (const { kv } of events) {
          watched.set(fromUtf8(kv.key), fromUtf8(kv.value));
          revisions.push(kv.modRevision);
        }
        if (watched.has('k/end')) return;
      }
    };
    const watch = async (): Promise<void> => {
      while (!watched.has('k/end')) {
        try {
          await watchOnce();
        } catch (error) {
          if (!(error instanceof EtcdError)) throw error;
          await host.timers.sleep(100);
        }
      }
    };
    const unrest = async (): Promise<void> => {
      for (const atMs of [-15_000, -200, 15_000]) {
        await host.timers.sleep(markMs + atMs - host.clock.monotonicMs());
        const victim = cluster.leader();
        if (victim === undefined) continue;
        cluster.kill(victim, true);
        await host.timers.sleep(3000);
        cluster.start(victim);
      }
    };
    await sim.runUntil(Promise.all([write(), watch(), unrest()]), 200_000, 'the story');
    expect(sim.nowMs).toBeGreaterThan(markMs + 30_000);
    expect(longestMs).toBeLessThan(6000);
    for (const [key, value] of written) expect(watched.get(key), key).toBe(value);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(revisions.length);
    const { errors, revision } = await sim.runUntil(client.status(), 10_000, 'status');
    expect(errors).toEqual([]);
    const old = sim.runUntil(client.range({ key: utf8('k/1'), revision: 3 }), 10_000, 'an old read');
    await expect(old, `history is compacted at ${revision}`).rejects.toThrow('etcdserver: mvcc: required revision has been compacted');
    expect(cluster.failures).toEqual([]);
    sim.stop();
  });
});
