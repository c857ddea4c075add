import { assert } from '@coxswain/host';
import type { KeyRange } from './key-text.ts';
import type { Version } from './version.ts';

/** Parallel arrays: an object per key would cost more than the key. */
interface Chunk {
  texts: string[];
  /** The newest version of each key; older ones hang on it. */
  heads: Version[];
  /** Keys whose newest version is no tombstone. */
  live: number;
}

const maxChunk = 512;
/** How full chunks are made when all keys are known beforehand. */
const loadedChunk = 384;

/**
 * All keys in order, as a list of short sorted lists: look-up by two binary searches, insertion by moving at most a chunk, and
 * the number of live keys in a range without touching each of them. A hash table beside it would be faster to ask, but it
 * costs a third of the index's memory and stops the process for as long as it takes to grow.
 */
export class KeyIndex {
  #chunks: Chunk[] = [];
  #size = 0;
  /** Where the last key looked for is, as one write asks several times. Undefined after keys have moved. */
  #lastChunk: Chunk | undefined;
  #lastAt = 0;

  get size(): number {
    return this.#size;
  }

  /** The newest version of a key. */
  get(text: string): Version | undefined {
    const chunk = this.#seek(text);
    return chunk === undefined ? undefined : chunk.heads[this.#lastAt];
  }

  #seek(text: string): Chunk | undefined {
    const last = this.#lastChunk;
    if (last !== undefined && last.texts[this.#lastAt] === text) return last;
    const chunk = this.#chunks[this.#chunkFor(text)];
    if (chunk === undefined) return undefined;
    const at = lowerBound(chunk.texts, text);
    if (chunk.texts[at] !== text) return undefined;
    this.#lastChunk = chunk;
    this.#lastAt = at;
    return chunk;
  }

  /** Adds a version to a key, newer than all it has. */
  append(version: Version): void {
    const chunk = this.#seek(version.text);
    if (chunk === undefined) {
      this.#insert(version);
      return;
    }
    const before = chunk.heads[this.#lastAt] as Version;
    assert(before.modRevision < version.modRevision, 'versions of a key must grow', { before: before.modRevision, after: version.modRevision });
    version.older = before;
    chunk.heads[this.#lastAt] = version;
    chunk.live += (version.version === 0 ? 0 : 1) - (before.version === 0 ? 0 : 1);
  }

  #insert(version: Version): void {
    const at = this.#chunkFor(version.text);
    const chunk = this.#chunks[at] ?? this.#firstChunk();
    const position = lowerBound(chunk.texts, version.text);
    chunk.texts.splice(position, 0, version.text);
    chunk.heads.splice(position, 0, version);
    if (version.version !== 0) chunk.live += 1;
    this.#size += 1;
    this.#lastChunk = undefined;
    if (chunk.texts.length > maxChunk) this.#split(at, chunk);
  }

  #firstChunk(): Chunk {
    const chunk: Chunk = { texts: [], heads: [], live: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Keys that come in ascending order leave full chunks behind. */
  #split(at: number, chunk: Chunk): void {
    const keep = at === this.#chunks.length - 1 ? loadedChunk : chunk.texts.length >>> 1;
    const upper: Chunk = { texts: chunk.texts.splice(keep), heads: chunk.heads.splice(keep), live: 0 };
    for (const head of upper.heads) if (head.version !== 0) upper.live += 1;
    chunk.live -= upper.live;
    this.#chunks.splice(at + 1, 0, upper);
  }

  /** Fills an empty index: heads in order of their keys. */
  load(heads: readonly Version[]): void {
    assert(this.#size === 0, 'the index is not empty');
    for (let at = 0; at < heads.length; at += loadedChunk) {
      const part = heads.slice(at, at + loadedChunk);
      this.#chunks.push({ texts: part.map((head) => head.text), heads: part, live: part.reduce((sum, head) => sum + (head.version === 0 ? 0 : 1), 0) });
    }
    this.#size = heads.length;
  }

  /** Removes a key of which nothing is left. */
  remove(head: Version): void {
    assert(head.version === 0, 'a live key must not be removed', { key: head.text });
    const at = this.#chunkFor(head.text);
    const chunk = this.#chunks[at] as Chunk;
    const position = lowerBound(chunk.texts, head.text);
    assert(chunk.heads[position] === head, 'no such key', { key: head.text });
    chunk.texts.splice(position, 1);
    chunk.heads.splice(position, 1);
    this.#size -= 1;
    this.#lastChunk = undefined;
    if (chunk.texts.length === 0) this.#chunks.splice(at, 1);
  }

  /** Index of the last chunk whose first key is not above `text`, or 0. */
  #chunkFor(text: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (((this.#chunks[middle] as Chunk).texts[0] as string) <= text) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Newest versions in order of their keys. The index must not change meanwhile. */
  * heads(range: KeyRange): Generator<Version, void, undefined> {
    for (let at = this.#chunkFor(range.start); at < this.#chunks.length; at += 1) {
      const { texts, heads } = this.#chunks[at] as Chunk;
      const first = (texts[0] as string) >= range.start ? 0 : lowerBound(texts, range.start);
      for (let index = first; index < texts.length; index += 1) {
        if (range.end !== undefined && (texts[index] as string) >= range.end) return;
        yield heads[index] as Version;
      }
    }
  }

  /** Live keys in the range now: whole chunks are counted by their sum. */
  countLive(range: KeyRange): number {
    let count = 0;
    for (let at = this.#chunkFor(range.start); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] as Chunk;
      const first = chunk.texts[0] as string;
      const last = chunk.texts[chunk.texts.length - 1] as string;
      if (range.end !== undefined && first >= range.end) break;
      const whole = first >= range.start && (range.end === undefined || last < range.end);
      count += whole ? chunk.live : countPart(chunk, range);
    }
    return count;
  }
}

function countPart(chunk: Chunk, range: KeyRange): number {
  let count = 0;
  for (let at = lowerBound(chunk.texts, range.start); at < chunk.texts.length; at += 1) {
    if (range.end !== undefined && (chunk.texts[at] as string) >= range.end) break;
    if ((chunk.heads[at] as Version).version !== 0) count += 1;
  }
  return count;
}

function lowerBound(texts: readonly string[], text: string): number {
  let low = 0;
  let high = texts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((texts[middle] as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
