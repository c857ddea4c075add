import { fromUtf8, readAll, utf8, type Host } from '@coxswain/host';
import { EtcdError, etcdError } from '../client/errors.ts';
import { confOf, sorted, type MemberRecord, type MembershipState } from '../machine/membership.ts';
import { isInSync, quorumOf, type MemberId, type RaftState } from '../raft/index.ts';
import type { MemberMessage } from '../wire/messages.ts';
import { addedMemberId, idText, parseId, type Cluster } from './cluster.ts';
import { peerPaths } from './peer-paths.ts';
import type { Peers } from './peers.ts';
import type { Proposals } from './proposals.ts';

export type MemberChange =
  | { readonly kind: 'add'; readonly peerUrls: readonly string[]; readonly isLearner: boolean }
  | { readonly kind: 'remove'; readonly id: MemberId }
  | { readonly kind: 'update'; readonly id: MemberId; readonly peerUrls: readonly string[] }
  | { readonly kind: 'promote'; readonly id: MemberId };

export interface Changed {
  readonly members: readonly MemberMessage[];
  /** Of the member that was added. */
  readonly id: MemberId;
}

export interface ReconfigurerOptions {
  readonly host: Host;
  readonly cluster: Cluster;
  readonly peers: Peers;
  readonly proposals: Proposals;
  readonly raft: () => RaftState;
  readonly membership: () => MembershipState;
  readonly strict: boolean;
  readonly maxLearners: number;
  readonly timeoutMs: number;
}

/** Who is to be counted as healthy must have been heard without a gap for so long (etcd's). */
const healthIntervalMs = 5000;
const retryMs = 50;
const maxAnswerBytes = 1024 * 1024;

/** Changes of members. The leader alone decides, one after another, on the list that it has applied; others ask it. */
export class Reconfigurer {
  readonly #options: ReconfigurerOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #promoting = false;

  constructor(options: ReconfigurerOptions) {
    this.#options = options;
  }

  /** Resolves when the leader has applied it. Any member may be asked. */
  async change(change: MemberChange): Promise<Changed> {
    const { host, raft, timeoutMs } = this.#options;
    const deadlineMs = host.clock.monotonicMs() + timeoutMs;
    for (;;) {
      const changed = raft().role === 'leader' ? await this.#inTurn(change, deadlineMs) : await this.#ask(change, deadlineMs);
      if (changed !== undefined) return changed;
      if (host.clock.monotonicMs() >= deadlineMs) throw etcdError(raft().leader === 0n ? 'noLeader' : 'timeout');
      await host.timers.sleep(retryMs);
    }
  }

