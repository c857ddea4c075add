import { readAll, type Host } from '@coxswain/host';
import { etcdError } from '../client/errors.ts';
import { keyBytes } from '../mvcc/key-text.ts';
import { codecs } from '../wire/schema.ts';
import type { InternalRequest, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse } from '../wire/messages.ts';
import type { LeaseCheckpoint } from '../lease/lessor.ts';
import type { Applier } from './applier.ts';
import { peerPaths } from './peer-paths.ts';
import type { PeerSender } from './peer-sender.ts';

export interface LeaseKeeperDeps {
  readonly host: Host;
  readonly applier: Applier;
  readonly timeoutMs: number;
  isLeader(): boolean;
  /** Raft's. */
  term(): number;
  /** The leader's sender; undefined: no leader is known, or it is this member. */
  leaderSender(): PeerSender | undefined;
  /** Resolves when this member has confirmed its leadership with a quorum. */
  confirm(): Promise<void>;
  /** Resolves when it has been applied; refused unless this member still leads in the term in which it is called. */
  proposeAsLeader(request: Omit<InternalRequest, 'ID'>): Promise<unknown>;
}

/** Asked of the leader, the only one that knows when leases end: `keys` of a time-to-live question; `renew` otherwise. */
const operations = { renew: 1, timeToLive: 2 } as const;
const maxAnswerBytes = 64 * 1024 * 1024;
const retryMs = 100;
/** Ends begun in one tick (etcd: 1,000 a second), and on their way at once: other writes must get through beside them. */
const maxEndsPerTick = 100;
const maxEnding = 256;
const endRetryMs = 3000;
const maxCheckpointsPerTick = 1000;

