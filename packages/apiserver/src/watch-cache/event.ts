import type { StoredObject } from '../storage/codec.ts';

/** One change of one object, shared by all watchers. */
export interface CacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  /** For DELETED: the last state, told at the revision of the deletion. */
  readonly object: StoredObject;
  readonly previous: StoredObject | undefined;
  /** Others of the same resource have the same revision: who has seen that revision may not have seen this. */
  readonly shared: boolean;
  /** Frames as sent, by type, media type and version: made once, shared by every watcher. */
  readonly frames: Map<string, Uint8Array>;
}

export function cacheEvent(type: CacheEvent['type'], object: StoredObject, previous: StoredObject | undefined, shared = false): CacheEvent {
  return { type, revision: object.revision, object, previous, shared, frames: new Map() };
}

/** So many of the last events keep their frames. */
const frameEvents = 200;
/** So many stay, however large. */
const fewestEvents = 100;

/** The last events in order of revision; old ones make room. */
export class EventRing {
  readonly #capacity: number;
  readonly #maxBytes: number;
  /** Gone ones leave a gap until there are many. */
  #events: (CacheEvent | undefined)[] = [];
  #sizeBytes = 0;
  #start = 0;
  /** Every event above this revision is here. */
  #completeAbove: number;
  /** A revision of whose events some are gone. */
  #brokenAt = -1;

  /** `maxBytes` of states as they are stored. */
  constructor(capacity: number, maxBytes: number, completeAbove: number) {
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
    this.#completeAbove = completeAbove;
  }

  get completeAbove(): number {
    return this.#completeAbove;
  }

  push(event: CacheEvent): void {
    this.#events.push(event);
    // Who is this late encodes for itself.
    this.#events[this.#events.length - 1 - frameEvents]?.frames.clear();
    this.#sizeBytes += event.object.value.length;
    while (this.#isFull) this.#dropOldest();
    if (this.#start < this.#capacity) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }

  get #isFull(): boolean {
    const length = this.#events.length - this.#start;
    return length > this.#capacity || (this.#sizeBytes > this.#maxBytes && length > fewestEvents);
  }

  #dropOldest(): void {
    const gone = this.#events[this.#start] as CacheEvent;
    this.#completeAbove = gone.revision;
    this.#brokenAt = gone.shared ? gone.revision : -1;
    this.#sizeBytes -= gone.object.value.length;
    this.#events[this.#start] = undefined;
    this.#start += 1;
  }

  /** undefined: the ring does not reach back that far. Of a revision that several events share all are told again. */
  after(revision: number): readonly CacheEvent[] | undefined {
    if (revision < this.#completeAbove || revision === this.#brokenAt) return undefined;
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle] as CacheEvent).revision > revision) high = middle;
      else low = middle + 1;
    }
    while (low > this.#start && this.#isShared(low - 1, revision)) low -= 1;
    return this.#events.slice(low) as CacheEvent[];
  }

  #isShared(at: number, revision: number): boolean {
    const event = this.#events[at] as CacheEvent;
    return event.shared && event.revision === revision;
  }
}
