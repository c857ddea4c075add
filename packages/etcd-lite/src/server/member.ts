import type { ClientTls, Host, TimerHandle } from '@coxswain/host';
import { noMetrics, type Metrics } from '@coxswain/service';
import { rootName } from '../auth/auth-state.ts';
import { JwtTokens } from '../auth/jwt-tokens.ts';
import { SimpleTokens } from '../auth/simple-tokens.ts';
import type { TokenKind } from '../auth/tokens.ts';
import { etcdError } from '../client/errors.ts';
import { Machine, type Applied } from '../machine/machine.ts';
import { decodeMachine } from '../machine/snapshot.ts';
import { createRaft, RaftLog, type MemberId, type Message, type RaftState, type SnapshotMeta } from '../raft/index.ts';
import { SnapshotStore, Wal } from '../wal/index.ts';
import type { RecoveredWal } from '../wal/recover.ts';
import type { InternalRequest } from '../wire/messages.ts';
import { Applier } from './applier.ts';
import { idText, makeCluster, type Cluster } from './cluster.ts';
import { defaults, type EtcdConfig } from './config.ts';
import { isFenced } from './corruption-monitor.ts';
import { checkDataDir } from './data-dir.ts';
import { RaftDriver } from './driver.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { LogWriter } from './log-writer.ts';
import { MemberMetrics } from './member-metrics.ts';
import { PeerSender } from './peer-sender.ts';
import { Proposals } from './proposals.ts';
import { Reads } from './reads.ts';

interface Opened {
  readonly cluster: Cluster;
  readonly wal: Wal;
  readonly recovered: RecoveredWal;
  readonly snapshots: SnapshotStore;
  readonly machine: Machine;
}

function tokenKind({ authToken }: EtcdConfig, host: Host): TokenKind {
  return authToken?.kind === 'jwt' ? new JwtTokens(host, authToken) : new SimpleTokens(host, authToken?.ttlMs ?? defaults.authTokenTtlMs);
}

/** As etcd: five seconds for the disk and what else may happen, and two elections. */
const requestBaseTimeoutMs = 5000;
const maxMessageBytes = 1024 * 1024;
const maxInflight = 256;
/** A write to the log that takes longer, in election timeouts, makes a leader hand over. */
const slowDiskElections = 2;

