import { assert } from '@coxswain/host';
import type { KeyValue } from '../client/types.ts';
import type { KeyRange } from './key-text.ts';

/** One key with its versions, oldest first. A version with `version` 0 is a tombstone (created by a delete). */
export interface KeyEntry {
  readonly text: string;
  /** Never empty while the entry is in the index. */
  versions: KeyValue[];
  chunk: Chunk;
}

interface Chunk {
  entries: KeyEntry[];
  /** Entries whose newest version is no tombstone. */
  live: number;
}

const maxChunk = 512;

export function newest(entry: KeyEntry): KeyValue {
  return entry.versions[entry.versions.length - 1] as KeyValue;
}

/** The version that stood at `revision`; undefined if there was none (or it was deleted). */
export function versionAt(entry: KeyEntry, revision: number): KeyValue | undefined {
  for (let at = entry.versions.length - 1; at >= 0; at -= 1) {
    const kv = entry.versions[at] as KeyValue;
    if (kv.modRevision <= revision) return kv.version === 0 ? undefined : kv;
  }
  return undefined;
}

/**
 * All keys in order, as a list of short sorted lists: look-up by hash, seek by two binary searches, insertion by moving at
 * most a chunk, and the number of live keys in a range without touching each of them.
 */
export class KeyIndex {
  readonly #byText = new Map<string, KeyEntry>();
  readonly #chunks: Chunk[] = [];

  get size(): number {
    return this.#byText.size;
  }

  get(text: string): KeyEntry | undefined {
    return this.#byText.get(text);
  }

  /** Adds a version to a key, newer than all it has. */
  append(text: string, kv: KeyValue): void {
    const entry = this.#byText.get(text);
    if (entry === undefined) {
      this.#insert(text, kv);
      return;
    }
    const before = newest(entry);
    assert(before.modRevision < kv.modRevision, 'versions of a key must grow', { before: before.modRevision, after: kv.modRevision });
    entry.versions.push(kv);
    entry.chunk.live += (kv.version === 0 ? 0 : 1) - (before.version === 0 ? 0 : 1);
  }

  #insert(text: string, kv: KeyValue): void {
    const at = this.#chunkFor(text);
    const chunk = this.#chunks[at] ?? this.#firstChunk();
    const entry: KeyEntry = { text, versions: [kv], chunk };
    chunk.entries.splice(lowerBound(chunk.entries, text), 0, entry);
    if (kv.version !== 0) chunk.live += 1;
    this.#byText.set(text, entry);
    if (chunk.entries.length > maxChunk) this.#split(at, chunk);
  }

  #firstChunk(): Chunk {
    const chunk: Chunk = { entries: [], live: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  #split(at: number, chunk: Chunk): void {
    const upper: Chunk = { entries: chunk.entries.splice(chunk.entries.length >>> 1), live: 0 };
    for (const entry of upper.entries) {
      entry.chunk = upper;
      if (newest(entry).version !== 0) upper.live += 1;
    }
    chunk.live -= upper.live;
    this.#chunks.splice(at + 1, 0, upper);
  }

  /** Removes a key of which nothing is left. */
  remove(entry: KeyEntry): void {
    assert(newest(entry).version === 0, 'a live key must not be removed', { key: entry.text });
    const { chunk } = entry;
    const at = this.#chunkFor(entry.text);
    assert(this.#chunks[at] === chunk, 'key is in another chunk', { key: entry.text });
    chunk.entries.splice(lowerBound(chunk.entries, entry.text), 1);
    this.#byText.delete(entry.text);
    if (chunk.entries.length === 0) this.#chunks.splice(at, 1);
  }

  /** Index of the last chunk whose first key is not above `text`, or 0. */
  #chunkFor(text: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const first = (this.#chunks[middle] as Chunk).entries[0] as KeyEntry;
      if (first.text <= text) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Entries in order. The index must not change meanwhile. */
  * entries(range: KeyRange): Generator<KeyEntry, void, undefined> {
    for (let at = this.#chunkFor(range.start); at < this.#chunks.length; at += 1) {
      const { entries } = this.#chunks[at] as Chunk;
      const first = (entries[0] as KeyEntry).text >= range.start ? 0 : lowerBound(entries, range.start);
      for (let index = first; index < entries.length; index += 1) {
        const entry = entries[index] as KeyEntry;
        if (range.end !== undefined && entry.text >= range.end) return;
        yield entry;
      }
    }
  }

  /** Live keys in the range now: whole chunks are counted by their sum. */
  countLive(range: KeyRange): number {
    let count = 0;
    for (let at = this.#chunkFor(range.start); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] as Chunk;
      const first = chunk.entries[0] as KeyEntry;
      const last = chunk.entries[chunk.entries.length - 1] as KeyEntry;
      if (range.end !== undefined && first.text >= range.end) break;
      const whole = first.text >= range.start && (range.end === undefined || last.text < range.end);
      count += whole ? chunk.live : countPart(chunk, range);
    }
    return count;
  }
}

function countPart(chunk: Chunk, range: KeyRange): number {
  let count = 0;
  for (let at = lowerBound(chunk.entries, range.start); at < chunk.entries.length; at += 1) {
    const entry = chunk.entries[at] as KeyEntry;
    if (range.end !== undefined && entry.text >= range.end) break;
    if (newest(entry).version !== 0) count += 1;
  }
  return count;
}

function lowerBound(entries: readonly KeyEntry[], text: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as KeyEntry).text < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
