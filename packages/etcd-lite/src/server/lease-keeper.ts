import { readAll, type Host } from '@coxswain/host';
import { etcdError } from '../client/errors.ts';
import { keyBytes } from '../mvcc/key-text.ts';
import { codecs } from '../wire/schema.ts';
import type { LeaseTimeToLiveRequest, LeaseTimeToLiveResponse } from '../wire/messages.ts';
import type { Applier } from './applier.ts';
import { peerPaths, type PeerSender } from './peer-sender.ts';

export interface LeaseKeeperDeps {
  readonly host: Host;
  readonly applier: Applier;
  readonly timeoutMs: number;
  isLeader(): boolean;
  /** The leader's sender; undefined: no leader is known, or it is this member. */
  leaderSender(): PeerSender | undefined;
  /** Resolves when this member has confirmed its leadership with a quorum. */
  confirm(): Promise<void>;
  revoke(id: bigint): Promise<unknown>;
}

/** Asked of the leader, the only one that knows when leases end: `keys` of a time-to-live question; `renew` otherwise. */
const operations = { renew: 1, timeToLive: 2 } as const;
const maxAnswerBytes = 64 * 1024 * 1024;
const retryMs = 100;

/** The lease calls that do not go through the log: renewing and asking. A follower passes them on to the leader. */
export class LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #revoking = new Set<bigint>();

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

  /** A deposed leader must not renew: the new one would not know of it. */
  async #answer(operation: number, request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse | undefined> {
    await this.#deps.confirm();
    if (!this.#deps.isLeader()) return undefined;
    const { host, applier } = this.#deps;
    const nowMs = host.clock.monotonicMs();
    if (operation === operations.renew) return { ID: request.ID, TTL: applier.lessor.renew(request.ID, nowMs) ?? 0, grantedTTL: 0, keys: [] };
    const lease = applier.machine.leases.get(request.ID);
    const remainingMs = applier.lessor.remainingMs(request.ID, nowMs);
    if (lease === undefined || remainingMs === undefined || remainingMs <= 0) return { ID: request.ID, TTL: -1, grantedTTL: 0, keys: [] };
    const keys = request.keys ? applier.machine.leases.keysOf(request.ID).map(keyBytes) : [];
    return { ID: request.ID, TTL: Math.floor(remainingMs / 1000), grantedTTL: lease.ttlSeconds, keys };
  }

  /** Leader: ends what is over, through the log. */
  tick(): void {
    if (!this.#deps.isLeader()) return;
    for (const id of this.#deps.applier.lessor.expired(this.#deps.host.clock.monotonicMs())) void this.#revoke(id);
  }

  async #revoke(id: bigint): Promise<void> {
    if (this.#revoking.has(id)) return;
    this.#revoking.add(id);
    try {
      await this.#deps.revoke(id);
    } catch (error) {
      // It is named again by the lessor if it is still there.
      this.#deps.host.log.debug('an expired lease could not be revoked yet', { lease: id.toString(16), error: (error as Error).message });
    } finally {
      this.#revoking.delete(id);
    }
  }
}
