import { concatBytes, emptyBytes, utf8, type Logger } from '@coxswain/host';
import { EtcdError } from '../client/errors.ts';
import { keyRange } from '../mvcc/key-text.ts';
import type { WatchHub } from '../watch/hub.ts';
import {
  compareResult, compareTarget, eventType, sortOrder, sortTarget, type CompareMessage, type KeyValue, type RangeRequest, type RangeResponse, type RequestOp, type ResponseHeader,
  type TxnRequest, type TxnResponse,
} from '../wire/messages.ts';
import { Changes, waitingSignal } from './changes.ts';

/** The parts of a member that queues stand on. `call` is whose permissions count; undefined: the member's own. */
export interface QueueCore<Call extends { readonly signal?: AbortSignal }> {
  readonly hub: WatchHub;
  readonly log: Logger;
  /** Aborts, with an EtcdError, when the member stops. */
  readonly stopped: AbortSignal;
  range(request: RangeRequest, call?: Call): Promise<RangeResponse>;
  txn(request: TxnRequest, call?: Call): Promise<TxnResponse>;
  /** Makes a lease for who calls. */
  grant(ttlSeconds: number, call: Call): Promise<bigint>;
}

/** A place in the queue: it is held as long as the key exists with that create revision, which is what fences. */
export interface Place {
  readonly prefix: Uint8Array;
  readonly key: Uint8Array;
  readonly createRevision: number;
}

export function prefixOf(name: Uint8Array): Uint8Array {
  return concatBytes([name, utf8('/')]);
}

/** As etcd's clients name it, who may stand in the same queue. */
export function keyOf(prefix: Uint8Array, lease: bigint): Uint8Array {
  return concatBytes([prefix, utf8(lease.toString(16))]);
}

function getKey(key: Uint8Array, over: Partial<RangeRequest> = {}): RangeRequest {
  return {
    key, rangeEnd: emptyBytes, limit: 0, revision: 0, sortOrder: sortOrder.none, sortTarget: sortTarget.key, serializable: false, keysOnly: false, countOnly: false, minModRevision: 0,
    maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0, ...over,
  };
}

/** A prefix ends with a slash, so its keys end before that and a zero. */
export function endOfPrefix(prefix: Uint8Array): Uint8Array {
  return concatBytes([prefix.subarray(0, -1), utf8('0')]);
}

/** Who stands in front. */
export function firstOf(prefix: Uint8Array): RangeRequest {
  return getKey(prefix, { rangeEnd: endOfPrefix(prefix), limit: 1, sortOrder: sortOrder.ascend, sortTarget: sortTarget.create });
}

function lastBefore(prefix: Uint8Array, createRevision: number): RangeRequest {
  return getKey(prefix, { rangeEnd: endOfPrefix(prefix), limit: 1, sortOrder: sortOrder.descend, sortTarget: sortTarget.create, maxCreateRevision: createRevision - 1 });
}

export function putKey(key: Uint8Array, value: Uint8Array, lease: bigint): RequestOp {
  return { requestPut: { key, value, lease, prevKv: false, ignoreValue: false, ignoreLease: false } };
}

/** 0: there is no such key. */
export function isCreatedAt(key: Uint8Array, createRevision: number): CompareMessage {
  return { result: compareResult.equal, target: compareTarget.create, key, rangeEnd: emptyBytes, createRevision };
}

/**
 * Takes a place (or finds that the session has it) in one transaction, which also tells who is in front. The key hangs on the
 * session's lease: it cannot be made once the lease has gone.
 */
export async function takePlace<Call extends { readonly signal?: AbortSignal }>(core: QueueCore<Call>, prefix: Uint8Array, lease: bigint, value: Uint8Array, call: Call): Promise<{ readonly place: Place; readonly existing: KeyValue | undefined; readonly first: KeyValue | undefined; readonly header: ResponseHeader }> {
  const key = keyOf(prefix, lease);
  const front: RequestOp = { requestRange: firstOf(prefix) };
  const response = await core.txn({ compare: [isCreatedAt(key, 0)], success: [putKey(key, value, lease), front], failure: [{ requestRange: getKey(key) }, front] }, call);
  const header = response.header as ResponseHeader;
  const existing = response.succeeded ? undefined : response.responses[0]?.responseRange?.kvs[0];
  const place = { prefix, key, createRevision: existing?.createRevision ?? header.revision };
  return { place, existing, first: response.responses[1]?.responseRange?.kvs[0], header };
}

/**
 * Resolves when all who came before have gone and the own key was still there, by one linearizable read of both: a place
 * whose lease has gone never comes to its turn. Throws `lost()` as soon as the own key has gone.
 */
export async function awaitTurn<Call extends { readonly signal?: AbortSignal }>(core: QueueCore<Call>, place: Place, call: Call, lost: () => EtcdError): Promise<ResponseHeader> {
  const { signal, forget } = waitingSignal(call.signal, core.stopped);
  try {
    for (;;) {
      signal.throwIfAborted();
      const look = await core.txn({ compare: [], success: [{ requestRange: getKey(place.key) }, { requestRange: lastBefore(place.prefix, place.createRevision) }], failure: [] }, call);
      const [mine, before] = look.responses.map(({ responseRange }) => responseRange?.kvs[0]);
      if (mine?.createRevision !== place.createRevision) throw lost();
      const header = look.header as ResponseHeader;
      if (before === undefined) return header;
      await oneDeleted(core.hub, [before.key, place.key], header.revision + 1, signal);
    }
  } finally {
    forget();
  }
}

async function oneDeleted(hub: WatchHub, keys: readonly Uint8Array[], fromRevision: number, signal: AbortSignal): Promise<void> {
  const changes = new Changes(hub, keys.map((key) => keyRange(key, emptyBytes)), fromRevision);
  try {
    for (let batch = await changes.next(signal); batch !== undefined; batch = await changes.next(signal)) {
      if (batch.events.some(({ type }) => type === eventType.delete)) return;
    }
  } finally {
    changes.close();
  }
}

/** Gives the place up for who will not come to use it; the lease does so in the end if it cannot be done now. */
export async function leave<Call extends { readonly signal?: AbortSignal }>(core: QueueCore<Call>, { key, createRevision }: Place): Promise<void> {
  try {
    await core.txn({ compare: [isCreatedAt(key, createRevision)], success: [{ requestDeleteRange: { key, rangeEnd: emptyBytes, prevKv: false } }], failure: [] });
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    core.log.warn('a place in a queue could not be given up; its lease will end it', { key: new TextDecoder().decode(key), error: error.message });
  }
}
