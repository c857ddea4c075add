import { emptyBytes, fromUtf8, utf8 } from '@coxswain/host';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deleteRangeRequest, putRequest, rangeRequest } from '../client/convert.ts';
import { hashInSlices, hashStore } from '../mvcc/hash.ts';
import { keyRange } from '../mvcc/key-text.ts';
import { executeRange } from '../mvcc/range.ts';
import { validateTxn } from '../mvcc/validate.ts';
import type { InternalRequest, KeyValue, RangeRequest, TxnRequest } from '../wire/messages.ts';
import { WatchHub, type Watcher } from '../watch/hub.ts';
import { Machine } from './machine.ts';
import { reopened } from '../storage/store.fixture.ts';

type Command =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly from: string; readonly to: string }
  | { readonly kind: 'txn'; readonly key: string; readonly version: number; readonly other: string; readonly value: string }
  | { readonly kind: 'compact'; readonly back: number }
  | { readonly kind: 'prune' };

const key = fc.constantFrom('a', 'b', 'ba', 'c', 'd/1', 'd/2', 'e');
const value = fc.string({ maxLength: 5 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), from: key, to: key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('txn' as const), key, version: fc.nat(2), other: key, value }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prune' as const) }) },
);

interface Plain { readonly value: string; readonly create: number; readonly mod: number; readonly version: number }
interface PlainEvent { readonly revision: number; readonly type: 'PUT' | 'DELETE'; readonly key: string; readonly value: string; readonly previous: string | undefined }

/** The obvious store: a copy of everything for each revision. */
class Model {
  readonly states: ReadonlyMap<string, Plain>[] = [new Map(), new Map()];
  readonly events: PlainEvent[] = [];
  compacted = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  get now(): ReadonlyMap<string, Plain> {
    return this.states[this.revision] as ReadonlyMap<string, Plain>;
  }

  write(changes: readonly (readonly [string, string | undefined])[]): void {
    const next = new Map(this.now);
    const revision = this.revision + 1;
    for (const [name, text] of changes) {
      const before = next.get(name);
      this.events.push({ revision, type: text === undefined ? 'DELETE' : 'PUT', key: name, value: text ?? '', previous: before?.value });
      if (text === undefined) next.delete(name);
      else next.set(name, { value: text, create: before?.create ?? revision, mod: revision, version: (before?.version ?? 0) + 1 });
    }
    if (changes.length > 0) this.states.push(next);
  }

  deleted(from: string, to: string): (readonly [string, undefined])[] {
    return [...this.now.keys()].filter((name) => name >= from && name < to).sort().map((name) => [name, undefined] as const);
  }
}

function txnOf(one: Extract<Command, { kind: 'txn' }>): TxnRequest {
  const compare = { key: utf8(one.key), rangeEnd: emptyBytes, target: 0, result: 0, version: one.version };
  return {
    compare: [compare], success: [{ requestPut: putRequest({ key: utf8(one.key), value: utf8(one.value) }) }, { requestRange: rangeRequest({ key: utf8(one.key) }) }],
    failure: [{ requestDeleteRange: deleteRangeRequest({ key: utf8(one.other) }) }],
  };
}

/** Does one command to both; returns what the machine was asked. */
function run(machine: Machine, model: Model, one: Command): InternalRequest | undefined {
  switch (one.kind) {
    case 'put': model.write([[one.key, one.value]]); return { ID: 1n, put: putRequest({ key: utf8(one.key), value: utf8(one.value) }) };
    case 'delete': model.write(model.deleted(one.from, one.to)); return { ID: 1n, deleteRange: deleteRangeRequest({ key: utf8(one.from), rangeEnd: utf8(one.to) }) };
    case 'txn': {
      const holds = (model.now.get(one.key)?.version ?? 0) === one.version;
      model.write(holds ? [[one.key, one.value]] : model.now.has(one.other) ? [[one.other, undefined]] : []);
      return { ID: 1n, txn: txnOf(one) };
    }
    case 'compact': {
      const revision = Math.max(model.revision - one.back, 1);
      if (revision <= model.compacted) return undefined;
      model.compacted = revision;
      return { ID: 1n, compaction: { revision, physical: false } };
    }
    case 'prune': machine.store.prune(2); return undefined;
  }
}

