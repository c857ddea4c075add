import { silentLogger, type Random } from '@coxswain/host';
import { fromUtf8, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { Service } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import type { RawStore } from '../types.ts';
import { Bitmap } from './bitmap.ts';
import { servicePools } from './pools.ts';
import { ServiceRepair } from './repair.ts';

function memoryStore(): RawStore & { readonly data: Map<string, { value: Uint8Array; modRevision: number }> } {
  const data = new Map<string, { value: Uint8Array; modRevision: number }>();
  let revision = 0;
  return {
    data,
    get: (key) => Promise.resolve(data.get(key)),
    list: (prefix) => Promise.resolve([...data].filter(([key]) => key.startsWith(prefix)).map(([key, entry]) => ({ key, ...entry }))),
    compareAndPut: (key, value, modRevision) => {
      if ((data.get(key)?.modRevision ?? 0) !== modRevision) return Promise.resolve(false);
      revision += 1;
      data.set(key, { value, modRevision: revision });
      return Promise.resolve(true);
    },
    compareAndDelete: (key, modRevision) => Promise.resolve(data.get(key)?.modRevision === modRevision && data.delete(key)),
  };
}

const random: Random = createRealHost(silentLogger).random;
const options = { serviceClusterIpRanges: ['10.0.0.0/28'], serviceNodePortRange: '30000-30009' };

test('a bitmap has the bytes of the number whose bits are the offsets', () => {
  const bitmap = new Bitmap(100);
  for (const offset of [0, 9]) bitmap.add(offset);
  // 2^9 + 2^0, big-endian.
  expect([...bitmap.toWire()]).toEqual([2, 1]);
  expect([...new Bitmap(100, bitmap.toWire()).offsets()]).toEqual([0, 9]);
});

test('a range gives every address once, then says that it is full', async () => {
  const store = memoryStore();
  const [one, two] = [servicePools(options, store, random), servicePools(options, store, random)];
  const [a, b] = [one.addresses[0], two.addresses[0]];
  if (a === undefined || b === undefined) throw new Error('no pools');
  const given = await Promise.all(Array.from({ length: 14 }, (_unused, i) => (i % 2 === 0 ? a : b).range.allocateNext()));
  expect(new Set(given.map((offset) => a.address(offset ?? -1))).size).toBe(14);
  expect(a.address(0)).toBe('10.0.0.1');
  expect(a.address(13)).toBe('10.0.0.14');
  expect(await a.range.allocateNext()).toBeUndefined();
  await b.range.release([5]);
  expect(await a.range.allocateNext()).toBe(5);
});

function service(name: string, clusterIP: string, nodePort?: number): Service {
  return { metadata: { name }, spec: { clusterIP, clusterIPs: [clusterIP], type: nodePort === undefined ? 'ClusterIP' : 'NodePort', ports: [{ port: 80, ...(nodePort === undefined ? {} : { nodePort }) }] } };
}

test('the repair loop records what is used and frees what has leaked, but not at once', async () => {
  const store = memoryStore();
  const pools = servicePools(options, store, random);
  const repair = new ServiceRepair(pools, silentLogger);
  const pool = pools.addresses[0];
  if (pool === undefined) throw new Error('no pool');
  await pool.range.allocate(7);
  const services = [service('a', '10.0.0.3', 30004)];
  expect(await repair.pass(services)).toEqual({ missing: 2, released: 0 });
  expect(await pool.range.allocate(2)).toBe(false);
  expect(await pools.ports.range.allocate(4)).toBe(false);
  expect(await repair.pass(services)).toEqual({ missing: 0, released: 0 });
  expect(await pool.range.allocate(7)).toBe(false);
  expect(await repair.pass(services)).toEqual({ missing: 0, released: 1 });
  expect(await pool.range.allocate(7)).toBe(true);
});

test('after the flag has changed the range is rebuilt from what is used', async () => {
  const store = memoryStore();
  await servicePools(options, store, random).addresses[0]?.range.allocate(3);
  const pools = servicePools({ ...options, serviceClusterIpRanges: ['10.0.0.0/27'] }, store, random);
  await expect(pools.addresses[0]?.range.allocateNext()).rejects.toThrow('the stored range 10.0.0.0/28 is not the configured one 10.0.0.0/27');
  await new ServiceRepair(pools, silentLogger).pass([service('a', '10.0.0.20')]);
  expect(JSON.parse(fromUtf8(store.data.get('/registry/ranges/serviceips')?.value ?? utf8('{}')))).toMatchObject({ kind: 'RangeAllocation', range: '10.0.0.0/27' });
  expect(await pools.addresses[0]?.range.allocate(19)).toBe(false);
});
