import { crc32c } from '../wal/crc32c.ts';
import { codecs } from '../wire/schema.ts';
import type { KeyEntry } from './key-index.ts';
import type { MvccStore } from './store.ts';

/** Of what can be read of these keys between the two revisions, after what was before. */
function hashEntry(entry: KeyEntry, compactRevision: number, revision: number, before: number): number {
  let crc = before;
  for (const [at, kv] of entry.versions.entries()) {
    const next = entry.versions[at + 1];
    const superseded = next !== undefined && next.modRevision <= compactRevision;
    const goneTombstone = kv.version === 0 && kv.modRevision <= compactRevision;
    if (kv.modRevision <= revision && !superseded && !goneTombstone) crc = crc32c(codecs.keyValue.encode(kv), crc);
  }
  return crc;
}

/**
 * Of everything that can be read between the compaction revision and `revision`: equal on all members that hold the same.
 * Touches every key; for operators and tests, not for a request's way.
 */
export function hashStore(store: MvccStore, revision: number): number {
  let crc = 0;
  for (const entry of store.entries({ start: '', end: undefined, single: false })) crc = hashEntry(entry, store.compactRevision, revision, crc);
  return crc;
}

const sliceKeys = 500;

/**
 * The same in slices, with others getting their turn in between: what they write is newer than `revision`. Undefined if the
 * store was compacted meanwhile, so that there is no such hash any more.
 */
export async function hashInSlices(store: MvccStore, revision: number, turn: () => Promise<void>): Promise<number | undefined> {
  const { compactRevision } = store;
  let crc = 0;
  for (let start = ''; ;) {
    let keys = 0;
    let last: KeyEntry | undefined;
    for (const entry of store.entries({ start, end: undefined, single: false })) {
      crc = hashEntry(entry, compactRevision, revision, crc);
      last = entry;
      keys += 1;
      if (keys === sliceKeys) break;
    }
    if (keys < sliceKeys || last === undefined) return crc;
    start = `${last.text}\0`;
    await turn();
    if (store.compactRevision !== compactRevision) return undefined;
  }
}