const plain = (kv: KeyValue): readonly [string, Plain] => [fromUtf8(kv.key), { value: fromUtf8(kv.value), create: kv.createRevision, mod: kv.modRevision, version: kv.version }];
const inRange = (from: string, to: string) => (name: string): boolean => name >= from && name < to;

function checkReads(machine: Machine, model: Model): void {
  expect(machine.store.revision).toBe(model.revision);
  for (let revision = Math.max(model.compacted, 1); revision <= model.revision; revision += 1) {
    for (const [from, to, limit] of [['a', 'z', 0], ['b', 'd', 0], ['a', 'z', 2], ['d/', 'd0', 1]] as const) {
      const expected = [...(model.states[revision] as ReadonlyMap<string, Plain>)].filter(([name]) => inRange(from, to)(name)).toSorted(([a], [b]) => (a < b ? -1 : 1));
      const request: RangeRequest = rangeRequest({ key: utf8(from), rangeEnd: utf8(to), revision, limit });
      const { kvs, count, more } = executeRange(machine.store, request);
      expect({ kvs: kvs.map(plain), count, more }).toEqual({ kvs: limit === 0 ? expected : expected.slice(0, limit), count: expected.length, more: limit > 0 && expected.length > limit });
    }
  }
  if (model.compacted > 1) expect(() => executeRange(machine.store, rangeRequest({ key: utf8('a'), revision: model.compacted - 1 }))).toThrow('required revision has been compacted');
}

/** A watch of one range with what the model says it must see. */
class Follower {
  readonly watcher: Watcher;
  readonly seen: PlainEvent[] = [];
  readonly #inRange: (name: string) => boolean;
  readonly from: number;
  compacted = false;

  constructor(hub: WatchHub, from: number, [start, end]: readonly [string, string]) {
    this.from = from;
    this.#inRange = inRange(start, end);
    this.watcher = hub.add({ range: keyRange(utf8(start), utf8(end)), startRevision: from, prevKv: true, noPut: false, noDelete: false, wake: () => undefined });
  }

  /** Takes at most `times` batches; a slow reader takes few. */
  read(times: number): void {
    for (let count = 0; count < times; count += 1) {
      const taken = this.watcher.take();
      if (taken.kind === 'compacted') this.compacted = true;
      if (taken.kind !== 'events') return;
      for (const { type, kv, prevKv } of taken.events) {
        this.seen.push({ revision: kv.modRevision, type: type === 0 ? 'PUT' : 'DELETE', key: fromUtf8(kv.key), value: fromUtf8(kv.value), previous: prevKv === undefined ? undefined : fromUtf8(prevKv.value) });
      }
    }
  }

