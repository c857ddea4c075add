import { type Host } from '@coxswain/host';
import { EtcdError, etcdError } from '../client/errors.ts';
import type { Applied } from '../machine/machine.ts';
import { toMembershipMessage, type MembershipState } from '../machine/membership.ts';
import { compareBytes } from '../mvcc/range.ts';
import type { ConfChangeOutcome, ConfState } from '../raft/index.ts';
import { encodeInternal, internalId } from '../wire/internal.ts';
import { codecs } from '../wire/schema.ts';
import type { InternalRequest } from '../wire/messages.ts';
import type { RaftDriver } from './driver.ts';

interface Pending {
  readonly data: Uint8Array;
  /** As `data` would be decoded; undefined: not known. */
  readonly decoded: InternalRequest | undefined;
  readonly deadlineMs: number;
  /** Undefined: still waits here for a leader. */
  submittedTerm: number | undefined;
  resolve(applied: Applied): void;
  reject(error: EtcdError): void;
}

/** More than this waiting at once is refused, so that a stalled cluster doesn't collect requests without end. */
const maxPending = 5000;
/** As etcd. */
const maxApplyGap = 5000;

/** This member's writes on their way through the log. Each is answered exactly once. */
export class Proposals {
  readonly #host: Host;
  readonly #driver: RaftDriver;
  readonly #timeoutMs: number;
  readonly #maxRequestBytes: number;
  /** In order of their deadlines. */
  readonly #pending = new Map<bigint, Pending>();
  /** Ids must differ between members and between a member's lives: the log may still hold those of the last one. */
  readonly #prefix: bigint;
  #counter = 0n;
  /** Without an answer: in time, or for want of a leader. */
  failed = 0;
  #appliedTerm = 0;

  constructor(host: Host, driver: RaftDriver, options: { readonly timeoutMs: number; readonly maxRequestBytes: number }) {
    this.#host = host;
    this.#driver = driver;
    this.#timeoutMs = options.timeoutMs;
    this.#maxRequestBytes = options.maxRequestBytes;
    this.#prefix = BigInt(host.random.uint32()) << 32n;
  }

  /** More would only wait: this member does not even keep up with what is committed. */
  #isBehind(): boolean {
    const { committed, applied } = this.#driver.raft.log;
    return committed > applied + maxApplyGap;
  }

  get size(): number {
    return this.#pending.size;
  }

  /**
   * Resolves when this member has applied it. Rejects if it was refused, or when its outcome cannot be known any more.
   * `onlyTerm`: see `Proposal`. `encoded`: its put or transaction as it came over the wire, from which `request` was decoded.
   */
  propose(request: Omit<InternalRequest, 'ID'>, { onlyTerm, encoded }: { readonly onlyTerm?: number; readonly encoded?: Uint8Array | undefined } = {}): Promise<Applied> {
    if (this.#pending.size >= maxPending || this.#isBehind()) return Promise.reject(etcdError('tooManyRequests'));
    this.#counter += 1n;
    const id = this.#prefix | this.#counter;
    const data = encodeInternal(request, id, encoded);
    if (data.length > this.#maxRequestBytes) return Promise.reject(etcdError('requestTooLarge'));
    return new Promise((resolve, reject) => {
      const decoded = encoded === undefined ? undefined : { user: '', authRevision: 0, ...request, ID: id };
      const pending: Pending = { data, decoded, deadlineMs: this.#host.clock.monotonicMs() + this.#timeoutMs, submittedTerm: undefined, resolve, reject };
      this.#pending.set(id, pending);
      this.#driver.propose({
        data, onlyTerm, submitted: (term) => { pending.submittedTerm = term; },
        refused: () => { if (this.#pending.delete(id)) reject(etcdError('notLeader')); },
      });
    });
  }

  /** Leader's; `applied` only if it was proposed. */
  proposeConf(conf: ConfState, membership: MembershipState): { readonly outcome: ConfChangeOutcome; readonly applied?: Promise<Applied> } {
    this.#counter += 1n;
    const id = this.#prefix | this.#counter;
    const data = codecs.internalRequest.encode({ ID: id, membership: toMembershipMessage(membership) });
    const outcome = this.#driver.proposeConf(conf, data);
    if (outcome !== 'proposed') return { outcome };
    const submittedTerm = this.#driver.raft.term;
    return {
      outcome, applied: new Promise((resolve, reject) => {
        this.#pending.set(id, { data, decoded: undefined, deadlineMs: this.#host.clock.monotonicMs() + this.#timeoutMs, submittedTerm, resolve, reject });
      }),
    };
  }

  /** What an entry of the log says, if it is one of this member's own that waits. */
  decoded(data: Uint8Array): InternalRequest | undefined {
    const id = internalId(data);
    const pending = id === undefined ? undefined : this.#pending.get(id);
    // An id may have been used in another life of a member; what counts is what stands in the log.
    return pending?.decoded !== undefined && (pending.data === data || compareBytes(pending.data, data) === 0) ? pending.decoded : undefined;
  }

  has(id: bigint): boolean {
    return this.#pending.has(id);
  }

  applied(id: bigint, result: Applied): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (result.error === undefined) pending.resolve(result);
    else pending.reject(result.error);
  }

  /** The first entry of a newer term was applied: what went into the log before and is not there now was lost. */
  termApplied(term: number): void {
    if (term <= this.#appliedTerm) return;
    this.#appliedTerm = term;
    this.#reject((pending) => pending.submittedTerm !== undefined && pending.submittedTerm < term, 'timeoutLeaderFailure');
  }

  /** The state was replaced: entries that were skipped by it gave no answers. */
  stateInstalled(): void {
    this.#reject((pending) => pending.submittedTerm !== undefined, 'timeoutLeaderFailure');
  }

  stop(): void {
    this.#reject(() => true, 'stopped');
  }

  #reject(which: (pending: Pending) => boolean, name: 'timeoutLeaderFailure' | 'stopped'): void {
    for (const [id, pending] of this.#pending) {
      if (!which(pending)) continue;
      this.#pending.delete(id);
      const { code, message } = etcdError(name);
      this.failed += 1;
      pending.reject(new EtcdError(code, message, { outcomeUnknown: pending.submittedTerm !== undefined }));
    }
  }

  tick(): void {
    const nowMs = this.#host.clock.monotonicMs();
    for (const [id, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) return;
      this.#pending.delete(id);
      if (pending.submittedTerm === undefined) {
        this.#driver.withdraw(pending.data);
        this.failed += 1;
        pending.reject(etcdError('noLeader'));
      } else {
        const { code, message } = etcdError('timeout');
        this.failed += 1;
        pending.reject(new EtcdError(code, message, { outcomeUnknown: true }));
      }
    }
  }
}
