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
  lose: 'before' | 'after' | 'late' | 'nothing' = 'nothing';
  /** What was answered with an unknown outcome and is still on its way. */
  arrive: () => Promise<unknown> = () => Promise.resolve();
  /** Runs between a lost answer and what the store does next. */
  meanwhile: () => Promise<unknown> = () => Promise.resolve();

  constructor(store: EtcdClient) {
    const txn = async (options: TxnOptions): Promise<TxnResult> => {
      const how = this.lose;
      this.lose = 'nothing';
      if (how === 'nothing') return store.txn(options);
      if (how === 'after') await store.txn(options);
      if (how === 'late') this.arrive = () => store.txn(options);
      await this.meanwhile();
      throw unknownOutcome;
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
    lossy.lose = lose === 'before' ? 'nothing' : lose;
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

test('a creation that may have been done is not done again when what it made was deleted meanwhile', async () => {
  lossy.lose = 'after';
  lossy.meanwhile = () => local.deleteRange({ key: utf8(key) });
  await expect(store.put(key, thing('1'), 0)).rejects.toMatchObject({ outcomeUnknown: true });
  expect(await store.get(key)).toBeUndefined();
});

test('what is still on its way comes once: nothing was sent after it', async () => {
  lossy.lose = 'late';
  await expect(store.put(key, thing('1'), 0)).rejects.toMatchObject({ outcomeUnknown: true });
  expect(await store.get(key)).toBeUndefined();
  await lossy.arrive();
  const found = await store.get(key);
  expect((await store.remove(found as NonNullable<typeof found>)).kind).toBe('written');
  expect(await store.get(key)).toBeUndefined();
});

test('an update that others wrote over before its lost answer was looked for is not done again', async () => {
  const made = await store.put(key, thing('1'), 0);
  const revision = made.kind === 'written' ? made.object.revision : 0;
  lossy.lose = 'after';
  lossy.meanwhile = async () => {
    for (const text of ['b', 'c']) await local.put({ key: utf8(key), value: utf8(JSON.stringify(thing('1', text))) });
  };
  expect(await store.put(key, thing('1', 'a'), revision)).toMatchObject({ kind: 'written', object: { revision: revision + 1 } });
  expect((await store.get(key))?.object['extra']).toBe('c');
});

const anew: Readonly<Record<string, () => Promise<unknown>>> = {
  deleted: () => local.deleteRange({ key: utf8(key) }),
  'deleted and made anew': async () => {
    await local.deleteRange({ key: utf8(key) });
    await local.put({ key: utf8(key), value: utf8(JSON.stringify(thing('2'))) });
  },
};
for (const [what, meanwhile] of Object.entries(anew)) {
  test(`an update that may have been done before its object was ${what} is no conflict, after which it would be tried again`, async () => {
    const made = await store.put(key, thing('1'), 0);
    lossy.lose = 'after';
    lossy.meanwhile = meanwhile;
    await expect(store.put(key, thing('1', 'a'), made.kind === 'written' ? made.object.revision : 0)).rejects.toMatchObject({ code: 14, outcomeUnknown: true });
  });
}

test('that history is forgotten which would tell of a write is no failure of the server', async () => {
  const made = await store.put(key, thing('1'), 0);
  lossy.lose = 'after';
  lossy.meanwhile = async () => {
    for (const text of ['b', 'c']) await local.put({ key: utf8(key), value: utf8(JSON.stringify(thing('1', text))) });
    await local.compact((await local.range({ key: utf8(key) })).revision);
  };
  await expect(store.put(key, thing('1', 'a'), made.kind === 'written' ? made.object.revision : 0)).rejects.toMatchObject({ code: 14, outcomeUnknown: true });
});

test('an update that was not done is a conflict with what others wrote', async () => {
  const made = await store.put(key, thing('1'), 0);
  lossy.lose = 'before';
  lossy.meanwhile = () => local.put({ key: utf8(key), value: utf8(JSON.stringify(thing('1', 'b'))) });
  const result = await store.put(key, thing('1', 'a'), made.kind === 'written' ? made.object.revision : 0);
  expect(result.kind === 'conflict' && result.current?.object['extra']).toBe('b');
});

test('a deletion that may have been done leaves alone what has come since', async () => {
  await store.put(key, thing('1'), 0);
  const first = await store.get(key);
  lossy.lose = 'after';
  lossy.meanwhile = () => local.put({ key: utf8(key), value: utf8(JSON.stringify(thing('2'))) });
  expect((await store.remove(first as NonNullable<typeof first>)).kind).toBe('written');
  expect((await store.get(key))?.object['metadata']).toMatchObject({ uid: '2' });
});

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
