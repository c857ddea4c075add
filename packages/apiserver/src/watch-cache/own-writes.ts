import { fromUtf8 } from '@coxswain/host';
import type { WatchEvent } from '@coxswain/etcd-lite/client';
import type { StoredObject } from '../storage/codec.ts';

/** Whose events have not come. */
const limit = 2000;

/** What this server has written and its watch has not brought yet: when its event comes, it is neither copied nor parsed again. */
export class OwnWrites {
  readonly #objects = new Map<string, StoredObject>();

  add(object: StoredObject): void {
    if (this.#objects.size >= limit) this.#objects.clear();
    this.#objects.set(object.key, object);
  }

  /** Written after `revision`. */
  after(revision: number, key: string): StoredObject | undefined {
    const own = this.#objects.get(key);
    return own !== undefined && own.revision > revision ? own : undefined;
  }

  /** The object of an event, if this server wrote it; what is older than the event is forgotten. */
  take(kv: WatchEvent['kv']): StoredObject | undefined {
    if (this.#objects.size === 0) return undefined;
    const key = fromUtf8(kv.key);
    const own = this.#objects.get(key);
    if (own === undefined || own.revision > kv.modRevision) return undefined;
    this.#objects.delete(key);
    return own.revision === kv.modRevision ? own.as(kv) : undefined;
  }
}
