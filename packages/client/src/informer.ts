import { append, type Host, NetworkError } from '@coxswain/host';
import { ApiError, isForbidden, isGone, isNotFound } from './api-error.ts';
import { Backoff, reflectorBackoff } from './backoff.ts';
import { Cache } from './cache.ts';
import { keyOfObject } from './key.ts';
import type { Client, Informer, InformerHandler, InformerThrift, KubeObject, Lister, ListOptions, ResourceType, WatchEvent } from './types.ts';

export type InformerScope = Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;

/** Upstream's: a watch lasts five to ten minutes, so that clients spread over servers again. */
const minWatchSeconds = 300;
const pageSize = 500;
const lookAgainMs = 10_000;

/** How a watch ended. */
type WatchEnd = 'closed' | 'expired';

/** One reflector and its cache. See `Informer` for what it promises. */
export class SharedInformer<T extends KubeObject> implements Informer<T> {
  readonly type: ResourceType<T>;
  readonly #host: Host;
  readonly #client: Client;
  readonly #scope: InformerScope;
  readonly #thrift: InformerThrift<T> | undefined;
  readonly #cache = new Cache<T>();
  readonly #handlers: InformerHandler<T>[] = [];
  readonly #backoff: Backoff;
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #running: Promise<void> | undefined;
  #resourceVersion = '';
  #listExactly = false;
  /** Who waits for a list that begins from now on. */
  #waiting: (() => void)[] = [];
  #turn = new AbortController();
  /** Said when there is no such kind. */
  #hint: string | undefined;
  #isAbsent = false;

  constructor(host: Host, client: Client, type: ResourceType<T>, scope: InformerScope, thrift?: InformerThrift<T>) {
    this.type = type;
    this.#host = host;
    this.#client = client;
    this.#scope = scope;
    this.#thrift = thrift;
    this.#backoff = new Backoff(host.clock, host.random, reflectorBackoff);
  }

