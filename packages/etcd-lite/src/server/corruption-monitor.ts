import { readAll, type TimerHandle } from '@coxswain/host';
import { rootName } from '../auth/auth-state.ts';
import { hashInSlices } from '../mvcc/hash.ts';
import { alarmAction, alarmType } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { idText } from './cluster.ts';
import { defaults } from './config.ts';
import { judgeHashes, type MemberHash } from './hash-vote.ts';
import type { Member } from './member.ts';
import { peerPaths } from './peer-paths.ts';

const askTimeoutMs = 30_000;
const pollMs = 50;
const maxAnswerBytes = 64 * 1024;
/** Rounds in which members differed and no majority could be asked, before all are taken for damaged. */
const maxUndecided = 10;

const alarmedMembers = { all: 0n } as const;

/** True: this member's data differ from what the majority holds, or nobody knows whose do. It must neither read nor write for anyone. */
export function isFenced(member: Member): boolean {
  const { id } = member.cluster.self;
  return member.applier.machine.alarms.some(({ alarm, memberID }) => alarm === alarmType.corrupt && (memberID === id || memberID === alarmedMembers.all));
}

/** True: others hold what is right. With nobody to be trusted somebody has to lead all the same, or no alarm could be taken back. */
export function mustNotLead(member: Member): boolean {
  const { id } = member.cluster.self;
  return member.applier.machine.alarms.some(({ alarm, memberID }) => alarm === alarmType.corrupt && memberID === id);
}

/**
 * Compares what the members hold: the leader asks all others for a hash at the same revision, now and then, and when history was
 * compacted. Whoever differs from a majority of all members is named by a CORRUPT alarm, the leader too. With two of three
 * members unlike and the third silent it waits; with no majority when all have answered nobody is trusted.
 */
export class CorruptionMonitor {
  readonly #member: Member;
  #timer: TimerHandle | undefined;
  #nextMs: number;
  #checkedCompaction = 0;
  #undecided = 0;
  #running = false;
  #stopped = false;

  constructor(member: Member) {
    this.#member = member;
    this.#nextMs = member.host.clock.monotonicMs() + this.#periodMs;
  }

