import type { Host } from '@coxswain/host';
import { fromMembershipMessage, type MembershipState } from '../machine/membership.ts';
import type { Entry } from '../raft/index.ts';
import { membershipOf } from '../server/open-member.ts';
import { StoreFiles, storeDefaults } from '../storage/index.ts';
import { recoverWal, type RecoveredWal } from '../wal/recover.ts';
import { snapshotChunk, type StoreManifest } from '../wire/schema.ts';
import { readOnlyDisk } from './read-only-disk.ts';

/** What a member's data directory holds, the member not running. */
export interface DataDir {
  readonly dataDir: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly term: number;
  /** Up to here this member knew entries to be committed. */
  readonly commit: number;
  readonly last: { readonly index: number; readonly term: number };
  /** After the state on disk. */
  readonly entries: readonly Entry[];
  /** Undefined: all there is is in the log. */
  readonly manifest: StoreManifest | undefined;
  /** As the last entry has it. */
  readonly membership: MembershipState;
}

/** Looks only. Rejects with WalCorruption or StoreCorruption, which say what is damaged, or if there is no member's data. */
export async function inspectDataDir(host: Host, dataDir: string, walDir = `${dataDir}/member/wal`): Promise<DataDir> {
  const disk = readOnlyDisk(host.disk);
  if (!await disk.exists(walDir)) throw new Error(`${dataDir} holds no member's data (${walDir} is not there)`);
  const recovered = await recoverWal(disk, walDir, host.log);
  const { header, hardState, snapshot } = recovered;
  if (header === undefined) throw new Error(`${walDir} holds no log`);
  const manifest = await manifestOf(host, dataDir, recovered);
  const from = manifest?.index ?? 0;
  const entries = recovered.entries.filter(({ index }) => index > from);
  const last = entries[entries.length - 1] ?? (manifest === undefined ? snapshot : { index: manifest.index, term: manifest.term });
  return {
    dataDir, clusterId: header.clusterId, memberId: header.memberId, term: hardState.term, commit: Math.max(hardState.commit, from), last: { index: last.index, term: last.term }, entries, manifest,
    membership: recovered.entries.map(membershipOf).findLast((one) => one !== undefined) ?? membershipIn(manifest),
  };
}

async function manifestOf(host: Host, dataDir: string, { snapshot, entries }: RecoveredWal): Promise<StoreManifest | undefined> {
  const directory = `${dataDir}/member/store`;
  if (!await host.disk.exists(directory)) return undefined;
  const files = await openFilesReadOnly(host, directory);
  const first = entries[0]?.index ?? 0;
  return files.choose({ snapshot, termOf: (index) => (index < first ? undefined : entries[index - first]?.term) });
}

export function openFilesReadOnly(host: Host, directory: string): Promise<StoreFiles> {
  return StoreFiles.open({ log: host.log, timers: host.timers, disk: { ...readOnlyDisk(host.disk), makeDirectory: async () => undefined } }, { ...storeDefaults, directory });
}

function membershipIn(manifest: StoreManifest | undefined): MembershipState {
  const { membership } = manifest === undefined ? { membership: undefined } : snapshotChunk.decode(manifest.state);
  return membership === undefined ? { members: [], removed: new Set() } : fromMembershipMessage(membership);
}
