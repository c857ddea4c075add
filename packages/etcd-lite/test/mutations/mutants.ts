import type { FaultName, Plan } from '../sim/plan.ts';
import type { Edit } from './replace-source.ts';

/** A bug that somebody's store really had, put into ours. */
export interface Mutant {
  readonly name: string;
  /** Where the bug is told of: etcd's issue, the Raft paper. */
  readonly source: string;
  readonly bug: string;
  readonly edits: readonly Edit[];
  /** What the seeds are run with; without the edits they pass. */
  readonly plan: Partial<Plan>;
  /** It is found within so many seeds, from 1 on. */
  readonly maxSeeds: number;
  /** Cheap enough to be shown with every change. */
  readonly always?: boolean;
}

const faults = (rates: Partial<Record<FaultName, number>>): ReadonlyMap<FaultName, number> => new Map(Object.entries(rates) as [FaultName, number][]);

const crashes = faults({ 'power-cut': 15, 'power-cut-all': 6, 'crash-at-io': 15 });
const network = faults({ partition: 12, 'one-way': 6, reset: 10, 'raft-loss': 6, kill: 6 });
const lagging = faults({ lag: 15, kill: 10 });
const none = faults({});

/** One member or three, as most of etcd's bugs need no more. */
const three = { members: 3, requestTimeoutMs: 1500, readMode: 'read-index', forMs: 10_000, snapshotCount: 20, snapshotCatchUpEntries: 5 } as const;
const busy = { clients: { kv: 4, kubernetes: 2, leases: 1, watchers: 6 }, keys: 5, thinkMs: 20 } as const;
const fastNet = { latencyMs: { min: 0.1, max: 0.5 }, disk: { operationMsMax: 0.1, datasyncMsMax: 1 }, heartbeatMs: 29, electionMs: 271 } as const;
const slowReaders = { windowBytes: 1, latencyMs: { min: 1, max: 20 } } as const;
const compacting = { compactEveryMs: 150 } as const;

