import { utf8, type Disk, type DiskFile } from '@coxswain/host';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deleteRangeRequest, putRequest, rangeRequest } from '../client/convert.ts';
import { Machine } from '../machine/machine.ts';
import { hashStore } from '../mvcc/hash.ts';
import { executeRange } from '../mvcc/range.ts';
import { pruned, type Version } from '../mvcc/version.ts';
import type { InternalRequest } from '../wire/messages.ts';
import { absentIn } from './absent.ts';
import { StoreCorruption } from './corruption.ts';
import { checkpoint, fetchAll, openWorld, storeDirectory, StoreWorld, type OpenWorld } from './store.fixture.ts';
import { receiveState, streamState } from './transfer.ts';

type Step =
  | { readonly kind: 'put'; readonly key: string; readonly size: number; readonly byte: number }
  | { readonly kind: 'delete'; readonly from: string; readonly to: string }
  | { readonly kind: 'compact'; readonly back: number }
  | { readonly kind: 'checkpoint' | 'defragment' | 'kill' | 'power-cut' };

const key = fc.constantFrom('a', 'b', 'ba', 'c', 'd/1', 'd/2', 'e');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('put' as const), key, size: fc.nat(120), byte: fc.nat(255) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), from: key, to: key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('defragment' as const, 'kill' as const, 'power-cut' as const) }) },
);

/** The store on its files beside one that has everything in memory; the list of what was asked stands for the log. */
class Pair {
  readonly world: StoreWorld;
  readonly plain = new Machine();
  readonly log: InternalRequest[] = [];
  open: OpenWorld;

  private constructor(world: StoreWorld, open: OpenWorld) {
    this.world = world;
    this.open = open;
  }

  static async create(seed: number): Promise<Pair> {
    const world = new StoreWorld(seed);
    return new Pair(world, await world.do(openWorld(world)));
  }

  apply(request: Omit<InternalRequest, 'ID'>): void {
    this.log.push({ ID: 1n, ...request });
    for (const machine of [this.plain, this.open.machine]) {
      machine.apply({ ID: 1n, ...request });
      machine.store.prune(1000);
    }
  }

  async run(one: Step): Promise<void> {
    const { world } = this;
    switch (one.kind) {
      case 'put': this.apply({ put: putRequest({ key: utf8(one.key), value: new Uint8Array(one.size).fill(one.byte) }) }); return;
      case 'delete': this.apply({ deleteRange: deleteRangeRequest({ key: utf8(one.from), rangeEnd: utf8(one.to) }) }); return;
      case 'compact': this.apply({ compaction: { revision: Math.max(1, this.plain.store.revision - one.back), physical: false } }); return;
      case 'checkpoint': await world.do(checkpoint(this.open, this.log.length)); return;
      case 'defragment': await world.do(checkpoint(this.open, this.log.length, { kind: 'everything', upToId: Number.MAX_SAFE_INTEGER })); return;
      case 'kill': case 'power-cut': await this.restart(one.kind === 'power-cut');
    }
  }

  /** The state on disk, and the log from there on. */
  async restart(powerCut: boolean): Promise<void> {
    this.world.restart(powerCut);
    const { meta, ...open } = await this.world.do(openWorld(this.world));
    this.open = open;
    for (const request of this.log.slice(meta.index)) {
      this.open.machine.apply(request);
      this.open.machine.store.prune(1000);
    }
  }

  async check(): Promise<void> {
    const [plain, { machine, values }] = [this.plain, this.open];
    expect(machine.store.revision).toBe(plain.store.revision);
    for (let revision = Math.max(plain.store.compactRevision, 1); revision <= plain.store.revision; revision += 1) {
      const request = rangeRequest({ key: utf8('a'), rangeEnd: utf8('z'), revision });
      const found = executeRange(machine.store, request);
      await this.world.do(values.load(absentIn(found) ?? []));
      const told = found.kvs.map(({ key: name, value, createRevision, modRevision, version, lease }) => ({ key: name, value, createRevision, modRevision, version, lease }));
      expect(told).toEqual(executeRange(plain.store, request).kvs);
      expect(machine.store.history.versionsAt(revision).map(({ text }) => text)).toEqual(plain.store.history.versionsAt(revision).map(({ text }) => text));
      expect(hashStore(machine.store, revision)).toBe(hashStore(plain.store, revision));
    }
    expect(machine.store.sizeBytes).toBe(plain.store.sizeBytes);
  }

  close(): void {
    this.world.sim.stop();
  }
}

