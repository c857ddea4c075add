import { utf8 } from '@coxswain/host';
import { prefixEnd } from '../storage/keys.ts';
import type { ResourceStore } from '../storage/store.ts';
import type { RevisionGate } from './revision-gate.ts';

const progressEveryMs = 100;
const maxProgressRequests = 30;

/** The cache's watch of the store lags too far behind. */
export class NotReached extends Error {
  constructor(prefix: string, revision: number) {
    super(`the cache of ${prefix} did not reach revision ${revision} in time`);
    this.name = 'NotReached';
  }
}

/** A cache as far as these questions go. */
export interface Follower {
  readonly store: ResourceStore;
  readonly ready: boolean;
  /** Objects. */
  readonly size: number;
  /** Resolves after the first full read. */
  start(): Promise<void>;
}

/** What is under way may be older than a call that comes meanwhile: all such calls share the next one. */
function sharingNext<T>(ask: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  return () => {
    next ??= (current ?? Promise.resolve()).catch(() => undefined).then(() => {
      next = undefined;
      current = ask();
      return current;
    });
    return next;
  };
}

/** Whether a cache has what the store has, and how it gets there soon. */
export class Freshness {
  /** Resolves once the cache has all that the store had when this was called. Rejects after 3 s. */
  readonly fresh: () => Promise<void>;
  /** Whether the cache has all that the store had when this was called; it is not waited for. */
  readonly isFresh: () => Promise<boolean>;
  /** Whether the store's word on how far a watch is can be built on: that of an old etcd may overtake the events that it speaks of. */
  trusted = false;
  readonly #follower: Follower;
  /** Where the follower is. */
  readonly #gate: RevisionGate;
  /** What the store was asked to tell the way to. */
  #lacking = 0;

  constructor(follower: Follower, gate: RevisionGate) {
    this.#follower = follower;
    this.#gate = gate;
    this.fresh = sharingNext(() => this.#readFresh());
    this.isFresh = sharingNext(() => this.#lookFresh());
  }

  async #readFresh(): Promise<void> {
    const { store } = this.#follower;
    await this.#follower.start();
    await this.atLeast(await store.revision());
  }

  async #lookFresh(): Promise<boolean> {
    const { store, ready } = this.#follower;
    if (!ready) return false;
    const revision = await store.revision();
    if (this.#gate.revision >= revision) return true;
    // So that those who ask later find it there: once for each revision that it lags behind.
    if (this.#lacking <= this.#gate.revision) {
      this.#lacking = revision;
      await this.#askProgress();
    }
    return false;
  }

  /**
   * False: not reached within 3 s. The member of the store that is asked how far it is may be a little behind the one that
   * told the revision, so it is asked again.
   */
  async reached(revision: number): Promise<boolean> {
    for (let asked = 0; asked < maxProgressRequests && this.#gate.revision < revision; asked += 1) {
      await this.#askProgress();
      await this.#gate.wait(revision, progressEveryMs);
    }
    return this.#gate.revision >= revision;
  }

  async atLeast(revision: number): Promise<void> {
    if (!(await this.reached(revision))) throw new NotReached(this.#follower.store.prefix, revision);
  }

  /** The watch is told how far it is; a store whose word is not taken is asked whether something is on its way. */
  async #askProgress(): Promise<void> {
    const { store } = this.#follower;
    if (this.trusted) return store.client.requestProgress();
    const known = this.#gate.revision;
    const key = utf8(store.prefix);
    const { revision, kvs, count } = await store.client.range({ key, rangeEnd: prefixEnd(key), minModRevision: known + 1, limit: 1, keysOnly: true });
    // Nothing there is newer than what is here, and nothing that is here has gone.
    if (kvs.length === 0 && count === this.#follower.size && known === this.#gate.revision) this.#gate.advance(revision);
  }
}
