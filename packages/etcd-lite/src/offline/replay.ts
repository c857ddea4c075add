import type { Host } from '@coxswain/host';
import { Machine } from '../machine/machine.ts';
import { encodeState, restoreState } from '../machine/snapshot.ts';
import type { SnapshotMeta } from '../raft/index.ts';
import { Applier } from '../server/applier.ts';
import { defaults } from '../server/config.ts';
import { capture, loadStore, receiveState, storeDefaults, StoreFiles, streamState, Values, writeCheckpoint, type ExportedState } from '../storage/index.ts';
import type { StoreManifest } from '../wire/schema.ts';
import { openFilesReadOnly, type DataDir } from './inspect.ts';

/** A state that was put together in a directory of its own. */
export interface Replayed extends ExportedState {
  readonly revision: number;
}

/**
 * The state that a member's data stand for once everything up to `upToIndex` is applied, as files in `workDir`, which must not
 * exist and is the caller's to remove. The member's own files are only read.
 */
export async function replayDataDir(host: Host, data: DataDir, upToIndex: number, workDir: string): Promise<Replayed> {
  const files = await StoreFiles.open(host, { ...storeDefaults, directory: workDir });
  const values = new Values(host, defaults.valueCacheBytes);
  const machine = new Machine();
  let applied: SnapshotMeta = { index: 0, term: 0 };
  if (data.manifest !== undefined) {
    const manifest = await copyState(host, data, data.manifest, files);
    await files.replace(await loadStore(files, manifest, machine.store));
    restoreState(machine, manifest.state);
    applied = { index: manifest.index, term: manifest.term };
  }
  applied = await applyEntries(host, { files, values, machine, applied }, data, upToIndex);
  const everything = { kind: 'everything', upToId: Number.MAX_SAFE_INTEGER } as const;
  await writeCheckpoint(files, values.cache, capture(files, machine.store, applied, encodeState(machine), everything));
  const state = files.exportState();
  if (state === undefined) throw new Error(`no state came out of ${data.dataDir}`);
  return { ...state, revision: machine.store.revision };
}

async function copyState(host: Host, data: DataDir, manifest: StoreManifest, into: StoreFiles): Promise<StoreManifest> {
  const source = await openFilesReadOnly(host, `${data.dataDir}/member/store`);
  const state = await source.openState(manifest, () => undefined);
  try {
    return await receiveState(into, host.crypto, streamState(host.crypto, state), { name: `the state in ${data.dataDir}` });
  } finally {
    for (const segment of state.segments) segment.release(host.log);
  }
}

async function applyEntries(host: Host, parts: ConstructorParameters<typeof Applier>[1], data: DataDir, upToIndex: number): Promise<SnapshotMeta> {
  let damage: unknown;
  const ignore = (): void => undefined;
  // It never has enough to write a checkpoint of its own accord: that is done once, at the end.
  const options = { snapshotCount: Number.POSITIVE_INFINITY, checkpointBytes: Number.POSITIVE_INFINITY, defragmentPauseMs: defaults.defragmentPauseMs };
  const applier = new Applier(host, parts, options, {
    answered: ignore, membersChanged: ignore, awaited: () => false, decoded: () => undefined, termBegan: ignore, authenticated: ignore, snapshotTaken: ignore, damaged: (error) => { damage ??= error; },
  });
  let { applied } = parts;
  for (const entry of data.entries) {
    if (entry.index > upToIndex) break;
    await applier.apply(entry);
    if (damage !== undefined) throw damage;
    applied = { index: entry.index, term: entry.term };
  }
  applier.stop();
  return applied;
}