describe('a store on its files', () => {
  it('reads like one that has everything in memory, whatever is written, compacted, rewritten and restarted', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(1000), fc.array(step, { maxLength: 40 }), async (seed, steps) => {
      const pair = await Pair.create(seed);
      for (const one of steps) await pair.run(one);
      await pair.check();
      await pair.restart(true);
      await pair.check();
      pair.close();
    }), { seed: 16, numRuns: 120 });
  });

  it('is whole after a power cut at any operation of a checkpoint', async () => {
    for (let cutAt = 0; cutAt < 60; cutAt += 1) {
      const pair = await Pair.create(cutAt);
      for (let round = 0; round < 3; round += 1) {
        for (let at = 0; at < 12; at += 1) pair.apply({ put: putRequest({ key: utf8(`k${at % 5}`), value: utf8(`${round}/${at}`.repeat(8)) }) });
        if (round === 1) pair.apply({ compaction: { revision: pair.plain.store.revision - 3, physical: false } });
        if (round < 2) await pair.run({ kind: 'checkpoint' });
      }
      const { files } = pair.open;
      const stopped = cutDisk(pair.world.host.disk, cutAt);
      Object.defineProperty(files, 'disk', { value: stopped.disk });
      void checkpoint(pair.open, pair.log.length, { kind: 'everything', upToId: Number.MAX_SAFE_INTEGER });
      await pair.world.do(Promise.race([stopped.reached, pair.world.host.timers.sleep(2000)]));
      await pair.restart(true);
      await pair.check();
      pair.close();
    }
  });

  it('finds every flipped bit of a value and of an index, and says where', async () => {
    const pair = await Pair.create(1);
    for (let at = 0; at < 4; at += 1) pair.apply({ put: putRequest({ key: utf8(`k${at}`), value: utf8('some value '.repeat(3)) }) });
    await pair.run({ kind: 'checkpoint' });
    const { world } = pair;
    const name = (await world.do(world.host.disk.list(storeDirectory))).find((one) => one.endsWith('.segment')) as string;
    const path = `${storeDirectory}/${name}`;
    const whole = await world.do(world.host.disk.readFile(path));
    for (let at = 16; at < whole.length; at += 3) {
      await world.do(world.host.disk.writeFileAtomic(path, whole.map((byte, index) => (index === at ? byte ^ 4 : byte))));
      const attempt = world.do((async () => { await fetchAll(await openWorld(world, 0)); })());
      const error = await attempt.then(() => undefined, (reason: unknown) => reason);
      expect(error, `byte ${at}`).toBeInstanceOf(StoreCorruption);
      expect((error as StoreCorruption).file).toBe(path);
    }
    pair.close();
  });
});

describe('a state as a stream', () => {
  async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
    const out: Uint8Array[] = [];
    for await (const part of source) out.push(part.slice());
    return out;
  }

  it('arrives whole, or leaves nothing behind', async () => {
    const pair = await Pair.create(3);
    const { crypto } = pair.world.host;
    for (let at = 0; at < 30; at += 1) pair.apply({ put: putRequest({ key: utf8(`k${at % 7}`), value: utf8(`value ${at} `.repeat(5)) }) });
    await pair.run({ kind: 'checkpoint' });
    const state = pair.open.files.exportState();
    if (state === undefined) throw new Error('there is no state');
    const parts = await pair.world.do(collect(streamState(crypto, state)));
    state.close();
    const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
    const other = new StoreWorld(4);
    const files = await other.do(other.files());
    const stream = async function* stream(data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
      for (let at = 0; at < data.length; at += 100) yield data.subarray(at, at + 100);
    };
    for (const damaged of [whole.subarray(0, -1), whole.subarray(0, whole.length >> 1), whole.map((byte, at) => (at === whole.length >> 1 ? byte ^ 1 : byte)), Uint8Array.of(...whole, 0)]) {
      await expect(other.do(receiveState(files, crypto, stream(damaged), { name: 'test' }))).rejects.toThrow(StoreCorruption);
      expect(await other.do(other.host.disk.list(storeDirectory))).toEqual([]);
    }
    const received = await other.do(receiveState(files, crypto, stream(whole), { name: 'test' }));
    // Its first sender was deposed meanwhile; another one sends the same.
    const names = await other.do(other.host.disk.list(storeDirectory));
    expect(await other.do(receiveState(files, crypto, stream(whole), { name: 'test' }))).toBe(received);
    expect(await other.do(other.host.disk.list(storeDirectory))).toEqual(names);
    other.restart(true);
    const copy = await other.do(openWorld(other));
    await other.do(fetchAll(copy));
    expect(hashStore(copy.machine.store, pair.plain.store.revision)).toBe(hashStore(pair.plain.store, pair.plain.store.revision));
    pair.close();
    other.sim.stop();
  });

  it('a version that was compacted away while it was held is told from one that is there', async () => {
    const pair = await Pair.create(5);
    pair.apply({ put: putRequest({ key: utf8('a'), value: utf8('first') }) });
    const held = pair.open.machine.store.live('a') as Version;
    await pair.run({ kind: 'checkpoint' });
    pair.apply({ put: putRequest({ key: utf8('a'), value: utf8('second') }) });
    pair.apply({ compaction: { revision: pair.plain.store.revision, physical: false } });
    expect(held.ordinal).toBe(pruned);
    pair.close();
  });
});

/** The disk stands still for ever at its `cutAt`-th operation, as it does for a process that is about to lose its power. */
function cutDisk(disk: Disk, cutAt: number): { readonly disk: Disk; readonly reached: Promise<void> } {
  const reached = Promise.withResolvers<void>();
  let count = 0;
  const guard = <T extends object>(target: T): T => new Proxy(target, {
    get: (object, name) => {
      const member: unknown = Reflect.get(object, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        count += 1;
        if (count > cutAt) {
          reached.resolve();
          return new Promise(() => undefined);
        }
        const result: unknown = await Reflect.apply(member, object, args);
        return name === 'open' ? guard(result as DiskFile) : result;
      };
    },
  });
  return { disk: guard(disk), reached: reached.promise };
}
