import type { Host } from '@coxswain/host';
import { confOf, fromMembershipMessage, toMembershipMessage, type MembershipState } from '../machine/membership.ts';
import { confChangeData, entryKind, readConfChange, type Entry } from '../raft/index.ts';
import { manifestMeta } from '../storage/manifest.ts';
import { Wal } from '../wal/index.ts';
import type { RecoveredWal } from '../wal/recover.ts';
import { codecs } from '../wire/schema.ts';
import { idText, makeCluster, type ClusterMember, type NewCluster } from './cluster.ts';
import { defaults, type EtcdConfig } from './config.ts';
import { checkDataDir } from './data-dir.ts';
import { askToJoin, refuseIfBootstrapped } from './join.ts';
import { openStore, type OpenStore } from './open-store.ts';
import { removedText } from './peer-paths.ts';

/** What a member begins with, be it its first life or a later one. */
export interface Opened {
  readonly clusterId: bigint;
  readonly self: ClusterMember;
  readonly wal: Wal;
  readonly recovered: RecoveredWal;
  readonly store: OpenStore;
  /** Whom to talk to while the list of members is not known from the log. */
  readonly hints: readonly ClusterMember[];
}

type Recovered = Omit<Opened, 'hints' | 'self' | 'clusterId'>;

/** Recovers what the data directory holds, or founds or joins a cluster. Rejects with one clear line if it may not go on. */
export async function openMember(config: EtcdConfig, host: Host): Promise<Opened> {
  const directory = config.walDir ?? `${config.dataDir}/member/wal`;
  await checkDataDir(host.disk, config.dataDir);
  let beginning: Beginning | undefined;
  const { wal, recovered: whole } = await Wal.openAny(host.disk, { directory, segmentBytes: config.segmentBytes ?? defaults.segmentBytes }, async () => {
    beginning = await begin(config, host);
    return { clusterId: beginning.clusterId, memberId: beginning.self.id };
  }, host.log);
  const store = await openStore(host, config, whole);
  // The state on disk may be newer than the beginning of the log: the log goes on from there.
  const recovered: RecoveredWal = { ...whole, snapshot: store.applied, entries: whole.entries.filter(({ index }) => index > store.applied.index) };
  const opened = { wal, recovered, store };
  if (beginning === undefined) return reopened(config, host, opened);
  return beginning.founding === undefined ? { ...opened, ...beginning } : found(beginning.founding, opened);
}

interface Beginning extends Pick<Opened, 'clusterId' | 'self' | 'hints'> {
  /** Absent: it joins a cluster that exists. */
  readonly founding?: NewCluster;
}

async function begin(config: EtcdConfig, host: Host): Promise<Beginning> {
  await refuseIfStateIsHere(config, host);
  if (config.forceNewCluster === true) throw new Error(`--force-new-cluster needs the data of a member, and ${config.dataDir} holds none`);
  if (config.initialClusterState === 'existing') {
    const { remote, self } = await askToJoin(config, host);
    return { clusterId: remote.clusterId, self, hints: remote.members };
  }
  const founding = flagsCluster(config, host);
  await refuseIfBootstrapped(config, host, founding);
  return { clusterId: founding.clusterId, self: founding.self, hints: founding.membership.members, founding };
}

/** Beginning anew beside it would throw it away, and with it all that this member has ever promised. */
async function refuseIfStateIsHere({ dataDir, walDir }: EtcdConfig, { disk }: Host): Promise<void> {
  const directory = `${dataDir}/member/store`;
  if (!await disk.exists(directory) || !(await disk.list(directory)).some((name) => manifestMeta(name) !== undefined)) return;
  throw new Error(`${directory} holds the state of a member, but there is no log in ${walDir ?? `${dataDir}/member/wal`}: give this member its log again (--wal-dir), or remove it from the cluster, `
    + `empty ${dataDir} and add it again`);
}

function flagsCluster(config: EtcdConfig, host: Host): NewCluster {
  return makeCluster(host.crypto, config.name, config.initialCluster, config.initialClusterToken ?? defaults.token);
}

/**
 * The first members are the log's first entry, the same in all of them and committed by agreement: so whoever joins later
 * learns of them as of everything else. The first election is for term 2.
 */
