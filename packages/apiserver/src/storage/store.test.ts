import { createLocalStore } from '@coxswain/etcd-lite';
import { EtcdError, type EtcdClient, type TxnOptions, type TxnResult } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoredObject, type StorageCodec } from './codec.ts';
import { ResourceStore } from './store.ts';

const host = createRealHost(silentLogger);
const codec: StorageCodec = { encode: (object) => JSON.stringify(object), decode: (value) => JSON.parse(fromUtf8(value)) as ReturnType<StorageCodec['decode']> };
const unknownOutcome = new EtcdError(14, 'etcdserver: leader changed', { outcomeUnknown: true });

/** A store whose answers get lost: before the transaction was applied or after it. */
class Lossy {
  readonly client: EtcdClient;
  lose: 'before' | 'after' | 'nothing' = 'nothing';

  constructor(store: EtcdClient) {
    const txn = async (options: TxnOptions): Promise<TxnResult> => {
      const how = this.lose;
      this.lose = 'nothing';
      if (how === 'before') throw unknownOutcome;
      const result = await store.txn(options);
      if (how === 'after') throw unknownOutcome;
      return result;
    };
    this.client = new Proxy(store, { get: (target, key) => {
      if (key === 'txn') return txn;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    } });
  }
}

let local: EtcdClient;
let lossy: Lossy;
let store: ResourceStore;
beforeEach(() => {
  local = createLocalStore(host);
  lossy = new Lossy(local);
  store = new ResourceStore(lossy.client, host.timers, '/registry/things/', codec);
});
afterEach(() => local.close());

const key = '/registry/things/a';
function thing(uid: string, extra = ''): { metadata: { name: string; uid: string }; extra: string } {
  return { metadata: { name: 'a', uid }, extra };
}

for (const lose of ['before', 'after'] as const) {
  test(`a write whose answer is lost ${lose} it was applied is done once and acknowledged`, async () => {
    lossy.lose = lose;
    const made = await store.put(key, thing('1'), 0);
    expect(made.kind).toBe('written');
    const stored = await store.get(key);
    expect(made.kind === 'written' && made.object.revision).toBe(stored?.revision);
    lossy.lose = lose;
    const updated = await store.put(key, thing('1', 'x'), stored?.revision ?? 0);
    expect(updated.kind).toBe('written');
    const last = await store.get(key);
    expect(last?.object['extra']).toBe('x');
    lossy.lose = lose;
    expect((await store.remove(last as NonNullable<typeof last>)).kind).toBe('written');
    expect(await store.get(key)).toBeUndefined();
  });
}

test('somebody else\'s object is a conflict even after a lost answer', async () => {
  await store.put(key, thing('other'), 0);
  lossy.lose = 'after';
  const result = await store.put(key, thing('mine'), 0);
  expect(result.kind === 'conflict' && result.current?.object['metadata']).toEqual({ name: 'a', uid: 'other', resourceVersion: expect.any(String) as string });
});

test('the version is spliced in behind the uid, whatever labels say', () => {
  const unused: StorageCodec = { encode: () => 'parsed', decode: () => ({ metadata: {} }) };
  const served = (text: string): string => new StoredObject('k', utf8(text), 7, unused).text;
  for (const name of ['"name":"n"', '"name":"größer"', '"name":"n","generateName":"n-"', '"generateName":"n-","namespace":"s"']) {
    const rest = '"labels":{"uid":"x"}},"spec":{"metadata":{"uid":"y"}}}';
    expect(served(`{"kind":"X","apiVersion":"v1","metadata":{${name},"uid":"u",${rest}`)).toBe(`{"kind":"X","apiVersion":"v1","metadata":{${name},"uid":"u","resourceVersion":"7",${rest}`);
  }
});

for (const foreign of ['{"metadata":{"annotations":{},"uid":"u"}}', '{"spec":{"a":{}},"metadata":{"uid":"u"}}', '{"metadata":{"name":"a\\"b","uid":"u"}}', '{"metadata":{"uid":"u']) {
  test(`a value of another shape is parsed: ${foreign}`, () => {
    expect(new StoredObject('k', utf8(foreign), 7, { encode: () => 'parsed', decode: () => ({ metadata: {} }) }).text).toBe('parsed');
  });
}

test('what was parsed is forgotten when its budget is used up, and parsed again', () => {
  let parses = 0;
  const large: StorageCodec = { encode: () => '', decode: (value) => { parses += 1; return { metadata: {}, size: value.length }; } };
  const objects = Array.from({ length: 20 }, (_, at) => new StoredObject(`k${at}`, new Uint8Array(1024 * 1024), 1, large));
  for (const object of objects) expect(object.object['size']).toBe(1024 * 1024);
  expect(parses).toBe(20);
  expect((objects[19] as StoredObject).object['size']).toBe(1024 * 1024);
  expect(parses).toBe(20);
  expect((objects[0] as StoredObject).object['size']).toBe(1024 * 1024);
  expect(parses).toBe(21);
});
