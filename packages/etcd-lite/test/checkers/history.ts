/**
 * What clients did and saw, as plain data. Histories come from the simulator or from real processes (any etcd); the checkers
 * beside this file are pure functions over them. Keys and values are ASCII text; times are of one clock.
 */
export interface Kv {
  readonly key: string;
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
  /** '': none. */
  readonly lease: string;
}

export type Step =
  /** `end` absent: one key; '\0': all from `key` on. `revision` 0: the newest. */
  | { readonly type: 'range'; readonly key: string; readonly end?: string; readonly revision: number; readonly limit: number }
  | { readonly type: 'put'; readonly key: string; readonly value: string; readonly lease: string }
  | { readonly type: 'delete'; readonly key: string; readonly end?: string };

export type StepAnswer =
  | { readonly type: 'range'; readonly kvs: readonly Kv[]; readonly count: number }
  | { readonly type: 'put' }
  | { readonly type: 'delete'; readonly deleted: number };

export type Compare = { readonly key: string; readonly result: 'equal' | 'greater' | 'less' } & (
  | { readonly target: 'mod' | 'create' | 'version'; readonly value: number }
  | { readonly target: 'value'; readonly value: string }
);

/** A put, a delete and a range are transactions of one step. */
export interface TxnRequest {
  readonly kind: 'txn';
  readonly compare: readonly Compare[];
  readonly success: readonly Step[];
  readonly failure: readonly Step[];
  /** May be answered from an old state. */
  readonly serializable: boolean;
}

export type Request =
  | TxnRequest
  | { readonly kind: 'compact'; readonly revision: number }
  | { readonly kind: 'lease-grant' | 'lease-keep'; readonly lease: string; readonly ttlMs: number }
  | { readonly kind: 'lease-revoke'; readonly lease: string };

export type Outcome =
  /** `revision`: of the answer's header. */
  | { readonly kind: 'ok'; readonly revision: number; readonly succeeded: boolean; readonly answers: readonly StepAnswer[] }
  /** By the store, for what it holds: nothing was done. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason }
  /** Surely not done. */
  | { readonly kind: 'failed' }
  /** Done at some time after the call, or never. */
  | { readonly kind: 'unknown' };

export type RefusalReason = 'compacted' | 'future-revision' | 'lease-not-found' | 'other';

export interface Operation {
  readonly client: string;
  /** The only member that the client talks to, if there is only one. */
  readonly member?: string;
  readonly callMs: number;
  readonly returnMs: number;
  readonly request: Request;
  readonly outcome: Outcome;
}

export interface Event {
  readonly type: 'put' | 'delete';
  /** Of a delete only `key` and `mod` count. */
  readonly kv: Kv;
  readonly prev?: Kv;
}

export interface WatchRequest {
  readonly key: string;
  readonly end?: string;
  /** 0: what comes after the watch was made. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly filters: readonly ('no-put' | 'no-delete')[];
}

export interface WatchResponse {
  readonly atMs: number;
  readonly kind: 'created' | 'events' | 'progress' | 'canceled';
  /** Of the header (of the last event, if there are any). */
  readonly revision: number;
  readonly compactRevision: number;
  readonly events: readonly Event[];
}

/** One watch from its creation until it was cancelled or its connection broke. */
export interface WatchRecord {
  readonly client: string;
  readonly request: WatchRequest;
  readonly responses: WatchResponse[];
}

/** Somebody has seen this at that time (a watch event): a key as of a revision; `kv` undefined: it was deleted then. */
export interface Observation {
  readonly revision: number;
  readonly atMs: number;
  readonly key: string;
  readonly kv: Kv | undefined;
  /** As it was before, if that was told. */
  readonly prev?: Kv | undefined;
}

/** What one member said of itself at one moment. */
export interface MemberSample {
  readonly member: string;
  /** Which of its lives. */
  readonly life: number;
  readonly atMs: number;
  readonly role: string;
  readonly term: number;
  readonly committed: number;
  readonly applied: number;
  readonly revision: number;
  readonly compactRevision?: number;
  readonly hash?: number;
  /** Users, roles and permissions, as text. */
  readonly auth?: string;
}

export interface Violation {
  /** The property or invariant that does not hold. */
  readonly rule: string;
  readonly message: string;
}

export function inRange(key: string, from: string, end: string | undefined): boolean {
  if (end === undefined) return key === from;
  return key >= from && (end === '\0' || key < end);
}
