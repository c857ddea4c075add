import type { Version } from '../mvcc/version.ts';

/** Flat cost beside the content: places in the queue and the set, and an array for what was fetched. */
const overheadBytes = 200;

/**
 * Keeps values that are also in files in memory: those written or fetched last. One that is often read is fetched again, from the
 * system's cache, once in a while; to know which are would cost a field in each version.
 */
export class ValueCache {
  readonly #capacityBytes: number;
  /** Oldest first, from `#head` on. A set would have to skip what it has deleted each time the oldest is looked for. */
  #queue: Version[] = [];
  #head = 0;
  readonly #members = new Set<Version>();
  #sizeBytes = 0;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Its `value` is set and its file holds it: from now on the cache decides how long. */
  admit(version: Version): void {
    const { valueLength } = version;
    if (valueLength === undefined || valueLength === 0 || this.#members.has(version)) return;
    this.#members.add(version);
    this.#queue.push(version);
    this.#sizeBytes += valueLength + overheadBytes;
    while (this.#sizeBytes > this.#capacityBytes && this.#head < this.#queue.length) this.#evict(this.#queue[this.#head] as Version);
  }

  #evict(version: Version): void {
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#members.delete(version);
    this.#sizeBytes -= (version.valueLength ?? 0) + overheadBytes;
    version.value = undefined;
  }
}