export const mutants: readonly Mutant[] = [
  {
    name: 'applied-twice', source: 'etcd #13766', bug: 'after a crash under load entries are applied again that the saved state already holds',
    edits: [{ file: 'server/checkpointer.ts', find: 'const outcome = this.#write(applied, aim);', replace: 'const outcome = this.#write({ ...applied, index: applied.index - 1 }, aim);' }],
    plan: { ...three, ...busy, faults: crashes }, maxSeeds: 5, always: true,
  },
  {
    name: 'acknowledged-before-disk', source: 'etcd #14370', bug: 'a lone member answers a write before it is on its disk',
    edits: [
      { file: 'raft/replicate.ts', find: '(id === raft.config.id ? raft.log.stable :', replace: '(id === raft.config.id ? raft.log.lastIndex :' },
      { file: 'raft/replicate.ts', find: 'export function broadcastAppend(raft: RaftState): void {', replace: 'export function broadcastAppend(raft: RaftState): void {\n  maybeCommit(raft);' },
      { file: 'raft/log.ts', find: 'const to = Math.min(this.committed, this.stable);', replace: 'const to = this.committed;' },
    ],
    plan: { ...three, ...busy, members: 1, faults: crashes }, maxSeeds: 5, always: true,
  },
  {
    name: 'roles-forgotten', source: 'etcd #14571', bug: 'a member that begins from a saved state does not know the users and roles in it',
    edits: [{ file: 'machine/snapshot.ts', find: 'if (chunk.auth !== undefined && chunk.auth.length > 0) decodeAuth(chunk.auth, machine.auth);', replace: 'if (machine.store.revision < 0 && chunk.auth !== undefined) decodeAuth(chunk.auth, machine.auth);' }],
    plan: { ...three, ...busy, faults: crashes }, maxSeeds: 10,
  },
  {
    name: 'defragmentation-not-atomic', source: 'etcd #14685', bug: 'a crash in a defragmentation leaves neither the old nor the new: old segments go before the manifest that replaces them is on disk',
    edits: [{ file: 'storage/checkpoint.ts', find: '    const written = await run.finish();', replace: '    const written = await run.finish();\n    for (const { segment } of captured.victims) await files.disk.remove(segment.path);' }],
    plan: { ...three, ...busy, ...compacting, faults: faults({ defragment: 60, 'crash-at-io': 60, 'power-cut': 10 }) }, maxSeeds: 10,
  },
  {
    name: 'progress-not-synced', source: 'etcd #15220', bug: 'a progress notice is sent while events up to its revision still wait',
    edits: [
      { file: 'server/watch-stream.ts', find: 'if (this.#ready.size === 0 && this.#fetching === 0 && this.#progressRequested)', replace: 'if (this.#progressRequested)' },
      // A watch catches up in one go here; only with less at a time can a notice come in between.
      { file: 'watch/hub.ts', find: 'const maxScan = 2048;', replace: 'const maxScan = 4;' },
      { file: 'server/watch-stream.ts', find: 'const gatherBytes = 64 * 1024;', replace: 'const gatherBytes = 64;' },
    ],
    plan: { ...three, ...busy, ...slowReaders, faults: none, compactEveryMs: Number.POSITIVE_INFINITY }, maxSeeds: 10,
  },
  {
    name: 'watch-back-in-time', source: 'etcd #15271', bug: 'a watch on a member that was cut off and got the whole state goes on at an older revision',
    edits: [{ file: 'watch/hub.ts', find: '    if (this.#pending.length > 0) this.#fallBehind();\n    this.#synced = false;', replace: '    this.#fallBack();\n    this.#synced = false;' },
      { file: 'watch/hub.ts', find: '  #fallBehind(): void {', replace: '  #fallBack(): void {\n    this.#next = Math.max(1, this.#next - 20);\n    this.#pending = [];\n    this.#pendingEvents = 0;\n  }\n\n  #fallBehind(): void {' }],
    plan: { ...three, ...busy, faults: lagging }, maxSeeds: 10,
  },
  {
    name: 'event-twice', source: 'etcd #17247', bug: 'a watch whose events pile up is told the last one before them again',
    edits: [
      { file: 'watch/hub.ts', find: 'const maxPendingEvents = 1024;', replace: 'const maxPendingEvents = 3;' },
      { file: 'watch/hub.ts', find: 'this.#next = (this.#pending[0] as { readonly revision: number }).revision;', replace: 'this.#next = (this.#pending[0] as { readonly revision: number }).revision - 1;' },
    ],
    plan: { ...three, ...busy, ...slowReaders, faults: none }, maxSeeds: 5, always: true,
  },
  {
    name: 'starved-watch-loses', source: 'etcd #17529', bug: 'a watch whose events pile up loses those that did not fit',
    edits: [
      { file: 'watch/hub.ts', find: 'const maxPendingEvents = 1024;', replace: 'const maxPendingEvents = 3;' },
      { file: 'watch/hub.ts', find: 'this.#next = (this.#pending[0] as { readonly revision: number }).revision;', replace: '' },
    ],
    plan: { ...three, ...busy, ...slowReaders, faults: none }, maxSeeds: 5,
  },
  {
    name: 'revision-decreases', source: 'etcd #17780', bug: 'after a compaction and a crash the revision is that of the newest key left, not of the newest delete',
    edits: [{ file: 'mvcc/store.ts', find: '    this.#revision = revision;\n    this.#compactRevision = compactRevision;', replace: '    this.#revision = Math.max(1, ...this.range({ start: \'\', end: undefined, single: false }, 0, 0).kvs.map((kv) => kv.modRevision));\n    this.#compactRevision = compactRevision;' }],
    plan: { ...three, ...busy, ...compacting, faults: crashes }, maxSeeds: 5,
  },
  {
    name: 'delete-lost', source: 'etcd #18089', bug: 'a delete that is followed by a new put of its key is not told from the history',
    edits: [{ file: 'watch/hub.ts', find: 'append(events, wanted);', replace: 'append(events, wanted.filter((event) => event.type === 0 || this.#store.range({ start: keyText(event.kv.key), end: undefined, single: true }, 0, 0).count === 0));' },
      { file: 'watch/hub.ts', find: 'import { contains, type KeyRange }', replace: 'import { contains, keyText, type KeyRange }' }],
    plan: { ...three, ...busy, faults: none }, maxSeeds: 5,
  },
  {
    name: 'two-snapshots', source: 'etcd #18055', bug: 'a member that receives a second state while it installs the first one panics',
    edits: [{ file: 'server/driver.ts', find: '    if (install !== undefined) {\n      this.#installing = true;', replace: '    if (install !== undefined) {\n      assert(!this.#installing, \'two snapshots\');\n      this.#installing = true;' }],
    plan: { ...three, ...busy, faults: faults({ lag: 20, kill: 10, 'slow-datasync': 20, 'disk-stall': 10, 'raft-loss': 10 }) }, maxSeeds: 60,
  },
  {
    name: 'compacted-read-in-txn', source: 'etcd #18667', bug: 'a transaction may read a revision that was compacted',
    edits: [{ file: 'mvcc/execute.ts', find: 'if (op.requestRange !== undefined) checkRangeRevision(store, op.requestRange.revision);', replace: 'if (op.requestRange !== undefined) { if (op.requestRange.revision > store.revision) checkRangeRevision(store, op.requestRange.revision); }' },
      { file: 'mvcc/store.ts', find: '    this.checkRevision(revision);\n    if (range.single)', replace: '    if (this.#writing === undefined || revision > this.#revision) this.checkRevision(revision);\n    if (range.single)' }],
    plan: { ...three, ...busy, ...compacting, faults: none }, maxSeeds: 5,
  },
  {
    name: 'delete-at-compaction-lost', source: 'etcd #19179', bug: 'a watch that begins at the compacted revision misses what happened in it',
    edits: [{ file: 'mvcc/store.ts', find: 'this.history.shiftBelow(this.#compactRevision);', replace: 'this.history.shiftBelow(this.#compactRevision + 1);' }],
    plan: { ...three, ...busy, ...compacting, faults: none }, maxSeeds: 5, always: true,
  },
  {
    name: 'future-watch-told-early', source: 'etcd #20221', bug: 'a watch from a future revision is told of what comes before it',
    edits: [{ file: 'watch/hub.ts', find: 'if (!this.#synced || record.revision < this.#next) return;', replace: 'if (!this.#synced) return;' }],
    plan: { ...three, ...busy, faults: none }, maxSeeds: 3, always: true,
  },
  {
    name: 'future-watch-restored-early', source: 'etcd #20221 (second)', bug: 'a watch from a future revision begins at once when the member gets the whole state',
    edits: [{ file: 'watch/hub.ts', find: '    this.#store = store;\n    if (this.#pending.length > 0) this.#fallBehind();', replace: '    this.#store = store;\n    this.#next = Math.min(this.#next, store.revision);\n    if (this.#pending.length > 0) this.#fallBehind();' }],
    plan: { ...three, ...busy, faults: lagging }, maxSeeds: 10,
  },
  {
    name: 'damaged-page-read', source: 'etcd #20271', bug: 'what is read from a damaged disk is taken as it is',
    edits: [
      { file: 'wal/record.ts', find: 'if (crc32c(data.subarray(offset, offset + headerBytes + length)) !== crc) return undefined;', replace: '' },
      { file: 'storage/segment.ts', find: 'if (value.length > 0 && (crc32c(value) | 0) !== crc) throw', replace: 'if (ordinal < 0) throw' },
      { file: 'storage/segment.ts', find: 'if (indexCrc(index) !== info.indexCrc) throw', replace: 'if (info.count < 0) throw' },
      { file: 'storage/manifest.ts', find: 'if (view.getUint32(12, true) !== crc32c(content)) throw', replace: 'if (content.length < 0) throw' },
    ],
    plan: { ...three, ...busy, faults: faults({ 'bit-rot': 10, kill: 4 }) }, maxSeeds: 20,
  },
  {
    name: 'lease-read-after-pause', source: 'etcd #20418', bug: 'a leader answers reads alone while fewer ticks than an election have passed; a pause counts as one tick',
    edits: [{ file: 'raft/reads.ts', find: 'if (decidesAlone(raft)) {', replace: 'if (decidesAlone(raft) || raft.electionElapsed < raft.config.electionTicks) {' }],
    plan: { ...three, ...busy, ...fastNet, requestTimeoutMs: 200, faults: faults({ pause: 40 }) }, maxSeeds: 40,
  },
  {
    name: 'read-without-quorum', source: 'Raft 8 (ReadIndex)', bug: 'a leader answers reads without asking whether it still leads',
    edits: [{ file: 'raft/reads.ts', find: 'if (decidesAlone(raft)) {', replace: 'if (decidesAlone(raft) || raft.term > 0) {' }],
    plan: { ...three, ...busy, ...fastNet, faults: faults({ partition: 40, 'one-way': 10 }) }, maxSeeds: 15,
  },
  {
    name: 'read-before-own-commit', source: 'Raft 8 (ReadIndex)', bug: 'a new leader answers reads before it has committed an entry of its term',
    edits: [{ file: 'raft/reads.ts', find: 'if (committedInTerm(raft)) openRead(raft, from, context);\n    else', replace: 'openRead(raft, from, context);\n    if (raft.term < 0)' }],
    plan: { ...three, ...busy, faults: faults({ kill: 20, 'power-cut': 20, reset: 20, 'raft-loss': 10 }) }, maxSeeds: 40,
  },
  {
    name: 'old-term-committed-by-count', source: 'Raft 5.4.2', bug: 'a leader commits entries of former terms because a majority has them',
    edits: [{ file: 'raft/replicate.ts', find: ' || raft.log.term(index) !== raft.term) return false;', replace: ') return false;' }],
    plan: { ...three, ...busy, members: 5, faults: faults({ kill: 20, 'power-cut': 20, 'raft-loss': 20, partition: 20, 'one-way': 10, 'slow-datasync': 10 }) }, maxSeeds: 200,
  },
  {
    name: 'vote-not-durable', source: 'Raft 5.2', bug: 'a vote is given before it is on disk',
    edits: [{ file: 'raft/state.ts', find: "new Set(['append-response', 'vote', 'vote-response'])", replace: "new Set(['append-response'])" }],
    plan: { ...three, ...busy, electionMs: 271, heartbeatMs: 29, disk: { operationMsMax: 2, datasyncMsMax: 40 }, faults: faults({ 'power-cut-all': 30, 'crash-at-io': 40, 'power-cut': 20, 'slow-datasync': 20 }) }, maxSeeds: 100,
  },
  {
    name: 'acknowledged-append-not-durable', source: 'Raft 5.3', bug: 'a follower acknowledges entries before they are on its disk',
    edits: [{ file: 'raft/state.ts', find: "new Set(['append-response', 'vote', 'vote-response'])", replace: "new Set(['vote', 'vote-response'])" }],
    plan: { ...three, ...busy, disk: { operationMsMax: 2, datasyncMsMax: 40 }, faults: faults({ 'power-cut-all': 30, 'power-cut': 30, 'slow-datasync': 20 }) }, maxSeeds: 20,
  },
  {
    name: 'vote-for-shorter-log', source: 'Raft 5.4.1', bug: 'a vote goes to a candidate whose log lacks committed entries',
    edits: [{ file: 'raft/vote.ts', find: 'const granted = free && raft.log.isUpToDate(message.index, message.logTerm);', replace: 'const granted = free;' }],
    plan: { ...three, ...busy, faults: network }, maxSeeds: 20,
  },
  {
    name: 'commit-beyond-match', source: 'Raft 5.3', bug: 'a heartbeat tells a follower to commit what its log may hold differently',
    edits: [{ file: 'raft/replicate.ts', find: 'commit: Math.min(progress.match, raft.log.committed), context', replace: 'commit: raft.log.committed, context' }],
    plan: { ...three, ...busy, faults: network }, maxSeeds: 40,
  },
  {
    name: 'conflict-kept', source: 'Raft 5.3', bug: 'a follower keeps its own entries where the leader has others',
    edits: [{ file: 'raft/log.ts', find: 'const fresh = entries.findIndex((entry) => !this.matches(entry.index, entry.term));', replace: 'const fresh = entries.findIndex((entry) => entry.index > this.lastIndex);' }],
    plan: { ...three, ...busy, faults: network }, maxSeeds: 20,
  },
  {
    name: 'write-sent-again', source: 'Raft 8 (clients)', bug: 'a client sends a write again although the first may have been done',
    edits: [{ file: 'client/channel.ts', find: 'if (again && (repeatable || !sent) && pauseEndsMs', replace: 'if (again && pauseEndsMs' }],
    plan: { ...three, ...busy, faults: network }, maxSeeds: 20,
  },
];
