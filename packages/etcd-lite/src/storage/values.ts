import { DiskError, type Logger, type Timers } from '@coxswain/host';
import type { AbsentKeyValue, Version } from '../mvcc/version.ts';
import { Segment } from './segment.ts';
import { ValueCache } from './value-cache.ts';

/** Values that lie close together are read in one go: the gap that is read in vain, and the most of one read. */
const gapBytes = 4096;
const readBytes = 1024 * 1024;
const retryMs = 200;

interface Wanted {
  readonly segment: Segment;
  readonly ordinal: number;
  readonly crc: number;
  readonly version: Version;
  readonly take: (value: Uint8Array) => void;
}

/** Fetches values that are not in memory. */
export class Values {
  readonly #log: Logger;
  readonly #timers: Timers;
  readonly cache: ValueCache;
  readonly #capacityBytes: number;

  constructor(host: { readonly log: Logger; readonly timers: Timers }, capacityBytes: number) {
    this.#log = host.log;
    this.#timers = host.timers;
    this.cache = new ValueCache(capacityBytes);
    this.#capacityBytes = capacityBytes;
  }

  /**
   * Fills what has no value yet; one that was compacted meanwhile is marked `gone`. To be called in the same turn in which they
   * were read from the store: its files are then kept until this is done. Rejects with StoreCorruption; a disk that fails to read is
   * asked again until it answers.
   */
  async load(absent: readonly AbsentKeyValue[]): Promise<void> {
    const wanted: Wanted[] = [];
    for (const kv of absent) {
      const { source } = kv;
      const { value } = source;
      if (value !== undefined) kv.fill(value);
      else if (source.file instanceof Segment && source.ordinal >= 0) wanted.push(wantedOf(source, (value) => { kv.fill(value); }));
      else kv.gone = true;
    }
    await this.#fetch(wanted, true);
  }

  /** Puts the values of versions back into memory, for a use that follows in the same turn as this resolves. */
  async restore(versions: readonly Version[]): Promise<void> {
    await this.#fetch(versions.filter((version) => !version.hasValue).map((version) => wantedOf(version, (value) => { version.value = value; })), false);
  }

  async #fetch(wanted: Wanted[], mayCache: boolean): Promise<void> {
    const used = new Set(wanted.map(({ segment }) => segment));
    for (const segment of used) segment.retain();
    try {
      wanted.sort((a, b) => a.segment.info.id - b.segment.info.id || a.ordinal - b.ordinal);
      const total = wanted.reduce((sum, { segment, ordinal }) => sum + segment.lengthOf(ordinal), 0);
      const keep = mayCache && total <= this.#capacityBytes / 4;
      for (let from = 0; from < wanted.length;) {
        const to = runEnd(wanted, from);
        await this.#read(wanted.slice(from, to), keep);
        from = to;
      }
    } finally {
      for (const segment of used) segment.release(this.#log);
    }
  }

  async #read(run: readonly Wanted[], keep: boolean): Promise<void> {
    const [first, last] = [run[0] as Wanted, run[run.length - 1] as Wanted];
    const { segment } = first;
    const start = segment.offsetOf(first.ordinal);
    const data = await this.#patiently(segment, start, segment.offsetOf(last.ordinal + 1) - start);
    for (const { ordinal, crc, version, take } of run) {
      const part = data.subarray(segment.offsetOf(ordinal) - start, segment.offsetOf(ordinal + 1) - start);
      segment.check(ordinal, part, crc);
      const value = run.length === 1 ? part : part.slice();
      take(value);
      if (!keep || version.hasValue) continue;
      version.value = value;
      this.cache.admit(version);
    }
  }

  async #patiently(segment: Segment, offset: number, lengthBytes: number): Promise<Uint8Array> {
    for (;;) {
      try {
        return await segment.read(offset, lengthBytes);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        this.#log.warn('a value could not be read yet', { file: segment.path, offset, error: error.message });
        await this.#timers.sleep(retryMs);
      }
    }
  }
}

function wantedOf(version: Version, take: (value: Uint8Array) => void): Wanted {
  return { segment: version.file as Segment, ordinal: version.ordinal, crc: version.crc, version, take };
}

function runEnd(wanted: readonly Wanted[], from: number): number {
  const first = wanted[from] as Wanted;
  let to = from + 1;
  for (; to < wanted.length; to += 1) {
    const [before, next] = [wanted[to - 1] as Wanted, wanted[to] as Wanted];
    if (next.segment !== first.segment) break;
    const { segment } = first;
    if (segment.offsetOf(next.ordinal) - segment.offsetOf(before.ordinal + 1) > gapBytes) break;
    if (segment.offsetOf(next.ordinal + 1) - segment.offsetOf(first.ordinal) > readBytes) break;
  }
  return to;
}
