import type { LabelSelector, ObjectMeta, ListMeta, Status } from 'kubernetes-types/meta/v1';
import type { LeaseTerm } from './lease-term.ts';

/** The part that every object has. Field types of the built-in kinds come from kubernetes-types. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** Names a resource on the wire. Made by `resource()`; the built-in ones stand in `resources`. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Reads answer only apiVersion, kind and metadata. Made by `metadataOnly()`. */
  readonly metadataOnly?: boolean;
  /** Never set; carries the object's type. */
  readonly _type?: T;
}

export interface ObjectKey {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface ObjectList<T> {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: T[];
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: Status };

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  readonly subresource?: string;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

/**
 * The Kubernetes API, typed. Every refusal by the server rejects with ApiError; a connection that failed rejects with
 * NetworkError. Nothing is retried here except a 429 or 503 with Retry-After on reads.
 */
export interface Client {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T>;
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /** Ends when the server closes the stream or `signal` aborts. An ERROR event is yielded, then the stream ends. */
  watch<T extends KubeObject>(type: ResourceType<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patchType: PatchType, body: unknown, options?: WriteOptions & { readonly force?: boolean }, headers?: Readonly<Record<string, string>>): Promise<T>;
  delete(type: ResourceType, key: ObjectKey, options?: DeleteOptions, headers?: Readonly<Record<string, string>>): Promise<void>;
  deleteCollection(type: ResourceType, options: ListOptions, deleteOptions?: DeleteOptions): Promise<void>;
  /** POST to a subresource: pods/binding, pods/eviction, serviceaccounts/token. Answers the decoded body. */
  createSubresource(type: ResourceType, key: ObjectKey, subresource: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  /** Any other path, for instance `/healthz`. Answers status and whole body; does not reject on a status. */
  raw(request: { readonly method: string; readonly target: string; readonly headers?: Record<string, string>; readonly body?: Uint8Array; readonly signal?: AbortSignal }): Promise<{ readonly status: number; readonly body: Uint8Array }>;
}

/** Read-only view of an informer's cache. Objects are shared: never change one, copy it (structuredClone) first. */
export interface Lister<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  /** Insertion order of the cache, which is not the server's. */
  list(options?: { readonly namespace?: string; readonly selector?: LabelSelector }): readonly T[];
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

export interface InformerHandler<T> {
  added?(object: T): void;
  updated?(before: T, after: T): void;
  /** The last state known; the deletion itself may have been missed (a relist noticed it). */
  deleted?(object: T): void;
}

/**
 * Keeps a cache of one resource by list + watch, and tells handlers.
 * Promised: handlers see for each object a subsequence of its states in order; no order across objects; an object that was
 * deleted and made again with another uid is told as deleted then added; after a broken watch it goes on from the last
 * resourceVersion, and only a 410 makes it list again. Not promised: freshness. A handler must not throw and must not await.
 */
export interface Informer<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly lister: Lister<T>;
  /** May be called before or after the start; a late handler is told everything present as added. */
  addHandler(handler: InformerHandler<T>): void;
  /** Before the start only. */
  addIndex(name: string, values: (object: T) => readonly string[]): void;
  readonly hasSynced: boolean;
  /**
   * Before the start only. If nobody serves the kind (or its reader may not read it) it counts as synced and empty, which is logged once with `hint`:
   * what to install, and what is not done until then. It is looked for again every ten seconds.
   */
  mayBeAbsent(hint: string): void;
  /** Nobody serves it now. Of kinds that may be absent only. */
  readonly isAbsent: boolean;
  /**
   * Resolves when the cache has all that the store had when this was called, and handlers were told: it is listed anew, which tells nothing of what
   * is known already. Only while it runs.
   */
  refresh(): Promise<void>;
  /** Resolves when the first list was told to the handlers. */
  whenSynced(): Promise<void>;
  /** resourceVersion that the cache has reached. */
  readonly resourceVersion: string;
}

export interface InformerThrift<T> {
  /** What is kept of an object, and told to handlers, in its place: the same object with less in it. Must leave names, uid and resourceVersion. */
  readonly keep: (object: T) => T;
}

/** One informer a (resource, selectors) pair, shared by all that ask. */
export interface InformerFactory {
  /** Whoever asks first says how thrifty it is. */
  informer<T extends KubeObject>(type: ResourceType<T>, options?: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>, thrift?: InformerThrift<T>): Informer<T>;
  /** Starts every informer asked for so far and resolves when all have synced; can be called again. */
  start(signal: AbortSignal): Promise<void>;
}

/**
 * De-duplicating work queue: a key waiting is held once; a key being worked on and added again is handed out again
 * after `done`, never to two workers at once.
 */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, delayMs: number): void;
  /** Per-key exponential back-off: 5 ms · 2^failures, at most 1000 s. */
  addRateLimited(key: string): void;
  forget(key: string): void;
  /** Undefined once the queue is shut down and empty. */
  next(): Promise<string | undefined>;
  done(key: string): void;
  shutDown(): void;
  readonly size: number;
}

/** Told what a queue does, for metrics: a key is added once until it is taken. */
export interface WorkQueueMeter {
  added(key: string): void;
  taken(key: string): void;
  done(key: string): void;
  retried(): void;
}

export type SyncResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry-after'; readonly delayMs: number }
  /** Logged, not tried again until the object changes. */
  | { readonly kind: 'terminal'; readonly reason: string };

export interface ControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly workers: number;
  /** Gets only a key and reads current state from listers. A throw means back-off and retry. */
  readonly sync: (key: string) => Promise<SyncResult>;
}

export interface LeaderElectionOptions {
  readonly namespace: string;
  readonly leaseName: string;
  /** Unique to this process. */
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  /**
   * `signal` aborts when leadership is lost; the elector then waits for the promise before it resolves. `term`: for fencing; undefined once it
   * may have ended.
   */
  readonly lead: (signal: AbortSignal, term: () => LeaseTerm | undefined) => Promise<void>;
}

export interface EventRecorder {
  /** Fire and forget; equal events are counted up (series), not repeated. `object` needs apiVersion, kind and metadata. */
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, detail?: EventDetail): void;
}

/** Told by recorders of events.k8s.io only. */
export interface EventDetail {
  /** What was done or tried. */
  readonly action: string;
  /** The other object, if there is one. */
  readonly related?: KubeObject;
}
