import type { MvccStore } from './store.ts';
import { contentHash, type Version } from './version.ts';

/**
 * Of everything that can be read or watched between the compaction revision and `revision`: for each key the version that
 * stood at the compaction revision, unless that was a deletion, and all later ones. Equal on all members that hold the same,
 * however far each has come with dropping what was compacted. It is a sum, so it costs only the revisions after `revision`;
 * while a compaction is under way it touches every key.
 */
export function hashStore(store: MvccStore, revision: number): number {
  if (!store.pruned) return hashAll(store, revision);
  let sum = store.hashSum;
  // Deletions at the compaction revision are kept for watches only.
  for (const version of store.history.versionsAt(store.compactRevision)) if (version.version === 0) sum = (sum - contentHash(version)) | 0;
  for (let later = revision + 1; later <= store.revision; later += 1) {
    for (const version of store.history.versionsAt(later)) sum = (sum - contentHash(version)) | 0;
  }
  return sum >>> 0;
}

function hashAll(store: MvccStore, revision: number): number {
  let sum = 0;
  for (const head of store.heads({ start: '', end: undefined, single: false })) {
    for (let at: Version | undefined = head; at !== undefined; at = at.older) {
      const compacted = at.modRevision <= store.compactRevision;
      if (at.modRevision <= revision && !(compacted && at.version === 0)) sum = (sum + contentHash(at)) | 0;
      if (compacted) break;
    }
  }
  return sum >>> 0;
}

/**
 * The same without touching every key at once: what a compaction has superseded is dropped first, in turns. Undefined if the
 * store was compacted meanwhile, so that there is no such hash any more, or when `turn` says false: nobody prunes a store that
 * was replaced by a received state, or whose member has stopped.
 */
export async function hashInSlices(store: MvccStore, revision: number, turn: () => Promise<boolean>): Promise<number | undefined> {
  const { compactRevision } = store;
  while (!store.pruned && store.compactRevision === compactRevision) if (!await turn()) return undefined;
  return store.compactRevision === compactRevision ? hashStore(store, revision) : undefined;
}