  expected(model: Model): PlainEvent[] {
    return model.events.filter((event) => event.revision >= this.from && this.#inRange(event.key));
  }
}

describe('the replicated state', () => {
  it('reads like a store that keeps a copy of every revision', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const machine = new Machine();
      const model = new Model();
      for (const one of commands) {
        const request = run(machine, model, one);
        if (request !== undefined) expect(machine.apply(request).error).toBeUndefined();
      }
      checkReads(machine, model);
    }), { seed: 13, numRuns: 300 });
  });

  it('is the same after a trip through the files of a checkpoint, and stays the same', async () => {
    await fc.assert(fc.asyncProperty(fc.array(command, { maxLength: 40 }), fc.array(command, { maxLength: 10 }), async (before, after) => {
      const machine = new Machine();
      const model = new Model();
      machine.apply({ ID: 1n, leaseGrant: { ID: 77n, TTL: 60 } });
      for (const one of before) {
        const request = run(machine, model, one);
        if (request !== undefined) machine.apply(request);
      }
      const copy = await reopened(machine);
      expect(copy.leases.get(77n)?.ttlSeconds).toBe(60);
      checkReads(copy, model);
      for (const one of after) {
        const request = run(machine, model, one);
        if (request === undefined) continue;
        const [ours, theirs] = [machine.apply(request), copy.apply(request)];
        expect([theirs.response, theirs.error]).toEqual([ours.response, ours.error]);
      }
      expect(hashStore(copy.store, model.revision)).toBe(hashStore(machine.store, model.revision));
      checkReads(copy, model);
    }), { seed: 14, numRuns: 200 });
  });

  it('tells every watch each change once and in order, however slowly it listens', () => {
    const start = fc.tuple(fc.nat(40), fc.nat(12), fc.constantFrom(['a', 'z'] as const, ['d/', 'd0'] as const, ['b', 'c'] as const), fc.nat(2));
    fc.assert(fc.property(fc.array(command, { maxLength: 40 }), fc.array(start, { maxLength: 5 }), (commands, starts) => {
      const machine = new Machine();
      const model = new Model();
      const hub = new WatchHub(machine.store);
      const followers: { readonly follower: Follower; readonly pace: number }[] = [];
      for (const [at, one] of commands.entries()) {
        for (const [when, back, range, pace] of starts) if (when === at) followers.push({ follower: new Follower(hub, Math.max(model.revision - back, model.compacted, 2), range), pace });
        const request = run(machine, model, one);
        const record = request === undefined ? undefined : machine.apply(request).record;
        if (record !== undefined) hub.publish(record);
        for (const { follower, pace } of followers) follower.read(pace);
      }
      for (const { follower } of followers) {
        follower.read(10_000);
        const expected = follower.expected(model);
        if (!follower.compacted) expect(follower.seen.map(({ previous: _previous, ...rest }) => rest)).toEqual(expected.map(({ previous: _previous, ...rest }) => rest));
        // Ended by a compaction: what it was told before is still a beginning without a gap.
        else expect(follower.seen.map((event) => event.revision)).toEqual(expected.slice(0, follower.seen.length).map((event) => event.revision));
        for (const event of follower.seen) {
          const before = model.events.findLast((other) => other.revision < event.revision && other.key === event.key);
          if (event.previous !== undefined) expect(event.previous).toBe(before?.value);
          else if (before?.type === 'PUT') expect(before.revision).toBeLessThan(model.compacted);
        }
      }
    }), { seed: 15, numRuns: 300 });
  });

  it('a watch that is far behind reads history, not memory', () => {
    const machine = new Machine();
    const hub = new WatchHub(machine.store);
    const follower = new Follower(hub, 2, ['a', 'z']);
    follower.read(1);
    for (let count = 0; count < 5000; count += 1) {
      const { record } = machine.apply({ ID: 1n, put: putRequest({ key: utf8(`k${count}`), value: utf8('x') }) });
      if (record !== undefined) hub.publish(record);
    }
    follower.read(10_000);
    expect(follower.seen.map((event) => event.revision)).toEqual(Array.from({ length: 5000 }, (_, at) => at + 2));
  });

  it('a watch that reads large values from history takes few of them at a time', () => {
    const machine = new Machine();
    for (let count = 0; count < 64; count += 1) machine.apply({ ID: 1n, put: putRequest({ key: utf8(`k${count}`), value: new Uint8Array(256 * 1024) }) });
    const hub = new WatchHub(machine.store);
    const watcher = hub.add({ range: keyRange(utf8('a'), utf8('z')), startRevision: 2, prevKv: false, noPut: false, noDelete: false, wake: () => undefined });
    const taken = watcher.take();
    expect([taken.kind, taken.kind === 'events' ? taken.events.length : 0]).toEqual(['events', 4]);
  });

  it('alarms that clients raise for ever new members are refused in the end, and end nobody', () => {
    const machine = new Machine();
    const raise = (id: number): string | undefined => machine.apply({ ID: 1n, alarm: { action: 1, memberID: BigInt(id), alarm: 1 } }).error?.message;
    const refused = Array.from({ length: 1100 }, (_, at) => raise(at + 1)).filter((message) => message !== undefined);
    expect([refused.length, new Set(refused)]).toEqual([100, new Set(['etcdserver: too many requests'])]);
  });

  it('a hash that waits for a compaction gives up with the store', async () => {
    const machine = new Machine();
    for (let count = 0; count < 10; count += 1) machine.apply({ ID: 1n, put: putRequest({ key: utf8('k'), value: utf8(String(count)) }) });
    machine.apply({ ID: 1n, compaction: { revision: 8, physical: false } });
    let turns = 0;
    // Nobody prunes it: the member goes on with a received state, or has stopped.
    const hash = hashInSlices(machine.store, 11, async () => {
      turns += 1;
      return turns < 5;
    });
    expect([await hash, turns]).toEqual([undefined, 5]);
  });

  it('a replaced state leaves no gap in a watch, and ends one whose past is gone', async () => {
    const put = (machine: Machine, hub: WatchHub | undefined, name: string): void => {
      const { record } = machine.apply({ ID: 1n, put: putRequest({ key: utf8(name), value: utf8('x') }) });
      if (record !== undefined) hub?.publish(record);
    };
    const machine = new Machine();
    const hub = new WatchHub(machine.store);
    const [first, second] = [new Follower(hub, 2, ['a', 'z']), new Follower(hub, 2, ['a', 'z'])];
    put(machine, hub, 'a');
    first.read(10);
    const ahead = await reopened(machine);
    for (const name of ['b', 'c', 'd']) put(ahead, undefined, name);
    ahead.apply({ ID: 1n, compaction: { revision: 3, physical: false } });
    ahead.store.prune(100);
    hub.replaceStore(ahead.store);
    first.read(10);
    second.read(10);
    expect(first.seen.map((event) => event.revision)).toEqual([2, 3, 4, 5]);
    expect([second.compacted, second.seen]).toEqual([true, []]);
  });
});

