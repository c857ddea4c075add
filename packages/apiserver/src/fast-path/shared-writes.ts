import { EtcdError, type Compare, type EtcdClient, type TxnOp, type TxnOptions, type TxnResult } from '@coxswain/etcd-lite/client';
import type { Timers } from '@coxswain/host';

/** etcd takes 128 comparisons and 1.5 MiB in a transaction; guards are comparisons too. */
const maxWrites = 100;
const maxBytes = 512 * 1024;
const maxRunning = 4;

/** Another key that must stand where it stood; one for many writes. */
interface Guard {
  readonly id: string;
  readonly expected: number;
  readonly compare: Compare;
  readonly read: TxnOp;
}

interface Waiting {
  readonly options: TxnOptions;
  readonly key: string;
  readonly sizeBytes: number;
  readonly expected: number;
  readonly guard: Guard | undefined;
  readonly resolve: (result: TxnResult) => void;
  readonly reject: (error: unknown) => void;
}

function isOfOneKey(op: TxnOp | undefined): op is Extract<TxnOp, { readonly type: 'put' | 'delete-range' }> {
  return op?.type === 'put' || (op?.type === 'delete-range' && op.rangeEnd === undefined);
}

function guardsOf(group: readonly Waiting[]): readonly Guard[] {
  return [...new Map(group.map(({ guard }) => [guard?.id, guard])).values()].filter((guard) => guard !== undefined);
}

/**
 * Puts and deletions of single keys, each with the revision it is based on, many in one transaction. One that has lost its race does not take the
 * others with it: it learns what stands there, and they are tried without it. All of a transaction have the same revision.
 */
export class SharedWrites {
  readonly #client: EtcdClient;
  readonly #timers: Timers;
  #waiting: Waiting[] = [];
  #planned = false;
  #running = 0;

  constructor(client: EtcdClient, timers: Timers) {
    this.#client = client;
    this.#timers = timers;
  }

  /** `options`: one comparison of a key's mod revision, one put or deletion of it, else one read of it; of a guard, if there is one, a comparison and a read more. */
  txn(options: TxnOptions): Promise<TxnResult> {
    const [compare, guard] = options.compare;
    const [write] = options.success;
    const [read] = options.failure;
    const simple = options.success.length === 1 && compare?.target === 'mod' && isOfOneKey(write) && read?.type === 'range'
      && options.compare.length === options.failure.length && options.compare.length <= 2 && (guard === undefined || guard.target === 'mod');
    if (!simple) return this.#client.txn(options);
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        options, key: write.key.toHex(), sizeBytes: write.type === 'put' ? write.value.length : 0, expected: Number(compare.value), resolve, reject,
        guard: guard === undefined ? undefined : { id: `${guard.key.toHex()} ${Number(guard.value)}`, expected: Number(guard.value), compare: guard, read: options.failure[1] as TxnOp },
      });
      this.#plan();
    });
  }

  /** Not at once: what the same batch is about to write comes within this turn. */
  #plan(): void {
    if (this.#planned || this.#running >= maxRunning || this.#waiting.length === 0) return;
    this.#planned = true;
    this.#timers.after(0, () => {
      this.#planned = false;
      this.#running += 1;
      void this.#write(this.#next()).finally(() => {
        this.#running -= 1;
        this.#plan();
      });
      this.#plan();
    });
  }

  /** As many as fit, in order of coming; a key only once. */
  #next(): readonly Waiting[] {
    const group: Waiting[] = [];
    const rest: Waiting[] = [];
    const keys = new Set<string>();
    let sizeBytes = 0;
    for (const [at, one] of this.#waiting.entries()) {
      if (group.length === maxWrites) {
        for (const later of this.#waiting.slice(at)) rest.push(later);
        break;
      }
      const fits = (group.length === 0 || sizeBytes + one.sizeBytes <= maxBytes) && !keys.has(one.key);
      (fits ? group : rest).push(one);
      keys.add(one.key);
      if (fits) sizeBytes += one.sizeBytes;
    }
    this.#waiting = rest;
    return group;
  }

  /** Settles each; never rejects. */
  async #write(group: readonly Waiting[]): Promise<void> {
    if (group.length <= 1) {
      await Promise.all(group.map((one) => this.#client.txn(one.options).then(one.resolve, one.reject)));
      return;
    }
    try {
      const guards = guardsOf(group);
      const result = await this.#client.txn({
        compare: [...group.map((one) => one.options.compare[0] as Compare), ...guards.map((one) => one.compare)], success: group.flatMap((one) => one.options.success),
        failure: [...group.map((one) => one.options.failure[0] as TxnOp), ...guards.map((one) => one.read)],
      });
      if (result.succeeded) group.forEach((one, at) => { one.resolve({ ...result, responses: result.responses.slice(at, at + 1) }); });
      else await this.#apart(group, result, guards);
    } catch (error) {
      // Refused as a whole (it is too large), or never sent (one of them cannot be encrypted or converted): each has its own answer.
      // What may have been done is the writers' to settle.
      if (!(error instanceof EtcdError) || !error.outcomeUnknown) for (const one of group) await this.#write([one]);
      else group.forEach((one) => { one.reject(error); });
    }
  }

  async #apart(group: readonly Waiting[], result: TxnResult, guards: readonly Guard[]): Promise<void> {
    const again: Waiting[] = [];
    const stands = (at: number, expected: number): boolean => {
      const answer = result.responses[at];
      return answer?.type === 'range' && (answer.kvs[0]?.modRevision ?? 0) === expected;
    };
    const passed = new Set(guards.filter((guard, at) => !stands(group.length + at, guard.expected)).map(({ id }) => id));
    group.forEach((one, at) => {
      if (stands(at, one.expected) && !passed.has(one.guard?.id ?? '')) again.push(one);
      else one.resolve({ ...result, responses: result.responses.slice(at, at + 1) });
    });
    if (again.length < group.length) await this.#write(again);
    else for (const one of again) await this.#write([one]);
  }
}

const byClient = new WeakMap<EtcdClient, SharedWrites>();

/** Of all resources that are kept through the same client. */
export function sharedWritesOf(client: EtcdClient, timers: Timers): SharedWrites {
  let shared = byClient.get(client);
  if (shared === undefined) {
    shared = new SharedWrites(client, timers);
    byClient.set(client, shared);
  }
  return shared;
}
