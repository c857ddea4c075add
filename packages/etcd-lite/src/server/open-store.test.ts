import { silentLogger, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { describe, expect, it } from 'vitest';
import { encodeState } from '../machine/snapshot.ts';
import { capture, StoreCorruption, writeCheckpoint } from '../storage/index.ts';
import type { RecoveredWal } from '../wal/recover.ts';
import { crc32c } from '../wal/crc32c.ts';
import { snapshotChunk, type SnapshotChunk } from '../wire/schema.ts';
import type { EtcdConfig } from './config.ts';
import { openStore, type OpenStore } from './open-store.ts';

const former = '/data/member/snap/0000000000000002-0000000000000009.snap';
const snapshot = { index: 9, term: 2 };
const everything = { start: '', end: undefined, single: false };

/** As the releases before segments wrote it: frames of length, CRC over all content so far, content; an empty one ends it. */
function frames(chunks: readonly Uint8Array[]): Uint8Array {
  let crc = 0;
  const parts = [...chunks, new Uint8Array(0)].map((content) => {
    crc = crc32c(content, crc);
    const part = new Uint8Array(8 + content.length);
    new DataView(part.buffer).setUint32(0, content.length, true);
    new DataView(part.buffer).setUint32(4, crc, true);
    part.set(content, 8);
    return part;
  });
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const kv = (key: string, value: string, createRevision: number, modRevision: number, version: number, lease = 0n): SnapshotChunk['kvs'][number] => ({ key: utf8(key), value: utf8(value), createRevision, modRevision, version, lease });
const nothing = { leases: [], alarms: [], members: [], kvs: [], records: [] };

/** Compacted at 4: `a` and `b` as they stood before, then what revisions 4 to 6 did. */
const chunks: readonly SnapshotChunk[] = [
  { ...nothing, head: { revision: 6, compactRevision: 4 }, leases: [{ ID: 77n, TTL: 30 }] },
  { ...nothing, kvs: [kv('a', 'one', 2, 2, 1), kv('b', 'two', 3, 3, 1, 77n)] },
  { ...nothing, records: [
    { revision: 4, kvs: [kv('c', 'three', 4, 4, 1)] }, { revision: 5, kvs: [kv('a', 'four', 2, 5, 2), kv('d', '', 5, 5, 1)] }, { revision: 6, kvs: [kv('b', '', 0, 6, 0)] },
  ] },
];

class World {
  readonly sim = new Simulation({ seed: 1 });
  readonly host: Host = { ...this.sim.start('m', 'member').host, log: silentLogger };

  async place(data: Uint8Array): Promise<void> {
    await this.host.disk.makeDirectory('/data/member/snap');
    const file = await this.host.disk.open(former, 'create');
    await file.write(0, data);
    await file.close();
  }

  open(): Promise<OpenStore> {
    const recovered = { snapshot, entries: [] } as unknown as RecoveredWal;
    return openStore(this.host, { dataDir: '/data' } as EtcdConfig, recovered);
  }

  do<T>(work: Promise<T>): Promise<T> {
    return this.sim.runUntil(work, 600_000, 'work on the store');
  }
}

function contents({ machine: { store } }: OpenStore): unknown {
  const at = (revision: number): readonly string[] => store.range(everything, revision, 0).versions.map(({ text, modRevision, version }) => `${text}@${modRevision} v${version}`);
  const history = [4, 5, 6].map((revision) => store.history.versionsAt(revision).map(({ text, version }) => `${version === 0 ? 'delete' : 'put'} ${text}`));
  return { revision: store.revision, compactRevision: store.compactRevision, at4: at(4), now: at(6), history };
}

const expected = {
  revision: 6, compactRevision: 4, at4: ['a@2 v1', 'b@3 v1', 'c@4 v1'], now: ['a@5 v2', 'c@4 v1', 'd@5 v1'],
  history: [['put c'], ['put a', 'put d'], ['delete b']],
};

describe('a data directory of a release that kept its state as one file', () => {
  it('is read, and the first checkpoint converts it', async () => {
    const world = new World();
    await world.do(world.place(frames(chunks.map((chunk) => snapshotChunk.encode(chunk)))));
    const first = await world.do(world.open());
    expect(first.applied).toEqual(snapshot);
    expect(contents(first)).toEqual(expected);
    expect(first.machine.leases.get(77n)?.ttlSeconds).toBe(30);
    const { files, machine, values } = first;
    await world.do(writeCheckpoint(files, values.cache, capture(files, machine.store, snapshot, encodeState(machine), { kind: 'worthwhile' })));
    const second = await world.do(world.open());
    expect(contents(second)).toEqual(expected);
    const four = second.machine.store.live('a');
    await world.do(second.values.restore(four === undefined ? [] : [four]));
    expect(four?.value).toEqual(utf8('four'));
    expect(await world.do(world.host.disk.exists('/data/member/snap'))).toBe(false);
  });

  it('is refused with file and offset if a byte of it is another, or its end is missing', async () => {
    const whole = frames(chunks.map((chunk) => snapshotChunk.encode(chunk)));
    const flipped = whole.slice();
    flipped[40] = (flipped[40] as number) ^ 1;
    for (const damaged of [flipped, whole.slice(0, -8)]) {
      const world = new World();
      await world.do(world.place(damaged));
      const error: unknown = await world.do(world.open().catch((failure: unknown) => failure));
      expect(error).toBeInstanceOf(StoreCorruption);
      expect((error as Error).message).toContain(former);
    }
  });
});