describe('what is refused before it is proposed', () => {
  const txn = (...success: TxnRequest['success']): TxnRequest => ({ compare: [], success, failure: [] });
  const put = (name: string): TxnRequest['success'][number] => ({ requestPut: putRequest({ key: utf8(name), value: utf8('') }) });
  const remove = (from: string, to?: string): TxnRequest['success'][number] => ({ requestDeleteRange: deleteRangeRequest({ key: utf8(from), ...(to === undefined ? {} : { rangeEnd: utf8(to) }) }) });

  it('a key changed twice, directly or nested, in either branch', () => {
    const duplicate = 'etcdserver: duplicate key given in txn request';
    expect(() => { validateTxn(txn(put('a'), put('a')), 128); }).toThrow(duplicate);
    expect(() => { validateTxn(txn(remove('a', 'c'), put('b')), 128); }).toThrow(duplicate);
    expect(() => { validateTxn(txn(put('b'), { requestTxn: txn(remove('a', 'c')) }), 128); }).toThrow(duplicate);
    expect(() => { validateTxn({ compare: [], success: [], failure: [put('a'), put('a')] }, 128); }).toThrow(duplicate);
    expect(() => { validateTxn(txn({ requestTxn: { compare: [], success: [put('a')], failure: [put('a')] } }, remove('x'), remove('x')), 128); }).not.toThrow();
  });

  it('too many operations, empty keys, values that are to be ignored', () => {
    expect(() => { validateTxn(txn(put('a'), put('b'), put('c')), 2); }).toThrow('etcdserver: too many operations in txn request');
    expect(() => { validateTxn(txn(put('')), 128); }).toThrow('etcdserver: key is not provided');
    expect(() => { validateTxn(txn({ requestPut: { ...putRequest({ key: utf8('a'), value: utf8('v') }), ignoreValue: true } }), 128); }).toThrow('etcdserver: value is provided');
  });

  it('and by the state: nothing of a refused transaction happens', () => {
    const machine = new Machine();
    const lease = { requestPut: putRequest({ key: utf8('b'), value: utf8(''), lease: 5n }) };
    expect(machine.apply({ ID: 1n, txn: txn(put('a'), lease) }).error?.message).toBe('etcdserver: requested lease not found');
    expect(machine.apply({ ID: 1n, txn: txn(put('a'), { requestRange: rangeRequest({ key: utf8('a'), revision: 99 }) }) }).error?.message).toBe('etcdserver: mvcc: required revision is a future revision');
    expect([machine.store.revision, machine.store.keyCount]).toEqual([1, 0]);
  });
});
