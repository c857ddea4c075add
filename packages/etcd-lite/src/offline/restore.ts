import type { Host } from '@coxswain/host';
import { toMembershipMessage } from '../machine/membership.ts';
import { makeCluster, type NewCluster } from '../server/cluster.ts';
import { defaults } from '../server/config.ts';
import { receiveState, storeDefaults, StoreFiles } from '../storage/index.ts';
import { Wal } from '../wal/index.ts';
import { snapshotChunk, type StoreManifest } from '../wire/schema.ts';

export interface RestoreOptions {
  readonly name: string;
  /** Must not hold a member's data. */
  readonly dataDir: string;
  /** The new cluster, as each of its members is started: the same for all of them, who all restore the same snapshot. */
  readonly initialCluster: Readonly<Record<string, readonly string[]>>;
  readonly initialClusterToken: string;
  /**
   * By how much the revision jumps ahead; everything before is then compacted, so that a watch from before the jump is told to
   * start anew and no client ever sees a revision a second time. 0: goes on where the snapshot ends.
   */
  readonly bumpRevision: number;
}

export interface Restored {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly snapshotRevision: number;
  readonly revision: number;
}

/** Where the new cluster's log begins; the state before it is the restored one. */
const beginning = { index: 1, term: 1 } as const;

/** Makes a member's data directory from a snapshot. On any failure nothing of it is left. `source` is read once. */
export async function restoreSnapshot(host: Host, source: AsyncIterable<Uint8Array>, sourceName: string, options: RestoreOptions): Promise<Restored> {
  const { dataDir } = options;
  const member = `${dataDir}/member`;
  if (await host.disk.exists(member)) throw new Error(`${dataDir} holds a member's data already: restore into a new directory, or remove ${member}`);
  const cluster = makeCluster(host.crypto, options.name, options.initialCluster, options.initialClusterToken);
  try {
    const files = await StoreFiles.open(host, { ...storeDefaults, directory: `${member}/store` });
    let snapshotRevision = 0;
    const manifest = await receiveState(files, host.crypto, source, {
      name: sourceName,
      change: (received) => {
        snapshotRevision = received.revision;
        return renew(received, cluster, options.bumpRevision);
      },
    });
    await beginLog(host, `${member}/wal`, cluster);
    await host.disk.syncDirectory(dataDir);
    return { clusterId: cluster.clusterId, memberId: cluster.self.id, snapshotRevision, revision: manifest.revision };
  } catch (error) {
    await host.disk.remove(member, { recursive: true });
    throw error;
  }
}

/** The same keys, users and leases in another cluster, which nobody of the old one belongs to. */
function renew(received: StoreManifest, cluster: NewCluster, bumpRevision: number): StoreManifest {
  const revision = received.revision + bumpRevision;
  const compactRevision = bumpRevision > 0 ? revision : received.compactRevision;
  const state = snapshotChunk.decode(received.state);
  return {
    ...received, ...beginning, revision, compactRevision,
    state: snapshotChunk.encode({ ...state, head: { revision, compactRevision }, members: [], membership: toMembershipMessage(cluster.membership), alarms: [] }),
  };
}

async function beginLog(host: Host, directory: string, cluster: NewCluster): Promise<void> {
  const { wal } = await Wal.openAny(host.disk, { directory, segmentBytes: defaults.segmentBytes }, async () => ({ clusterId: cluster.clusterId, memberId: cluster.self.id }), host.log);
  await wal.append({ install: beginning, hardState: { term: beginning.term, vote: 0n, commit: beginning.index }, entries: [] });
  await wal.close();
}
