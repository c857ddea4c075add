import type { Host } from '@coxswain/host';
import { Machine } from '../machine/machine.ts';
import { decodeFormerSnapshot, restoreState } from '../machine/snapshot.ts';
import type { SnapshotMeta } from '../raft/index.ts';
import { FormerSnapshots, loadStore, storeDefaults, StoreCorruption, StoreFiles, Values } from '../storage/index.ts';
import type { RecoveredWal } from '../wal/recover.ts';
import type { CheckpointerOptions } from './checkpointer.ts';
import { defaults, type EtcdConfig } from './config.ts';

export interface OpenStore {
  readonly files: StoreFiles;
  readonly values: Values;
  readonly machine: Machine;
  /** The last entry that is in the machine: the log goes on from there. */
  readonly applied: SnapshotMeta;
}

export function checkpointOptions(config: EtcdConfig): CheckpointerOptions {
  return {
    snapshotCount: config.snapshotCount ?? defaults.snapshotCount, checkpointBytes: config.checkpointBytes ?? defaults.checkpointBytes,
    defragmentPauseMs: config.defragmentPauseMs ?? defaults.defragmentPauseMs,
  };
}

/** The state on disk that the log goes on from. Rejects with StoreCorruption if it is damaged or missing. */
export async function openStore(host: Host, config: EtcdConfig, recovered: RecoveredWal): Promise<OpenStore> {
  const startMs = host.clock.monotonicMs();
  const directory = `${config.dataDir}/member/store`;
  const files = await StoreFiles.open(host, { ...storeDefaults, maxSegmentBytes: config.maxStoreSegmentBytes ?? storeDefaults.maxSegmentBytes, directory });
  const values = new Values(host, config.valueCacheBytes ?? defaults.valueCacheBytes);
  const { snapshot, entries } = recovered;
  const first = entries[0]?.index ?? 0;
  const manifest = await files.choose({ snapshot, termOf: (index) => (index < first ? undefined : entries[index - first]?.term) });
  const former = new FormerSnapshots(host.disk, `${config.dataDir}/member/snap`);
  if (manifest === undefined) {
    if (snapshot.index === 0) return { files, values, machine: new Machine(), applied: snapshot };
    if (!await former.has(snapshot)) throw new StoreCorruption(directory, 0, `the log begins after entry ${snapshot.index}, but the state up to there is missing`);
    host.log.info('a snapshot of the former format is read; the next checkpoint converts it', { index: snapshot.index });
    return { files, values, machine: await decodeFormerSnapshot(former.read(snapshot)), applied: snapshot };
  }
  const machine = new Machine();
  const state = await loadStore(files, manifest, machine.store);
  restoreState(machine, manifest.state);
  await files.replace(state);
  await former.remove(host.log);
  const { store } = machine;
  host.log.info('state opened', { index: manifest.index, revision: store.revision, keys: store.keyCount, segments: state.segments.length, ms: Math.round(host.clock.monotonicMs() - startMs) });
  return { files, values, machine, applied: { index: manifest.index, term: manifest.term } };
}