async function found(cluster: NewCluster, opened: Recovered): Promise<Opened> {
  const entry = membershipEntry(1, 1, cluster.membership);
  const hardState = { term: 1, vote: 0n, commit: 1 };
  await opened.wal.append({ hardState, entries: [entry] });
  return { ...opened, recovered: { ...opened.recovered, hardState, entries: [entry] }, clusterId: cluster.clusterId, self: cluster.self, hints: cluster.membership.members };
}

function membershipEntry(index: number, term: number, membership: MembershipState): Entry {
  return { index, term, data: confChangeData(confOf(membership), codecs.internalRequest.encode({ ID: 0n, membership: toMembershipMessage(membership) })) };
}

/** Of an entry that changes the members; undefined if it is none. */
export function membershipOf(entry: Entry): MembershipState | undefined {
  if (entryKind(entry.data) !== 'conf-change') return undefined;
  const { membership } = codecs.internalRequest.decode(readConfChange(entry.data).payload);
  return membership === undefined ? undefined : fromMembershipMessage(membership);
}

async function reopened(config: EtcdConfig, host: Host, opened: Recovered): Promise<Opened> {
  const { recovered, store: { machine } } = opened;
  const header = recovered.header as NonNullable<RecoveredWal['header']>;
  const untouched = recovered.entries.length === 0 && recovered.snapshot.index === 0;
  const newest = recovered.entries.map(membershipOf).findLast((one) => one !== undefined) ?? machine.membership;
  const identity = { clusterId: header.clusterId, self: { id: header.memberId, name: config.name, peerUrls: config.initialCluster[config.name] ?? [] } };
  if (machine.membership.removed.has(header.memberId)) throw new Error(removedText);
  if (newest.members.length > 0) {
    const kept = config.forceNewCluster === true ? await standAlone(host, newest, header.memberId, opened) : opened;
    return { ...kept, ...identity, hints: newest.members };
  }
  if (untouched && config.initialClusterState === 'existing') return { ...opened, ...identity, hints: (await askToJoin(config, host)).remote.members };
  // The power went before the first entry, or the data is from before members could change: they are in the flags then.
  const cluster = flagsCluster(config, host);
  if (cluster.clusterId !== header.clusterId || cluster.self.id !== header.memberId) {
    throw new Error(`${config.dataDir} belongs to member ${idText(header.memberId)} of cluster ${idText(header.clusterId)}, not to member ${idText(cluster.self.id)} of cluster ${
      idText(cluster.clusterId)}: another data directory, or other --initial-cluster flags`);
  }
  if (untouched) return found(cluster, opened);
  machine.membership = cluster.membership;
  const kept = config.forceNewCluster === true ? await standAlone(host, cluster.membership, header.memberId, opened) : opened;
  return { ...kept, ...identity, hints: cluster.membership.members };
}

/**
 * A cluster of this member alone. Everything in its log counts as committed: what was acknowledged cannot be told from what
 * was not, since the commit index on disk lags behind. The others are removed, so that they are refused should they return.
 */
async function standAlone(host: Host, before: MembershipState, id: bigint, opened: Recovered): Promise<Recovered> {
  const { recovered, wal } = opened;
  const self = before.members.find((member) => member.id === id);
  if (self === undefined) throw new Error(removedText);
  if (before.members.length === 1) return opened;
  const others = before.members.filter((member) => member.id !== id);
  const membership = { members: [{ ...self, isLearner: false, staging: false }], removed: new Set([...before.removed, ...others.map((member) => member.id)]) };
  const last = recovered.entries[recovered.entries.length - 1] ?? recovered.snapshot;
  const term = Math.max(recovered.hardState.term, last.term) + 1;
  const entry = membershipEntry(last.index + 1, term, membership);
  const hardState = { term, vote: 0n, commit: entry.index };
  await wal.append({ hardState, entries: [entry] });
  host.log.warn('a cluster of this member alone begins', { committedBefore: recovered.hardState.commit, last: last.index, removed: others.map((member) => idText(member.id)) });
  return { ...opened, recovered: { ...recovered, hardState, entries: [...recovered.entries, entry] } };
}