  get #periodMs(): number {
    const configured = this.#member.config.corruptCheckMs ?? defaults.corruptCheckMs;
    return configured > 0 ? configured : Number.POSITIVE_INFINITY;
  }

  start(): void {
    this.#checkedCompaction = this.#member.applier.machine.store.compactRevision;
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #later(): void {
    const { config, host } = this.#member;
    this.#timer = host.timers.after(Math.min(config.compactHashCheckMs ?? defaults.compactHashCheckMs, this.#periodMs), () => {
      this.#later();
      if (this.#member.isLeader && !this.#running && this.#isDue()) void this.#run();
    });
  }

  #isDue(): boolean {
    const { config, host, applier } = this.#member;
    const compacted = config.compactHashCheck !== false && applier.machine.store.compactRevision !== this.#checkedCompaction;
    return compacted || this.#undecided > 0 || host.clock.monotonicMs() >= this.#nextMs;
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      await this.check();
    } catch (error) {
      this.#member.host.log.debug('the members could not be compared', { error: (error as Error).message });
    } finally {
      this.#running = false;
    }
  }

  /** One round. Resolves when what it has found is in the log. */
  async check(): Promise<void> {
    const member = this.#member;
    await member.reads.confirm();
    const { store } = member.applier.machine;
    const { revision, compactRevision } = store;
    const [own, ...others] = await Promise.all([this.#hashAt(revision), ...member.peers.all().map((peer) => this.#ask(peer, revision))]);
    if (own === undefined || own.compactRevision !== compactRevision || this.#stopped) return;
    const comparable = [own, ...others.filter((other) => other !== undefined)].filter((one) => one.compactRevision === compactRevision);
    const memberCount = member.peers.all().length + 1;
    const verdict = judgeHashes(comparable, member.raft.log.conf.voters);
    member.host.log.info('members compared', { revision, compactRevision, compared: comparable.length, of: memberCount, verdict: verdict.kind });
    if (comparable.length === memberCount || verdict.kind !== 'equal') {
      this.#checkedCompaction = compactRevision;
      this.#nextMs = member.host.clock.monotonicMs() + this.#periodMs;
    }
    this.#undecided = verdict.kind === 'undecided' ? this.#undecided + 1 : 0;
    if (verdict.kind === 'diverged') for (const id of verdict.members) await this.#accuse(id, revision, comparable);
    if (verdict.kind === 'undecided' && (comparable.length === memberCount || this.#undecided >= maxUndecided)) await this.#accuse(alarmedMembers.all, revision, comparable);
  }

  async #accuse(memberID: bigint, revision: number, hashes: readonly MemberHash[]): Promise<void> {
    const { applier, host, cluster } = this.#member;
    if (applier.machine.alarms.some((one) => one.alarm === alarmType.corrupt && one.memberID === memberID)) return;
    const name = memberID === alarmedMembers.all ? 'no majority' : cluster.members.find(({ id }) => id === memberID)?.name;
    host.log.error('a member holds other data than the majority: it is fenced off; remove it, empty its data directory and add it again', {
      member: name, memberId: idText(memberID), revision, hashes: hashes.map((one) => `${idText(one.memberId)}=${one.hash}`).join(' '),
    });
    await this.#member.propose({ user: rootName, alarm: { action: alarmAction.activate, memberID, alarm: alarmType.corrupt } });
  }

  /** Undefined: it cannot be told, or not in time. */
  async #hashAt(revision: number): Promise<MemberHash | undefined> {
    const { host, applier, cluster } = this.#member;
    const deadlineMs = host.clock.monotonicMs() + askTimeoutMs / 2;
    while (applier.machine.store.revision < revision) {
      if (this.#stopped || host.clock.monotonicMs() > deadlineMs) return undefined;
      await host.timers.sleep(pollMs);
    }
    const { store } = applier.machine;
    const { compactRevision } = store;
    if (revision < compactRevision) return undefined;
    const hash = await hashInSlices(store, revision, async () => {
      await host.timers.sleep(0);
      return !this.#stopped && applier.machine.store === store;
    });
    return hash === undefined ? undefined : { memberId: cluster.self.id, hash, compactRevision };
  }

  async #ask(peer: ReturnType<Member['peers']['all']>[number], revision: number): Promise<MemberHash | undefined> {
    const abort = new AbortController();
    const timer = this.#member.host.timers.after(askTimeoutMs, () => { abort.abort(); });
    try {
      const response = await peer.sender.ask(peerPaths.hashKv, codecs.hashKvRequest.encode({ revision }), abort.signal);
      const body = await readAll(response.body, maxAnswerBytes);
      if (response.status !== 200) return undefined;
      const { hash, compactRevision } = codecs.hashKvResponse.decode(body);
      return { memberId: peer.id, hash, compactRevision };
    } catch (error) {
      this.#member.host.log.debug('a member could not be asked for its hash', { peer: idText(peer.id), error: (error as Error).message });
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  /** What a peer asks. Undefined: it cannot be told. */
  async answerPeer(body: Uint8Array): Promise<Uint8Array | undefined> {
    const { revision } = codecs.hashKvRequest.decode(body);
    const own = await this.#hashAt(revision);
    if (own === undefined) return undefined;
    return codecs.hashKvResponse.encode({ hash: own.hash, compactRevision: own.compactRevision, hashRevision: revision });
  }

  /**
   * `--experimental-initial-corrupt-check`: before this member serves anyone. Rejects if a peer that can be compared holds other
   * data and none holds the same; peers that cannot be reached or compared prove nothing.
   */
  async checkAtStart(): Promise<void> {
    const { revision } = this.#member.applier.machine.store;
    if (revision <= 1) return;
    const [own, ...others] = await Promise.all([this.#hashAt(revision), ...this.#member.peers.all().map((peer) => this.#ask(peer, revision))]);
    const comparable = others.filter((other) => other !== undefined).filter((other) => own !== undefined && other.compactRevision === own.compactRevision);
    this.#member.host.log.info('compared with the other members before serving', { revision, compared: comparable.length });
    if (own === undefined || comparable.length === 0 || comparable.some(({ hash }) => hash === own.hash)) return;
    throw new Error(`this member's data at revision ${revision} differ from those of ${comparable.map(({ memberId }) => idText(memberId)).join(' and ')}: `
      + 'remove it from the cluster, empty its data directory and add it again');
  }
}
