import type { JsonObject } from '@coxswain/api';
import { assert, fromUtf8, utf8, type Timers } from '@coxswain/host';
import { EtcdError, isEtcdError, type Compare, type EtcdClient, type KeyValue, type RangeResult, type TxnOp, type TxnOptions, type TxnResult } from '@coxswain/etcd-lite/client';
import type { TransformedKeyValue } from '../encryption/transformer.ts';
import { sharedWritesOf } from '../fast-path/shared-writes.ts';
import { encodeForStore, StoredObject, type Encoded, type StorageCodec } from './codec.ts';
import { prefixEnd } from './keys.ts';
import type { EventLeases } from './leases.ts';

const maxTries = 5;
const retryDelayMs = 100;
/** How many later writes are looked under. */
const maxSteps = 100;

export interface ListPage {
  readonly revision: number;
  readonly items: readonly StoredObject[];
  readonly more: boolean;
  /** Of the whole range at that revision. */
  readonly count: number;
}

export interface PageOptions {
  readonly prefix: string;
  /** First key; absent: the prefix itself. */
  readonly from?: string;
  readonly revision?: number;
  readonly limit?: number;
  /** The objects are kept for long. */
  readonly keep?: boolean;
}

export interface PutOptions {
  /** May be written in one transaction with others, and so have their revision. */
  readonly shared?: boolean;
  /** The object as it is stored, if that is known already. */
  readonly encoded?: Encoded;
  readonly guard?: WriteGuard | undefined;
  /** See `StoredObject`. */
  readonly specIsValid?: boolean;
}

/** Another key that must not have changed since; it is kept in the same store. */
export interface WriteGuard {
  readonly key: string;
  readonly revision: number;
}

export type WriteResult =
  | { readonly kind: 'written'; readonly object: StoredObject }
  /** Somebody was faster; `current` is what stands there now (undefined: nothing). */
  | { readonly kind: 'conflict'; readonly current: StoredObject | undefined };

/** Objects of one resource in the store. Every write is one transaction that compares the revision it was based on. */
export class ResourceStore {
  readonly client: EtcdClient;
  readonly prefix: string;
  readonly codec: StorageCodec;
  readonly #timers: Timers;
  readonly #leases: EventLeases | undefined;

  constructor(client: EtcdClient, timers: Timers, prefix: string, codec: StorageCodec, leases?: EventLeases) {
    this.client = client;
    this.prefix = prefix;
    this.codec = codec;
    this.#timers = timers;
    this.#leases = leases;
  }

  stored(kv: TransformedKeyValue): StoredObject {
    return new StoredObject(fromUtf8(kv.key), kv.value, kv.modRevision, this.codec, { createRevision: kv.createRevision, lease: kv.lease, stale: kv.stale === true });
  }

  /** As `stored`, for keeping: holds nothing of the answer that it came with. */
  kept(kv: TransformedKeyValue): StoredObject {
    return this.stored({ ...kv, value: kv.value.slice() });
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const { kvs } = await this.client.range({ key: utf8(key) });
    return kvs[0] === undefined ? undefined : this.stored(kvs[0]);
  }

  async page(options: PageOptions): Promise<ListPage> {
    const prefix = utf8(options.prefix);
    const result = await this.client.range({
      key: options.from === undefined ? prefix : utf8(options.from), rangeEnd: prefixEnd(prefix),
      ...(options.revision === undefined ? {} : { revision: options.revision }), ...(options.limit === undefined ? {} : { limit: options.limit }),
    });
    return { revision: result.revision, items: result.kvs.map((kv) => (options.keep === true ? this.kept(kv) : this.stored(kv))), more: result.more, count: result.count };
  }

  /** The store's revision now. */
  async revision(): Promise<number> {
    return (await this.client.range({ key: utf8(this.prefix), countOnly: true })).revision;
  }

  /** `expectedRevision` 0: only if it does not exist. Nobody may change `object` afterwards. */
  async put(key: string, object: JsonObject, expectedRevision: number, options: PutOptions = {}): Promise<WriteResult> {
    const encoded = options.encoded ?? encodeForStore(object, this.codec);
    const { value } = encoded;
    const lease = await this.#leases?.current();
    const keyBytes = utf8(key);
    const op: TxnOp = { type: 'put', key: keyBytes, value, ...(lease === undefined ? {} : { lease }) };
    const result = await this.#compareAnd(keyBytes, expectedRevision, op, options);
    if (result.kind === 'conflict') return result;
    return { kind: 'written', object: new StoredObject(key, value, result.revision, this.codec, { object: encoded.object, specIsValid: options.specIsValid === true }) };
  }

  /** On success `object` is the last state, told at the revision of its deletion. */
  async remove(last: StoredObject, options: Pick<PutOptions, 'shared' | 'guard'> = {}): Promise<WriteResult> {
    const key = utf8(last.key);
    const result = await this.#compareAnd(key, last.revision, { type: 'delete-range', key }, options);
    return result.kind === 'conflict' ? result : { kind: 'written', object: last.at(result.revision) };
  }