/** The lease calls that do not go through the log: renewing and asking. A follower passes them on to the leader. */
export class LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #ending = new Map<bigint, Promise<void>>();

  constructor(deps: LeaseKeeperDeps) {
    this.#deps = deps;
  }

  /** Seconds it has now; 0: no such lease. */
  async renew(id: bigint): Promise<number> {
    const answer = await this.#ask(operations.renew, { ID: id, keys: false });
    return Math.max(answer.TTL, 0);
  }

  timeToLive(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse> {
    return this.#ask(operations.timeToLive, request);
  }

  /** Until a leader answers or the time is over: asking twice does no harm. */
  async #ask(operation: number, request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse> {
    const { host, timeoutMs } = this.#deps;
    const deadlineMs = host.clock.monotonicMs() + timeoutMs;
    for (;;) {
      const answer = this.#deps.isLeader() ? await this.#answer(operation, request) : await this.#forward(operation, request);
      if (answer !== undefined) return answer;
      if (host.clock.monotonicMs() > deadlineMs) throw etcdError(this.#deps.leaderSender() === undefined ? 'noLeader' : 'timeout');
      await host.timers.sleep(retryMs);
    }
  }

  async #forward(operation: number, request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse | undefined> {
    const sender = this.#deps.leaderSender();
    if (sender === undefined) return undefined;
    const abort = new AbortController();
    const timer = this.#deps.host.timers.after(1000, () => { abort.abort(); });
    try {
      const content = codecs.leaseTimeToLiveRequest.encode(request);
      const body = new Uint8Array(content.length + 1);
      body[0] = operation;
      body.set(content, 1);
      const response = await sender.ask(peerPaths.lease, body, abort.signal);
      const answer = await readAll(response.body, maxAnswerBytes);
      return response.status === 200 ? codecs.leaseTimeToLiveResponse.decode(answer) : undefined;
    } catch (error) {
      this.#deps.host.log.debug('the leader could not be asked about a lease', { error: (error as Error).message });
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  /** A peer's question. Undefined: this member doesn't lead. */
  async answerPeer(body: Uint8Array): Promise<Uint8Array | undefined> {
    if (!this.#deps.isLeader()) return undefined;
    const answer = await this.#answer(body[0] as number, codecs.leaseTimeToLiveRequest.decode(body.subarray(1)));
    return answer === undefined ? undefined : codecs.leaseTimeToLiveResponse.encode(answer);
  }

  /** The clock of leases is this leadership's own. */
  get #keepsTime(): boolean {
    return this.#deps.isLeader() && this.#deps.applier.lessor.term === this.#deps.term();
  }

  /** A deposed leader must not renew: the new one would not know of it. */
  async #answer(operation: number, request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse | undefined> {
    await this.#deps.confirm();
    const { host, applier } = this.#deps;
    if (!this.#keepsTime) return undefined;
    if (operation === operations.renew) return this.#renew(request.ID);
    const nowMs = host.clock.monotonicMs();
    const lease = applier.machine.leases.get(request.ID);
    const remainingMs = applier.lessor.remainingMs(request.ID, nowMs);
    if (lease === undefined || remainingMs === undefined || remainingMs <= 0) return { ID: request.ID, TTL: -1, grantedTTL: 0, keys: [] };
    const keys = request.keys ? applier.machine.leases.keysOf(request.ID).map(keyBytes) : [];
    return { ID: request.ID, TTL: Math.floor(remainingMs / 1000), grantedTTL: lease.ttlSeconds, keys };
  }

  /** A lease that is over stays over: who asks for it waits until it is gone, so that "not found" is true when it is said. */
  async #renew(ID: bigint): Promise<LeaseTimeToLiveResponse | undefined> {
    const { host, applier } = this.#deps;
    const { lessor } = applier;
    const answer = (TTL: number): LeaseTimeToLiveResponse => ({ ID, TTL, grantedTTL: 0, keys: [] });
    if (lessor.isOver(ID, host.clock.monotonicMs()) === false && lessor.mustClearFirst(ID)) {
      if (!await this.#writeDown([{ ID, remainingTTL: 0 }]) || !this.#keepsTime) return undefined;
    }
    const nowMs = host.clock.monotonicMs();
    if (lessor.isOver(ID, nowMs) === true) {
      await (this.#ending.get(ID) ?? host.timers.sleep(retryMs));
      return applier.machine.leases.has(ID) ? undefined : answer(0);
    }
    return answer(lessor.renew(ID, nowMs) ?? 0);
  }

  /** Leader: ends what is over and writes down what has lost much of its time, through the log. */
  tick(): void {
    const { lessor } = this.#deps.applier;
    if (!this.#keepsTime) return;
    const nowMs = this.#deps.host.clock.monotonicMs();
    for (const id of lessor.takeExpired(nowMs, Math.min(maxEndsPerTick, maxEnding - this.#ending.size))) {
      const ending = this.#end(id).finally(() => { this.#ending.delete(id); });
      this.#ending.set(id, ending);
    }
    const checkpoints = lessor.takeCheckpoints(nowMs, maxCheckpointsPerTick);
    if (checkpoints.length > 0) void this.#writeDown(checkpoints);
  }

  async #end(id: bigint): Promise<void> {
    const { host, applier } = this.#deps;
    try {
      await this.#deps.proposeAsLeader({ leaseRevoke: { ID: id } });
    } catch (error) {
      host.log.debug('an expired lease could not be revoked yet', { lease: id.toString(16), error: (error as Error).message });
      applier.lessor.notEnded(id, host.clock.monotonicMs() + endRetryMs);
    }
  }

  async #writeDown(checkpoints: readonly LeaseCheckpoint[]): Promise<boolean> {
    const { host, applier } = this.#deps;
    try {
      await this.#deps.proposeAsLeader({ leaseCheckpoint: { checkpoints } });
      return true;
    } catch (error) {
      host.log.debug('leases could not be written down', { count: checkpoints.length, error: (error as Error).message });
      for (const { ID } of checkpoints) applier.lessor.checkpointed(ID);
      return false;
    }
  }
}