  get lister(): Lister<T> { return this.#cache; }
  get hasSynced(): boolean { return this.#hasSynced; }
  get isAbsent(): boolean { return this.#isAbsent; }
  get resourceVersion(): string { return this.#resourceVersion; }
  whenSynced(): Promise<void> { return this.#synced.promise; }

  addHandler(handler: InformerHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#cache.list()) handler.added?.(object);
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    this.#cache.addIndex(name, values);
  }

  mayBeAbsent(hint: string): void {
    this.#hint = hint;
  }

  refresh(): Promise<void> {
    const listed = new Promise<void>((resolve) => { this.#waiting.push(resolve); });
    this.#turn.abort();
    return listed;
  }

  /** Idempotent. Resolves after `signal` has aborted. */
  run(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(signal);
    return this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let mustList = true;
    while (!signal.aborted) {
      const turn = new AbortController();
      const end = (): void => { turn.abort(); };
      signal.addEventListener('abort', end, { once: true });
      this.#turn = turn;
      try {
        if (mustList || this.#waiting.length > 0) await this.#relist(turn.signal);
        mustList = false;
        if (await this.#watchOnce(turn.signal) === 'expired') mustList = true;
      } catch (error) {
        if (signal.aborted) return;
        const isMissing = this.#hint !== undefined && (isNotFound(error) || isForbidden(error));
        mustList = mustList || isMissing || isGone(error);
        // Somebody wants it listed anew.
        if (turn.signal.aborted) continue;
        if (isMissing) {
          this.#absent(error as ApiError);
          await this.#host.timers.sleep(lookAgainMs, turn.signal);
          continue;
        }
        this.#report(error);
        await this.#host.timers.sleep(this.#backoff.nextMs(), turn.signal);
      } finally {
        signal.removeEventListener('abort', end);
      }
    }
  }

  #report(error: unknown): void {
    // Anything else is a fault of a handler or of ours: it must not be taken for a broken connection.
    if (!(error instanceof ApiError || error instanceof NetworkError || error instanceof SyntaxError)) {
      this.#host.log.error('informer failed', { resource: this.type.resource, error: error instanceof Error ? error.stack : String(error) });
      return;
    }
    this.#host.log.debug('list or watch failed, trying again', { resource: this.type.resource, error: error.message });
  }

  #absent(error: ApiError): void {
    if (!this.#isAbsent) this.#host.log.warn('the cluster has no such kind', { resource: `${this.type.resource}.${this.type.group}`, version: this.type.version, hint: this.#hint ?? '', error: error.message });
    this.#isAbsent = true;
    this.#replace(new Map());
    this.#told();
    for (const listed of this.#waiting.splice(0)) listed();
  }

  #told(): void {
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  /** The first list may come from the server's cache; after an expiry only a quorum read is certain to be newer. */
  async #relist(signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#listExactly ||= waiting.length > 0;
    try {
      await this.#list(signal);
      for (const listed of waiting) listed();
    } catch (error) {
      append(this.#waiting, waiting);
      throw error;
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const present = new Map<string, T>();
    let next: string | undefined;
    let resourceVersion = '';
    do {
      // Who keeps little of each must not hold all of them whole at once.
      const fromCache = !this.#listExactly && next === undefined && this.#thrift === undefined;
      const page = await this.#client.list(this.type, {
        ...this.#scope, signal,
        ...(fromCache ? { resourceVersion: this.#resourceVersion === '' ? '0' : this.#resourceVersion } : { limit: pageSize, continue: next }),
      }).catch((error: unknown) => {
        if (isGone(error)) this.#listExactly = true;
        throw error;
      });
      for (const item of page.items) present.set(keyOfObject(item), this.#kept(item));
      resourceVersion = page.metadata.resourceVersion ?? '';
      next = page.metadata.continue;
    } while (next !== undefined && next !== '');
    this.#listExactly = false;
    if (this.#isAbsent) this.#host.log.info('the cluster has the kind now', { resource: `${this.type.resource}.${this.type.group}` });
    this.#isAbsent = false;
    this.#replace(present);
    this.#resourceVersion = resourceVersion;
    this.#told();
  }

  #replace(present: ReadonlyMap<string, T>): void {
    for (const key of this.#cache.keys()) if (!present.has(key)) this.#removed(key);
    for (const object of present.values()) this.#stored(object);
  }

  async #watchOnce(signal: AbortSignal): Promise<WatchEnd> {
    const startMs = this.#host.clock.monotonicMs();
    let events = 0;
    for await (const event of this.#client.watch(this.type, {
      ...this.#scope, signal, resourceVersion: this.#resourceVersion, allowWatchBookmarks: true,
      timeoutSeconds: Math.floor(minWatchSeconds * (1 + this.#host.random.float())),
    })) {
      events += 1;
      if (event.type === 'ERROR') {
        const error = new ApiError(event.object);
        if (!isGone(error)) throw error;
        this.#listExactly = true;
        return 'expired';
      }
      this.#apply(event);
    }
    // A server that closes at once would otherwise be asked in a tight loop.
    if (events === 0 && this.#host.clock.monotonicMs() - startMs < 1000) await this.#host.timers.sleep(this.#backoff.nextMs(), signal);
    return 'closed';
  }

  #apply(event: Exclude<WatchEvent<T>, { readonly type: 'ERROR' }>): void {
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#stored(this.#kept(event.object));
        break;
      case 'DELETED':
        this.#removed(keyOfObject(event.object), this.#kept(event.object));
        break;
      case 'BOOKMARK':
        break;
      default:
        // A newer server's event type: nothing is known of it, not even its resourceVersion.
        return;
    }
    this.#resourceVersion = event.object.metadata?.resourceVersion ?? this.#resourceVersion;
  }

  #kept(object: T): T {
    return this.#thrift === undefined ? object : this.#thrift.keep(object);
  }

  #stored(object: T): void {
    const before = this.#cache.getByKey(keyOfObject(object));
    if (before !== undefined && before.metadata?.resourceVersion === object.metadata?.resourceVersion && before.metadata?.uid === object.metadata?.uid) return;
    if (before !== undefined && before.metadata?.uid !== object.metadata?.uid) {
      this.#removed(keyOfObject(object));
      this.#cache.set(object);
      for (const handler of this.#handlers) handler.added?.(object);
      return;
    }
    this.#cache.set(object);
    for (const handler of this.#handlers) {
      if (before === undefined) handler.added?.(object);
      else handler.updated?.(before, object);
    }
  }

  #removed(key: string, last?: T): void {
    const before = this.#cache.remove(key);
    if (before === undefined) return;
    for (const handler of this.#handlers) handler.deleted?.(last ?? before);
  }
}
