import { crc32c } from '../wal/crc32c.ts';
import { codecs } from '../wire/schema.ts';
import type { MvccStore } from './store.ts';

/**
 * Of everything that can be read between the compaction revision and `revision`: equal on all members that hold the same.
 * Touches every key; for operators and tests, not for a request's way.
 */
export function hashStore(store: MvccStore, revision: number): number {
  let crc = 0;
  for (const entry of store.entries({ start: '', end: undefined, single: false })) {
    for (const [at, kv] of entry.versions.entries()) {
      const next = entry.versions[at + 1];
      const superseded = next !== undefined && next.modRevision <= store.compactRevision;
      const goneTombstone = kv.version === 0 && kv.modRevision <= store.compactRevision;
      if (kv.modRevision <= revision && !superseded && !goneTombstone) crc = crc32c(codecs.keyValue.encode(kv), crc);
    }
  }
  return crc;
}