  #inTurn(change: MemberChange, deadlineMs: number): Promise<Changed | undefined> {
    const turn = this.#turn.then(() => this.#decide(change, deadlineMs));
    // Its failure is its caller's; the next one is not held up by it.
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Leader: undefined if it isn't any more, or not yet. */
  async #decide(change: MemberChange, deadlineMs: number): Promise<Changed | undefined> {
    const { host, raft, proposals, membership, cluster } = this.#options;
    while (raft().role === 'leader' && host.clock.monotonicMs() < deadlineMs) {
      const before = membership();
      const { after, id } = this.#checked(before, change);
      const { outcome, applied } = proposals.proposeConf(confOf(after), after);
      if (outcome === 'proposed') {
        await applied;
        return { members: cluster.listed(), id };
      }
      if (outcome === 'not-leader') return undefined;
      await host.timers.sleep(retryMs);
    }
    return undefined;
  }

  /** The list as it would be. Throws why it may not be. */
  #checked(before: MembershipState, change: MemberChange): { readonly after: MembershipState; readonly id: MemberId } {
    switch (change.kind) {
      case 'add': return this.#add(before, change.peerUrls, change.isLearner);
      case 'remove': return this.#remove(before, change.id);
      case 'update': return this.#update(before, change.id, change.peerUrls);
      case 'promote': return this.#promote(before, change.id);
    }
  }

  #add(before: MembershipState, peerUrls: readonly string[], isLearner: boolean): { readonly after: MembershipState; readonly id: MemberId } {
    const { host, strict, maxLearners } = this.#options;
    if (strict) {
      if (!isLearner && !readyToAdd(this.#started(before.members), voting(before.members).length)) throw etcdError('notEnoughStarted');
      this.#requireAllHealthy(before.members);
    }
    const id = addedMemberId(host.crypto, peerUrls, Math.floor(host.clock.nowMs() / 1000));
    if (before.removed.has(id) || before.members.some((member) => member.id === id)) throw etcdError('memberExists');
    if (before.members.some((member) => member.peerUrls.some((url) => peerUrls.includes(url)))) throw etcdError('peerUrlExists');
    if (isLearner && before.members.filter((member) => member.isLearner).length >= maxLearners) throw etcdError('tooManyLearners');
    const added: MemberRecord = { id, name: '', peerUrls, isLearner, staging: !isLearner };
    return { after: { ...before, members: sorted([...before.members, added]) }, id };
  }

  #remove(before: MembershipState, id: MemberId): { readonly after: MembershipState; readonly id: MemberId } {
    const member = before.members.find((one) => one.id === id);
    if (member === undefined) throw etcdError('memberNotFound');
    const after = { members: before.members.filter((one) => one.id !== id), removed: new Set([...before.removed, id]) };
    // What counts is who votes, whatever is called a voter.
    if (confOf(after).voters.length === 0) throw etcdError('notEnoughStarted');
    if (this.#options.strict && !member.isLearner) this.#requireQuorumWithout(before.members, member, after);
    return { after, id };
  }

  #requireQuorumWithout(members: readonly MemberRecord[], member: MemberRecord, after: MembershipState): void {
    const rest = voting(members).filter((one) => one.id !== member.id);
    if (this.#started(rest) < Math.floor(rest.length / 2) + 1) throw etcdError('notEnoughStarted');
    // A member that is down is no part of any active quorum.
    if (!this.#isActive(member.id)) return;
    const active = voting(members).filter((one) => this.#isHealthy(one.id)).length;
    if (active - 1 < 1 + Math.floor((voting(members).length - 1) / 2)) throw etcdError('unhealthy');
    const conf = confOf(after);
    if (conf.voters.filter((id) => this.#isActive(id)).length < quorumOf(conf)) throw etcdError('unhealthy');
  }

  #update(before: MembershipState, id: MemberId, peerUrls: readonly string[]): { readonly after: MembershipState; readonly id: MemberId } {
    if (before.members.every((member) => member.id !== id)) throw etcdError('memberNotFound');
    if (before.members.some((member) => member.id !== id && member.peerUrls.some((url) => peerUrls.includes(url)))) throw etcdError('peerUrlExists');
    return { after: { ...before, members: before.members.map((member) => (member.id === id ? { ...member, peerUrls } : member)) }, id };
  }

  #promote(before: MembershipState, id: MemberId): { readonly after: MembershipState; readonly id: MemberId } {
    const member = before.members.find((one) => one.id === id);
    if (member === undefined) throw etcdError('memberNotFound');
    if (!member.isLearner && !member.staging) throw etcdError('memberNotLearner');
    if (!isInSync(this.#options.raft(), id)) throw etcdError('learnerNotReady');
    if (this.#options.strict && member.isLearner && this.#started(before.members) + 1 < Math.floor((voting(before.members).length + 1) / 2) + 1) throw etcdError('notEnoughStarted');
    return { after: { ...before, members: before.members.map((one) => (one.id === id ? { ...one, isLearner: false, staging: false } : one)) }, id };
  }

  /** Voters that have told their name. */
  #started(members: readonly MemberRecord[]): number {
    const names = new Map(this.#options.cluster.listed().map((member) => [member.ID, member.name]));
    return voting(members).filter((member) => (names.get(member.id) ?? '') !== '').length;
  }

  #isActive(id: MemberId): boolean {
    return id === this.#options.cluster.self.id || this.#options.peers.connectedSinceMs(id) !== undefined;
  }

  #isHealthy(id: MemberId): boolean {
    const { cluster, peers, host } = this.#options;
    const sinceMs = peers.connectedSinceMs(id);
    return id === cluster.self.id || (sinceMs !== undefined && host.clock.monotonicMs() - sinceMs >= healthIntervalMs);
  }

  #requireAllHealthy(members: readonly MemberRecord[]): void {
    if (!voting(members).every((member) => this.#isHealthy(member.id))) throw etcdError('unhealthy');
  }

  /** Leader: gives a vote to members that were added with one and have caught up. */
  tick(): void {
    const { raft, membership, host } = this.#options;
    if (this.#promoting || raft().role !== 'leader') return;
    const ready = membership().members.find((member) => member.staging && isInSync(raft(), member.id));
    if (ready === undefined) return;
    this.#promoting = true;
    this.#inTurn({ kind: 'promote', id: ready.id }, host.clock.monotonicMs() + this.#options.timeoutMs).then(() => {
      host.log.info('a member has caught up and votes from now on', { member: idText(ready.id) });
    }, (error: unknown) => {
      if (!(error instanceof EtcdError)) throw error;
      host.log.warn('a member could not be given its vote yet', { member: idText(ready.id), error: error.message });
    }).finally(() => { this.#promoting = false; });
  }

  async #ask(change: MemberChange, deadlineMs: number): Promise<Changed | undefined> {
    const { host, peers, raft } = this.#options;
    const leader = peers.get(raft().leader);
    if (leader === undefined) return undefined;
    const abort = new AbortController();
    const timer = host.timers.after(deadlineMs - host.clock.monotonicMs(), () => { abort.abort(); });
    try {
      const response = await leader.ask(peerPaths.change, utf8(encodeChange(change)), abort.signal);
      if (response.status !== 200) return undefined;
      return decodeAnswer(fromUtf8(await readAll(response.body, maxAnswerBytes)));
    } catch (error) {
      if (error instanceof EtcdError) throw error;
      // It may have been done: an addition is then refused as existing, a removal as not found. As with etcd.
      throw abort.signal.aborted ? etcdError('timeout') : etcdError('timeoutLeaderFailure');
    } finally {
      timer.cancel();
    }
  }

  /** Leader: for a member that was asked. Undefined if this one doesn't lead. */
  async answerPeer(body: Uint8Array): Promise<Uint8Array | undefined> {
    const { host, raft, timeoutMs } = this.#options;
    if (raft().role !== 'leader') return undefined;
    try {
      const changed = await this.#inTurn(decodeChange(fromUtf8(body)), host.clock.monotonicMs() + timeoutMs);
      return changed === undefined ? undefined : utf8(JSON.stringify({ id: idText(changed.id), members: changed.members.map((member) => ({ ...member, ID: idText(member.ID) })) }));
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      return utf8(JSON.stringify({ error: { code: error.code, message: error.message } }));
    }
  }
}

function voting(members: readonly MemberRecord[]): readonly MemberRecord[] {
  return members.filter((member) => !member.isLearner);
}

/** The one to be added counts as not started. A cluster of one may always get a second. */
function readyToAdd(started: number, voters: number): boolean {
  return (started === 1 && voters === 1) || started >= Math.floor((voters + 1) / 2) + 1;
}

interface ChangeBody { readonly kind: MemberChange['kind']; readonly id?: string; readonly peerUrls?: readonly string[]; readonly isLearner?: boolean }

function encodeChange(change: MemberChange): string {
  const body: ChangeBody = change.kind === 'add' ? change : { ...change, id: idText(change.id) };
  return JSON.stringify(body);
}

function decodeChange(text: string): MemberChange {
  const body = JSON.parse(text) as ChangeBody;
  const peerUrls = body.peerUrls ?? [];
  const id = parseId(body.id) ?? 0n;
  switch (body.kind) {
    case 'add': return { kind: 'add', peerUrls, isLearner: body.isLearner === true };
    case 'update': return { kind: 'update', id, peerUrls };
    case 'remove': case 'promote': return { kind: body.kind, id };
  }
}

interface AnswerBody {
  readonly id: string;
  readonly members: readonly (Omit<MemberMessage, 'ID'> & { readonly ID: string })[];
  readonly error?: { readonly code: number; readonly message: string };
}

function decodeAnswer(text: string): Changed {
  const answer = JSON.parse(text) as AnswerBody;
  if (answer.error !== undefined) throw new EtcdError(answer.error.code, answer.error.message);
  return { id: parseId(answer.id) ?? 0n, members: answer.members.map((member) => ({ ...member, ID: parseId(member.ID) ?? 0n })) };
}
