import type { ClientTls, Host, TimerHandle } from '@coxswain/host';
import { noMetrics, type Metrics } from '@coxswain/service';
import { rootName } from '../auth/auth-state.ts';
import { JwtTokens } from '../auth/jwt-tokens.ts';
import { SimpleTokens } from '../auth/simple-tokens.ts';
import type { TokenKind } from '../auth/tokens.ts';
import { etcdError } from '../client/errors.ts';
import type { Applied } from '../machine/machine.ts';
import { confOf } from '../machine/membership.ts';
import { bestSuccessor, createRaft, decidesAlone, RaftLog, type MemberId, type Message, type RaftState, type SnapshotMeta } from '../raft/index.ts';
import { receiveState, type StoreFiles } from '../storage/index.ts';
import type { RecoveredWal } from '../wal/recover.ts';
import type { InternalRequest } from '../wire/messages.ts';
import { Applier } from './applier.ts';
import { idText, LiveCluster, type Cluster, type ClusterMember } from './cluster.ts';
import { defaults, type EtcdConfig } from './config.ts';
import { isFenced, mustNotLead } from './corruption-monitor.ts';
import { RaftDriver } from './driver.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { LogWriter } from './log-writer.ts';
import { MemberMetrics } from './member-metrics.ts';
import { membershipOf, openMember, type Opened } from './open-member.ts';
import { removedText } from './peer-paths.ts';
import { Peers } from './peers.ts';
import { Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { Reconfigurer } from './reconfigure.ts';
import { checkpointOptions } from './open-store.ts';

function tokenKind({ authToken }: EtcdConfig, host: Host): TokenKind {
  return authToken?.kind === 'jwt' ? new JwtTokens(host, authToken) : new SimpleTokens(host, authToken?.ttlMs ?? defaults.authTokenTtlMs);
}

/** As etcd: five seconds for the disk and what else may happen, and two elections. */
const requestBaseTimeoutMs = 5000;
/** What the log holds in memory of entries that are in a checkpoint, for members that are a little behind. */
const catchUpBytes = 16 * 1024 * 1024;
const maxMessageBytes = 1024 * 1024;
const maxInflight = 256;
/** A write to the log that takes longer, in election timeouts, makes a leader hand over. */
const slowDiskElections = 2;
/** On their way to one member, and in the leader's log without a majority having them. */
const maxInflightBytes = 8 * 1024 * 1024;
const maxUncommittedBytes = 64 * 1024 * 1024;
/** Between members' clocks, for reads by lease. */
const maxClockDrift = 0.1;
const leaveAfterMs = 1000;

/** One running member: the algorithm, its disk, its peers and the state, tied together. What clients see stands on it. */
export class Member {
  readonly host: Host;
  readonly config: EtcdConfig;
  readonly cluster: Cluster;
  readonly applier: Applier;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly leases: LeaseKeeper;
  readonly peers: Peers;
  readonly reconfigurer: Reconfigurer;
  readonly tokens: TokenKind;
  readonly failed: Promise<never>;
  /** For /metrics. */
  readonly counts = { leaderChanges: 0 };
  /** Towards peers; may be replaced while it runs. */
  readonly identity: { peerTls: ClientTls | undefined };
  readonly #driver: RaftDriver;
  readonly #log: LogWriter;
  readonly #files: StoreFiles;
  #hints: readonly ClusterMember[];
  readonly #fail: (error: Error) => void;
  readonly #metrics: MemberMetrics;
  readonly #leaderListeners = new Set<(hasLeader: boolean) => void>();
  readonly #heartbeatMs: number;
  readonly #electionMs: number;
  #timer: TimerHandle | undefined;
  #lastLeader: MemberId = 0n;
  #stopped = false;
  #fenced = false;
  /** Called when this member's data turn out to be other than the majority's. */
  onFenced: () => void = () => undefined;

  /** Recovers what the data directory holds. Rejects with one clear line if it is damaged or another member's. */
  static async open(config: EtcdConfig, host: Host): Promise<Member> {
    return new Member(config, host, await openMember(config, host));
  }

  private constructor(config: EtcdConfig, host: Host, opened: Opened) {
    const { recovered, store } = opened;
    this.host = host;
    this.config = config;
    this.identity = { peerTls: config.peerTls };
    this.cluster = new LiveCluster(opened.clusterId, opened.self, () => this.applier.machine);
    this.#hints = opened.hints;
    this.#log = new LogWriter(host, opened.wal);
    this.#files = store.files;
    this.#heartbeatMs = config.heartbeatMs ?? defaults.heartbeatMs;
    this.#electionMs = config.electionMs ?? defaults.electionMs;
    this.tokens = tokenKind(config, host);
    const metrics: Metrics = config.metrics ?? noMetrics;
    this.#metrics = new MemberMetrics(metrics);
    this.applier = new Applier(host, store, checkpointOptions(config), {
      answered: (id, applied) => { this.proposals.applied(id, applied); },
      authenticated: (user, token) => { this.tokens.applied(token, user, this.applier.machine.auth); },
      membersChanged: () => { this.#membersChanged(); },
      awaited: (id) => this.proposals.has(id),
      decoded: (data) => this.proposals.decoded(data),
      damaged: (error) => { this.#driver.fail(error); },
      termBegan: (term) => { this.#termBegan(term); },
      snapshotTaken: (snapshot) => { this.#snapshotTaken(snapshot); },
    });
    const failure = Promise.withResolvers<never>();
    this.failed = failure.promise;
    this.#fail = failure.reject;
    this.peers = new Peers({
      host, cluster: this.cluster, identity: this.identity, files: store.files, electionMs: this.#electionMs,
      unreachable: (member) => { this.#driver.input({ type: 'unreachable', member }); }, removed: () => { this.#leave(); },
      snapshotSent: (to, ok) => { this.#driver.input({ type: 'snapshot-report', to, ok }); },
    });
    this.#driver = this.#makeDriver(recovered);
    const timeoutMs = requestBaseTimeoutMs + 2 * this.#electionMs;
    this.proposals = new Proposals(host, this.#driver, { timeoutMs, maxRequestBytes: config.maxRequestBytes ?? defaults.maxRequestBytes });
    this.reads = new Reads(host, this.#driver, { timeoutMs, retryMs: this.#electionMs / 2 });
    this.leases = new LeaseKeeper({
      host, applier: this.applier, timeoutMs, isLeader: () => this.isLeader, term: () => this.raft.term, leaderSender: () => this.peers.get(this.raft.leader),
      confirm: () => this.reads.confirm(), proposeAsLeader: (request) => this.proposals.propose({ user: rootName, ...request }, { onlyTerm: this.raft.term }),
    });
    this.reconfigurer = new Reconfigurer({
      host, cluster: this.cluster, peers: this.peers, proposals: this.proposals, raft: () => this.raft, membership: () => this.applier.machine.membership,
      strict: config.strictReconfigCheck ?? true, maxLearners: config.maxLearners ?? defaults.maxLearners, timeoutMs,
    });
    this.#followMembers();
  }

  #makeDriver(recovered: RecoveredWal): RaftDriver {
    const { host, cluster } = this;
    const electionTicks = Math.max(2, Math.round(this.#electionMs / this.#heartbeatMs));
    const raft = createRaft({
      id: cluster.self.id, electionTicks,
      // A cluster that starts has no leader to wait for; where there is one, pre-vote keeps this from disturbing it.
      initialElapsed: electionTicks - 1, heartbeatTicks: 1, random: () => host.random.float(), maxMessageBytes, maxInflight, maxInflightBytes,
      maxUncommittedBytes, ...(this.config.readMode === 'lease' ? { lease: { tickMs: this.#heartbeatMs, maxClockDrift } } : {}),
    }, new RaftLog(recovered.snapshot, recovered.entries, confOf(this.applier.machine.membership)), recovered.hardState, recovered.snapshot);
    return new RaftDriver(host, raft, this.#log, {
      send: (messages) => { this.peers.send(messages); },
      unanswered: () => this.proposals.size,
      confChanged: () => { this.#followMembers(); },
      apply: (entry) => this.applier.apply(entry),
      install: async (snapshot) => {
        await this.applier.install(snapshot);
        this.proposals.stateInstalled();
        this.reads.applied(snapshot.index);
        this.#membersChanged();
      },
      readStates: (states) => { this.reads.readStates(states); },
      roleChanged: () => { this.#roleChanged(); },
      applied: (index) => { this.#applied(index); },
      persisted: (_count, durationMs) => { this.#metrics.persisted(durationMs); },
      failed: (error) => {
        host.log.error('this member cannot go on', { error: (error as Error).stack ?? String(error) });
        this.#fail(error as Error);
      },
    });
  }

  /** Talks to the members of the newest list in the log, committed or not, and to those of the list that is in force here. */
  #followMembers(): void {
    const { log } = this.raft;
    const entry = log.confIndex >= log.firstIndex ? log.slice(log.confIndex, log.confIndex, 1)[0] : undefined;
    const coming = (entry === undefined ? undefined : membershipOf(entry))?.members ?? [];
    const { members } = this.cluster;
    this.peers.follow(members.length + coming.length === 0 ? this.#hints : [...coming, ...members.filter((member) => coming.every(({ id }) => id !== member.id))]);
  }

  #membersChanged(): void {
    this.#hints = [];
    this.#followMembers();
    if (this.cluster.wasRemoved(this.cluster.self.id)) this.host.timers.after(leaveAfterMs, () => { this.#leave(); });
  }

  /** Others may have to hear from this member that it is so; clients, that their request was done. */
  #leave(): void {
    if (this.#stopped) return;
    this.host.log.error(removedText, { memberId: idText(this.cluster.self.id) });
    this.#fail(new Error(removedText));
    this.#driver.stop();
    this.peers.stop();
  }

  get raft(): Readonly<RaftState> {
    return this.#driver.raft;
  }

  get isLeader(): boolean {
    return this.raft.role === 'leader';
  }

  get electionMs(): number {
    return this.#electionMs;
  }

  start(): void {
    this.reads.applied(this.applier.index);
    this.#tickLater();
    // What was committed before the restart is applied at once; a lone member need not wait for an election timeout.
    this.#driver.input({ type: 'applied', index: this.applier.index });
    if (decidesAlone(this.raft)) this.#driver.input({ type: 'campaign' });
  }

  #tickLater(): void {
    this.#timer = this.host.timers.after(this.#heartbeatMs, () => {
      if (this.#stopped) return;
      // A pause (of the process or the machine) counts as one tick, so that waking up doesn't start an election.
      this.#tickLater();
      this.#checkMayLead();
      this.#driver.input({ type: 'tick', ...this.#driver.leaseNow });
      this.proposals.tick();
      this.reads.tick();
      this.leases.tick();
      this.peers.tick();
      this.reconfigurer.tick();
    });
  }

  /** A member whose disk refuses to write, or has not answered for long, must not lead: nothing would be acknowledged. Nor one with other data. */
  #checkMayLead(): void {
    const fenced = isFenced(this);
    if (fenced && !this.#fenced) this.onFenced();
    this.#fenced = fenced;
    const allowed = this.#log.waitingMs <= slowDiskElections * this.#electionMs && !mustNotLead(this);
    if (allowed === this.raft.mayLead) return;
    this.host.log.warn(allowed ? 'this member may lead again' : 'this member must not lead: its disk does not take writes, or its data are not the majority\'s', { waitingMs: this.#log.waitingMs, fenced });
    this.#driver.input({ type: 'may-lead', allowed });
  }

  lost(peer: MemberId): void {
    this.#driver.input({ type: 'lost', member: peer });
  }

  receive(message: Message): void {
    this.#driver.input({ type: 'message', message });
  }

  async saveSnapshot(snapshot: SnapshotMeta, from: MemberId, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    // All of it is here: the answer to the message says so. A refusal would be followed by the same again, for ever.
    if (this.raft.log.committed >= snapshot.index) return;
    await receiveState(this.#files, this.host.crypto, chunks, { name: `the state that member ${idText(from)} sends`, expected: snapshot });
  }

  /** `encoded`: see `Proposals.propose`. */
  propose(request: Omit<InternalRequest, 'ID'>, encoded?: Uint8Array): Promise<Applied> {
    return this.#stopped ? Promise.reject(etcdError('stopped')) : this.proposals.propose(request, { encoded });
  }

  /** Resolves when the transfer has been done; rejects if it was not in time. */
  async transferLeader(to: MemberId, withinMs = this.#electionMs): Promise<void> {
    if (!this.isLeader) throw etcdError('notLeader');
    if (!this.raft.log.conf.voters.includes(to)) throw etcdError('badLeaderTransferee');
    if (to === this.cluster.self.id) return;
    const done = Promise.withResolvers<boolean>();
    const forget = this.onLeaderChange(() => { if (this.raft.leader === to) done.resolve(true); });
    const timer = this.host.timers.after(withinMs, () => { done.resolve(false); });
    this.#driver.input({ type: 'transfer-leader', to });
    const moved = await done.promise;
    forget();
    timer.cancel();
    if (!moved) throw etcdError('timeoutLeaderTransfer');
  }

  /** Called whenever the known leader changes (also to none). Returns how to stop that. */
  onLeaderChange(listener: (hasLeader: boolean) => void): () => void {
    this.#leaderListeners.add(listener);
    return () => { this.#leaderListeners.delete(listener); };
  }

  /** All that leaders before have promised is applied: from here on this one, if it leads, says when leases end. */
  #termBegan(term: number): void {
    this.proposals.termApplied(term);
    if (this.isLeader && this.raft.term === term) this.applier.lessor.promote(this.host.clock.monotonicMs(), this.#electionMs, term);
  }

  #roleChanged(): void {
    const { role, term, leader } = this.raft;
    const { lessor } = this.applier;
    if (role !== 'leader' || lessor.term !== term) lessor.demote();
    this.host.log.info('raft role', { role, term, leader: idText(leader) });
    if (leader === this.#lastLeader) return;
    this.#lastLeader = leader;
    if (leader !== 0n) this.counts.leaderChanges += 1;
    for (const listener of this.#leaderListeners) listener(leader !== 0n);
  }

  #applied(index: number): void {
    this.reads.applied(index);
    this.applier.maybeCheckpoint();
  }

  #snapshotTaken(snapshot: SnapshotMeta): void {
    const byCount = snapshot.index - (this.config.snapshotCatchUpEntries ?? defaults.snapshotCatchUpEntries);
    // Large entries are kept by their size: who needs older ones gets the files.
    this.#driver.snapshotTaken(snapshot, Math.max(byCount, Math.min(this.raft.log.indexKeeping(catchUpBytes), snapshot.index)));
  }

  /** Hands leadership over if it can, so that the cluster need not wait for an election; then ends everything. */
  async stop(): Promise<void> {
    if (this.isLeader && this.raft.log.conf.voters.length > 1) await this.#handOver();
    this.#stopped = true;
    this.#timer?.cancel();
    this.#driver.stop();
    this.applier.stop();
    this.proposals.stop();
    this.reads.stop();
    this.peers.stop();
  }

  async #handOver(): Promise<void> {
    const best = bestSuccessor(this.raft);
    if (best === undefined || this.raft.progress.get(best)?.recentActive !== true) return;
    try {
      await this.transferLeader(best, this.#electionMs / 2);
    } catch (error) {
      this.host.log.warn('leadership was not taken over before the stop', { error: (error as Error).message });
    }
  }
}