  async #compareAnd(key: Uint8Array, expectedRevision: number, op: TxnOp, options: PutOptions = {}): Promise<Outcome> {
    const compare: Compare = { key, result: 'equal', target: 'mod', value: expectedRevision };
    const transaction = guarded({ compare: [compare], success: [op], failure: [{ type: 'range', key }] }, options.guard);
    const send = (): Promise<TxnResult> => (options.shared === true ? sharedWritesOf(this.client, this.#timers).txn(transaction) : this.client.txn(transaction));
    const { result, uncertain } = await (expectedRevision === 0 ? this.#createOnce(send, key) : this.#persist(send));
    if (result.succeeded) return { kind: 'done', revision: result.revision };
    const answer = result.responses[0];
    assert(answer?.type === 'range', 'transaction answered another operation', { got: answer?.type });
    const current = answer.kvs[0];
    const settled = uncertain ? await this.#settled(op, expectedRevision, current, result.revision) : undefined;
    return settled ?? { kind: 'conflict', current: current === undefined ? undefined : this.stored(current) };
  }

  /**
   * A creation is sent once: what it compares, that there is nothing, is true again when what it made was deleted meanwhile, and
   * a second try (or the first one, late) would bring that back. After an unknown outcome only what stands there tells; if there
   * is nothing the outcome stays unknown.
   */
  async #createOnce(send: () => Promise<TxnResult>, key: Uint8Array): Promise<Persisted> {
    try {
      return { result: await send(), uncertain: false };
    } catch (error) {
      if (!(error instanceof EtcdError) || !error.outcomeUnknown) throw error;
      const looked = await this.#look(key, error);
      if (looked.kvs.length === 0) throw error;
      return { result: { revision: looked.revision, succeeded: false, responses: [{ type: 'range', ...looked }] }, uncertain: true };
    }
  }

  /** The key as it is after all that was decided before; if nobody answers, `unknown` is thrown. */
  async #look(key: Uint8Array, unknown: EtcdError): Promise<RangeResult> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.client.range({ key });
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        if (tries === maxTries) throw unknown;
        await this.#timers.sleep(retryDelayMs * tries);
      }
    }
  }

  /**
   * A transaction whose outcome is unknown (the store's leader died with it) is sent again: what it compares makes it
   * apply once at most, and what stands there afterwards tells whether the first one did. If no try is answered it stays
   * unknown, also when the last one was certainly not done.
   */
  async #persist(send: () => Promise<TxnResult>): Promise<Persisted> {
    let uncertain = false;
    for (let tries = 1; ; tries += 1) {
      try {
        return { result: await send(), uncertain };
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        uncertain ||= error.outcomeUnknown;
        if (!uncertain) throw error;
        if (tries === maxTries) throw new EtcdError(error.code, error.message, { outcomeUnknown: true });
        await this.#timers.sleep(retryDelayMs * tries);
      }
    }
  }

  /** Whether an earlier try did it, though the last one was refused; undefined: none did. */
  async #settled(op: TxnOp, expectedRevision: number, current: KeyValue | undefined, revision: number): Promise<Outcome | undefined> {
    // What was to be deleted is gone, even if something of the same name has come since.
    if (op.type === 'delete-range') return current === undefined || current.createRevision > expectedRevision ? { kind: 'done', revision } : undefined;
    if (op.type !== 'put') return undefined;
    // Others may have written over it: their predecessors are asked for, newest first.
    let state = current;
    for (let steps = 0; state !== undefined; steps += 1) {
      if (state.modRevision <= expectedRevision) return undefined;
      if (equalBytes(state.value, op.value)) return { kind: 'done', revision: state.modRevision };
      if (steps === maxSteps) throw new EtcdError(14, 'the outcome of the write is buried under later ones', { outcomeUnknown: true });
      state = await this.#before(state);
    }
    if (expectedRevision === 0) return undefined;
    // Who takes this for a conflict may write it once more, as a new object or into the one that came after.
    throw new EtcdError(14, 'what was written over has been deleted, and with it the outcome of the write', { outcomeUnknown: true });
  }

  async #before(state: KeyValue): Promise<KeyValue | undefined> {
    if (state.modRevision === state.createRevision) return undefined;
    try {
      return (await this.client.range({ key: state.key, revision: state.modRevision - 1 })).kvs[0];
    } catch (error) {
      // Nobody remembers it: no failure of the server's own.
      if (isEtcdError(error, 'compacted')) throw new EtcdError(14, error.message, { outcomeUnknown: true });
      if (error instanceof EtcdError) throw new EtcdError(error.code, error.message, { outcomeUnknown: true });
      throw error;
    }
  }
}

/** What the guard is read for is the others of a shared transaction: whose fault it was. */
function guarded({ compare, success, failure }: TxnOptions, guard: WriteGuard | undefined): TxnOptions {
  if (guard === undefined) return { compare, success, failure };
  const key = utf8(guard.key);
  return { compare: [...compare, { key, result: 'equal', target: 'mod', value: guard.revision }], success, failure: [...failure, { type: 'range', key, keysOnly: true }] };
}

interface Persisted {
  readonly result: TxnResult;
  /** An earlier try may have been the one that counts. */
  readonly uncertain: boolean;
}

type Outcome = { readonly kind: 'done'; readonly revision: number } | { readonly kind: 'conflict'; readonly current: StoredObject | undefined };

/** Objects have uids and revisions of their own, so equal bytes are the same write. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