/** One running member: the algorithm, its disk, its peers and the state, tied together. What clients see stands on it. */
export class Member {
  readonly host: Host;
  readonly config: EtcdConfig;
  readonly cluster: Cluster;
  readonly applier: Applier;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly leases: LeaseKeeper;
  readonly tokens: TokenKind;
  readonly failed: Promise<never>;
  /** Towards peers; may be replaced while it runs. */
  readonly identity: { peerTls: ClientTls | undefined };
  readonly #driver: RaftDriver;
  readonly #log: LogWriter;
  readonly #snapshots: SnapshotStore;
  readonly #senders = new Map<MemberId, PeerSender>();
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
    const cluster = makeCluster(host.crypto, config.name, config.initialCluster, config.initialClusterToken ?? defaults.token);
    await checkDataDir(host.disk, config.dataDir);
    const snapshots = await SnapshotStore.open(host.disk, `${config.dataDir}/member/snap`);
    const { wal, recovered } = await Wal.open(host.disk, {
      directory: config.walDir ?? `${config.dataDir}/member/wal`, clusterId: cluster.clusterId, memberId: cluster.self.id, segmentBytes: config.segmentBytes ?? defaults.segmentBytes,
    }, host.log);
    const machine = recovered.snapshot.index === 0 ? new Machine() : await decodeMachine(snapshots.read(recovered.snapshot));
    return new Member(config, host, { cluster, wal, recovered, snapshots, machine });
  }

  private constructor(config: EtcdConfig, host: Host, opened: Opened) {
    const { cluster, recovered, machine } = opened;
    this.host = host;
    this.config = config;
    this.identity = { peerTls: config.peerTls };
    this.cluster = cluster;
    this.#log = new LogWriter(host, opened.wal);
    this.#snapshots = opened.snapshots;
    this.#heartbeatMs = config.heartbeatMs ?? defaults.heartbeatMs;
    this.#electionMs = config.electionMs ?? defaults.electionMs;
    this.tokens = tokenKind(config, host);
    const metrics: Metrics = config.metrics ?? noMetrics;
    this.#metrics = new MemberMetrics(metrics);
    this.applier = new Applier(host, opened.snapshots, machine, recovered.snapshot.index, { snapshotCount: config.snapshotCount ?? defaults.snapshotCount }, {
      answered: (id, applied) => { this.proposals.applied(id, applied); },
      authenticated: (user, token) => { this.tokens.applied(token, user, this.applier.machine.auth); },
      termBegan: (term) => { this.#termBegan(term); },
      snapshotTaken: (snapshot) => { this.#snapshotTaken(snapshot); },
    });
    const failure = Promise.withResolvers<never>();
    this.failed = failure.promise;
    this.#driver = this.#makeDriver(recovered, (error) => { failure.reject(error as Error); });
    const timeoutMs = requestBaseTimeoutMs + 2 * this.#electionMs;
    this.proposals = new Proposals(host, this.#driver, { timeoutMs, maxRequestBytes: config.maxRequestBytes ?? defaults.maxRequestBytes });
    this.reads = new Reads(host, this.#driver, { timeoutMs, retryMs: this.#electionMs / 2 });
    this.leases = new LeaseKeeper({
      host, applier: this.applier, timeoutMs, isLeader: () => this.isLeader, term: () => this.raft.term, leaderSender: () => this.#senders.get(this.raft.leader),
      confirm: () => this.reads.confirm(), proposeAsLeader: (request) => this.proposals.propose({ user: rootName, ...request }, this.raft.term),
    });
    for (const peer of cluster.members) if (peer.id !== cluster.self.id) this.#senders.set(peer.id, this.#makeSender(peer));
  }

  #makeDriver(recovered: RecoveredWal, failed: (error: unknown) => void): RaftDriver {
    const { host, cluster } = this;
    const electionTicks = Math.max(2, Math.round(this.#electionMs / this.#heartbeatMs));
    const raft = createRaft({
      id: cluster.self.id, members: cluster.members.map((member) => member.id), electionTicks,
      // A cluster that starts has no leader to wait for; where there is one, pre-vote keeps this from disturbing it.
      initialElapsed: electionTicks - 1, heartbeatTicks: 1, random: () => host.random.float(), maxMessageBytes, maxInflight,
    }, new RaftLog(recovered.snapshot, recovered.entries), recovered.hardState, recovered.snapshot);
    return new RaftDriver(host, raft, this.#log, {
      send: (messages) => { for (const message of messages) this.#senders.get(message.to)?.send(message); },
      apply: (entry) => { this.applier.apply(entry); },
      install: async (snapshot) => {
        await this.applier.install(snapshot);
        this.proposals.stateInstalled();
        this.reads.applied(snapshot.index);
      },
      readStates: (states) => { this.reads.readStates(states); },
      roleChanged: () => { this.#roleChanged(); },
      applied: (index) => { this.#applied(index); },
      persisted: (_count, durationMs) => { this.#metrics.persisted(durationMs); },
      failed: (error) => {
        host.log.error('this member cannot go on', { error: (error as Error).stack ?? String(error) });
        failed(error);
      },
    });
  }

  #makeSender(peer: Cluster['members'][number]): PeerSender {
    const { identity } = this;
    return new PeerSender({
      host: this.host, cluster: this.cluster, peer, get tls() { return identity.peerTls; }, snapshots: this.#snapshots, silenceMs: 2 * this.#electionMs,
      unreachable: () => { this.#driver.input({ type: 'unreachable', member: peer.id }); },
      snapshotSent: (ok) => { this.#driver.input({ type: 'snapshot-report', to: peer.id, ok }); },
    });
  }

  get raft(): Readonly<RaftState> {
    return this.#driver.raft;
  }

  get isLeader(): boolean {
    return this.raft.role === 'leader';
  }

  /** The others, and how to ask them. */
  get peers(): readonly { readonly id: MemberId; readonly sender: PeerSender }[] {
    return [...this.#senders].map(([id, sender]) => ({ id, sender }));
  }

  get electionMs(): number {
    return this.#electionMs;
  }

  start(): void {
    this.reads.applied(this.applier.index);
    this.#tickLater();
    // What was committed before the restart is applied at once; a lone member need not wait for an election timeout.
    this.#driver.input({ type: 'applied', index: this.applier.index });
    if (this.cluster.members.length === 1) this.#driver.input({ type: 'campaign' });
  }

  #tickLater(): void {
    this.#timer = this.host.timers.after(this.#heartbeatMs, () => {
      if (this.#stopped) return;
      // A pause (of the process or the machine) counts as one tick, so that waking up doesn't start an election.
      this.#tickLater();
      this.#checkMayLead();
      this.#driver.input({ type: 'tick' });
      this.proposals.tick();
      this.reads.tick();
      this.leases.tick();
      for (const sender of this.#senders.values()) sender.tick();
    });
  }

  /** A member whose disk refuses to write, or has not answered for long, must not lead: nothing would be acknowledged. Nor one with other data. */
  #checkMayLead(): void {
    const fenced = isFenced(this);
    if (fenced && !this.#fenced) this.onFenced();
    this.#fenced = fenced;
    const allowed = this.#log.waitingMs <= slowDiskElections * this.#electionMs && !fenced;
    if (allowed === this.raft.mayLead) return;
    this.host.log.warn(allowed ? 'this member may lead again' : 'this member must not lead: its disk does not take writes, or its data are not the majority\'s', { waitingMs: this.#log.waitingMs, fenced });
    this.#driver.input({ type: 'may-lead', allowed });
  }

  receive(message: Message): void {
    this.#driver.input({ type: 'message', message });
  }

  heard(from: MemberId): void {
    this.#senders.get(from)?.heard();
  }

  async saveSnapshot(snapshot: SnapshotMeta, from: MemberId, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#snapshots.save(snapshot, chunks, `from-${idText(from)}`);
  }

  propose(request: Omit<InternalRequest, 'ID'>): Promise<Applied> {
    return this.#stopped ? Promise.reject(etcdError('stopped')) : this.proposals.propose(request);
  }

  /** Resolves when the transfer has been done; rejects if it was not in time. */
  async transferLeader(to: MemberId, withinMs = this.#electionMs): Promise<void> {
    if (!this.isLeader) throw etcdError('notLeader');
    if (this.cluster.members.every((member) => member.id !== to)) throw etcdError('badLeaderTransferee');
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
    this.#metrics.leaderChanged(leader !== 0n, role === 'leader');
    for (const listener of this.#leaderListeners) listener(leader !== 0n);
  }

  #applied(index: number): void {
    this.reads.applied(index);
    this.applier.maybeSnapshot((at) => this.raft.log.term(at));
    this.#metrics.applied(index, this.raft.log.committed, this.proposals.size, this.applier.machine.store);
  }

  #snapshotTaken(snapshot: SnapshotMeta): void {
    this.#driver.snapshotTaken(snapshot, snapshot.index - (this.config.snapshotCatchUpEntries ?? defaults.snapshotCatchUpEntries));
  }

  /** Hands leadership over if it can, so that the cluster need not wait for an election; then ends everything. */
  async stop(): Promise<void> {
    if (this.isLeader && this.cluster.members.length > 1) await this.#handOver();
    this.#stopped = true;
    this.#timer?.cancel();
    this.#driver.stop();
    this.applier.stop();
    this.proposals.stop();
    this.reads.stop();
    for (const sender of this.#senders.values()) sender.stop();
  }

  async #handOver(): Promise<void> {
    const best = [...this.raft.progress].filter(([, progress]) => progress.recentActive).sort((a, b) => b[1].match - a[1].match)[0];
    if (best === undefined) return;
    try {
      await this.transferLeader(best[0], this.#electionMs / 2);
    } catch (error) {
      this.host.log.warn('leadership was not taken over before the stop', { error: (error as Error).message });
    }
  }
}
