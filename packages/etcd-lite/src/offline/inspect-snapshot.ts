import type { Host } from '@coxswain/host';
import { Machine } from '../machine/machine.ts';
import { hashStore } from '../mvcc/hash.ts';
import { loadStore, receiveState, storeDefaults, StoreFiles } from '../storage/index.ts';

export interface InspectedSnapshot {
  readonly revision: number;
  readonly compactRevision: number;
  readonly keys: number;
  readonly hash: number;
  readonly index: number;
  readonly term: number;
}

/** Reads all of a snapshot and checks every value in it. `workDir` must be empty and is the caller's to remove. Rejects with StoreCorruption. */
export async function inspectSnapshot(host: Host, source: AsyncIterable<Uint8Array>, sourceName: string, workDir: string): Promise<InspectedSnapshot> {
  const files = await StoreFiles.open(host, { ...storeDefaults, directory: `${workDir}/store` });
  const manifest = await receiveState(files, host.crypto, source, { name: sourceName });
  const { store } = new Machine();
  const state = await loadStore(files, manifest, store);
  for (const segment of state.segments) segment.release(host.log);
  let keys = 0;
  for (const head of store.heads({ start: '', end: undefined, single: false })) if (head.version > 0) keys += 1;
  return { revision: manifest.revision, compactRevision: manifest.compactRevision, keys, hash: hashStore(store, store.revision), index: manifest.index, term: manifest.term };
}
