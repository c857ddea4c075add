import type { Version } from '../mvcc/version.ts';

/** Flat cost of an array of bytes beside its content. */
const overheadBytes = 200;

/**
 * Keeps values that are also in files in memory: those written or fetched last. One that is often read is fetched again, from the
 * system's cache, once in a while; to know which are would cost a field in each version.
 */
export class ValueCache {
  readonly #capacityBytes: number;
  /** Oldest first. */
  readonly #versions = new Set<Version>();
  #sizeBytes = 0;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Its `value` is set and its file holds it: from now on the cache decides how long. */
  admit(version: Version): void {
    if (version.value === undefined || version.value.length === 0 || this.#versions.has(version)) return;
    this.#versions.add(version);
    this.#sizeBytes += version.value.length + overheadBytes;
    for (const oldest of this.#versions) {
      if (this.#sizeBytes <= this.#capacityBytes) break;
      this.#evict(oldest);
    }
  }

  #evict(version: Version): void {
    this.#versions.delete(version);
    this.#sizeBytes -= (version.value?.length ?? 0) + overheadBytes;
    version.value = undefined;
  }
}
