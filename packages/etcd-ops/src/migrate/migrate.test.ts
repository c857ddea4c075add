import { utf8, fromUtf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createLocalStore } from '@coxswain/etcd-lite';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { describe, expect, it } from 'vitest';
import { migrate } from './migrate.ts';
import { rangeOf } from './range.ts';

async function contents(store: EtcdClient, prefix = ''): Promise<Record<string, string>> {
  const { kvs } = await store.range(rangeOf(utf8(prefix)));
  return Object.fromEntries(kvs.map((kv) => [fromUtf8(kv.key), fromUtf8(kv.value)]));
}

function simulated(run: (host: Host) => Promise<void>): Promise<void> {
  const sim = new Simulation({ seed: 1 });
  sim.machine('here');
  const process = sim.start('here', 'test');
  return sim.runUntil(run(process.host), 600_000, 'the test');
}

describe('rangeOf', () => {
  it.each([['', [0], [0]], ['a', [97], [98]], ['a\u00ff', [97, 195, 191], [97, 195, 192]]] as const)('%j', (prefix, key, rangeEnd) => {
    expect(rangeOf(utf8(prefix))).toEqual({ key: new Uint8Array(key), rangeEnd: new Uint8Array(rangeEnd) });
  });

  it('is open behind 0xff', () => {
    expect([...rangeOf(new Uint8Array([1, 255])).rangeEnd]).toEqual([2]);
    expect([...rangeOf(new Uint8Array([255, 255])).rangeEnd]).toEqual([0]);
  });
});

describe('migrate', () => {
  it('copies keys, values and leases, and raises the revision', () => simulated(async (host) => {
    const [source, target] = [createLocalStore(host), createLocalStore(host)];
    for (let count = 0; count < 2500; count += 1) await source.put({ key: utf8(`k/${String(count).padStart(5, '0')}`), value: utf8(`v${count}`) });
    const lease = await source.leaseGrant({ ttlSeconds: 500 });
    await source.put({ key: utf8('leased'), value: utf8('x'), lease: lease.id });
    const lines: string[] = [];
    const result = await migrate({ source, target, prefix: new Uint8Array(0), overwrite: false, report: (line) => { lines.push(line); } });
    expect(await contents(target)).toEqual(await contents(source));
    expect((await target.range({ key: utf8('leased') })).kvs[0]?.lease).toBe(lease.id);
    expect((await target.leaseTimeToLive(lease.id)).ttlSeconds).toBeGreaterThan(490);
    expect(result.keys).toBe(2500);
    expect(result.targetRevision).toBeGreaterThanOrEqual((await source.range({ key: utf8('x') })).revision);
  }));

  it('refuses a target with keys, and deletes them on request', () => simulated(async (host) => {
    const [source, target] = [createLocalStore(host), createLocalStore(host)];
    await source.put({ key: utf8('p/a'), value: utf8('1') });
    await target.put({ key: utf8('p/old'), value: utf8('2') });
    await target.put({ key: utf8('q'), value: utf8('3') });
    const options = { source, target, prefix: utf8('p/'), report: (): void => undefined };
    await expect(migrate({ ...options, overwrite: false })).rejects.toThrow('the target has 1 keys in this range already');
    await migrate({ ...options, overwrite: true });
    expect(await contents(target)).toEqual({ 'p/a': '1', q: '3' });
  }));

  it('takes over what is written while it copies, in order, until it is told to finish', () => simulated(async (host) => {
    const [source, target] = [createLocalStore(host), createLocalStore(host)];
    for (let count = 0; count < 50; count += 1) await source.put({ key: utf8(`k${count}`), value: utf8('old') });
    const stop = new AbortController();
    const done = migrate({ source, target, prefix: new Uint8Array(0), overwrite: false, follow: stop.signal, report: () => undefined });
    for (let count = 0; count < 200; count += 1) {
      await source.put({ key: utf8(`k${count % 70}`), value: utf8(`new${count}`) });
      if (count % 5 === 0) await source.deleteRange({ key: utf8(`k${count % 30}`) });
      await host.timers.sleep(1);
    }
    stop.abort();
    await done;
    expect(await contents(target)).toEqual(await contents(source));
  }));
});
