import { emptyBytes } from '@coxswain/host';
import type { MvccStore } from '../mvcc/store.ts';
import { pruned, valueOf, type Version } from '../mvcc/version.ts';
import type { SnapshotMeta } from '../raft/types.ts';
import type { StoreManifest } from '../wire/schema.ts';
import { writeManifest } from './manifest.ts';
import type { Segment } from './segment.ts';
import type { IndexCursor } from './segment-format.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { StoreFiles } from './store-files.ts';
import type { ValueCache } from './value-cache.ts';
import { chooseVictims, type RewriteAim } from './victims.ts';

/** Sorted, written or moved in one go before others get a turn. */
const sliceCount = 2048;
const readBytes = 512 * 1024;

/** The state as it is when this is made; the store may go on while it is written. */
export interface Capture {
  readonly meta: SnapshotMeta;
  readonly store: MvccStore;
  readonly revision: number;
  readonly compactRevision: number;
  readonly state: Uint8Array;
  readonly fresh: readonly Version[];
  readonly kept: readonly { readonly segment: Segment; readonly live: Uint8Array | undefined }[];
  readonly victims: readonly { readonly segment: Segment; readonly live: Uint8Array | undefined }[];
}

/** Costs what is new since the last one, and a bit for each value on disk. */
export function capture(files: StoreFiles, store: MvccStore, meta: SnapshotMeta, state: Uint8Array, aim: RewriteAim): Capture {
  const inUse = files.segments.filter((segment) => segment.liveCount > 0);
  const victims = new Set(chooseVictims(inUse, aim, files.options));
  const withBits = (segment: Segment): Capture['kept'][number] => ({ segment, live: segment.liveBits() });
  return {
    meta, store, revision: store.revision, compactRevision: store.compactRevision, state, fresh: store.takeFresh(),
    kept: inUse.filter((segment) => !victims.has(segment)).map(withBits), victims: [...victims].map(withBits),
  };
}

export interface CheckpointResult {
  readonly writtenBytes: number;
  readonly movedCount: number;
}

/**
 * Writes what was captured: new segments with what no segment holds yet and with what is moved out of others, then the manifest.
 * Resolves when it is on disk and the store knows where its values are. On a failure everything is as it was before.
 */
export async function writeCheckpoint(files: StoreFiles, cache: ValueCache, captured: Capture): Promise<CheckpointResult> {
  const run = new CheckpointRun(files);
  let named = false;
  try {
    await run.writeFresh(captured.fresh);
    for (const victim of captured.victims) await run.moveFrom(victim.segment, victim.live);
    const written = await run.finish();
    const manifest = manifestOf(captured, written);
    const data = await writeManifest(files.disk, files.options.directory, manifest, () => { named = true; });
    await run.tellFresh(cache);
    await run.tellMoved(captured.store);
    await files.replace({ manifest, data, segments: [...captured.kept.map(({ segment }) => segment), ...written] });
    return { writtenBytes: written.reduce((sum, { info }) => sum + info.sizeBytes, data.length), movedCount: run.movedCount };
  } catch (error) {
    captured.store.returnFresh(captured.fresh);
    await run.abandon(named);
    throw error;
  }
}

function manifestOf(captured: Capture, written: readonly Segment[]): StoreManifest {
  const { meta, revision, compactRevision, state } = captured;
  const segments = [
    ...captured.kept.map(({ segment, live }) => ({ ...segment.info, live: live ?? emptyBytes })),
    ...written.map(({ info }) => ({ ...info, live: emptyBytes })),
  ];
  return { index: meta.index, term: meta.term, revision, compactRevision, state, segments };
}

interface PlacedMoved { readonly text: string; readonly modRevision: number; readonly from: Segment; readonly fromOrdinal: number; readonly file: number; readonly ordinal: number }

class CheckpointRun {
  readonly #files: StoreFiles;
  #writer: SegmentWriter | undefined;
  readonly #done: Segment[] = [];
  /** New versions in the order in which they were written: which, in which of the files, as what number. */
  readonly #fresh: Version[] = [];
  readonly #freshFiles: number[] = [];
  readonly #freshOrdinals: number[] = [];
  readonly #moved: PlacedMoved[] = [];

  constructor(files: StoreFiles) {
    this.#files = files;
  }

  get movedCount(): number {
    return this.#moved.length;
  }

  /** The one that takes the next value. A promise only if it has to be made. */
  #writerNow(): SegmentWriter | Promise<SegmentWriter> {
    const writer = this.#writer;
    return writer !== undefined && writer.sizeBytes < this.#files.options.maxSegmentBytes ? writer : this.#nextWriter();
  }

  async #nextWriter(): Promise<SegmentWriter> {
    await this.#finishOne();
    const { id, path } = this.#files.nextSegment();
    this.#writer = await SegmentWriter.create(this.#files.disk, path, id);
    return this.#writer;
  }

  async #finishOne(): Promise<void> {
    if (this.#writer === undefined) return;
    const segment = await this.#writer.finish();
    this.#writer = undefined;
    this.#done.push(segment);
  }

  async finish(): Promise<readonly Segment[]> {
    await this.#finishOne();
    return this.#done;
  }

  /** In runs that are sorted by key, which makes them quick to sort when they are read. */
  async writeFresh(versions: readonly Version[]): Promise<void> {
    const subs = { revision: 0, next: 0 };
    for (let from = 0; from < versions.length; from += sliceCount) {
      const slice = versions.slice(from, from + sliceCount).map((version) => ({ version, sub: nextSub(subs, version.modRevision) }));
      slice.sort((a, b) => (a.version.text < b.version.text ? -1 : Number(a.version.text !== b.version.text)) || a.version.modRevision - b.version.modRevision);
      for (const { version, sub } of slice) {
        const value = valueOf(version);
        const { text, createRevision, modRevision, lease, crc } = version;
        const found = this.#writerNow();
        const writer = found instanceof SegmentWriter ? found : await found;
        this.#fresh.push(version);
        this.#freshFiles.push(this.#done.length);
        this.#freshOrdinals.push(writer.count);
        const full = writer.add({ text, createRevision, modRevision, sub, version: version.version, lease, crc, length: value.length }, value);
        if (full !== undefined) await full;
      }
      await this.#files.timers.sleep(0);
    }
  }

  async moveFrom(segment: Segment, live: Uint8Array | undefined): Promise<void> {
    const entries = await segment.entries();
    const isLive = (ordinal: number): boolean => live === undefined || ((live[ordinal >>> 3] as number) & (1 << (ordinal & 7))) !== 0;
    const { count } = segment.info;
    for (let from = 0; from < count;) {
      if (!isLive(from)) {
        entries.skip();
        from += 1;
        continue;
      }
      let to = from + 1;
      while (to < count && to - from < sliceCount && isLive(to) && segment.offsetOf(to + 1) - segment.offsetOf(from) <= readBytes) to += 1;
      await this.#moveRun(segment, entries, from, to);
      from = to;
    }
  }

  async #moveRun(segment: Segment, entries: IndexCursor, from: number, to: number): Promise<void> {
    const start = segment.offsetOf(from);
    const data = await segment.read(start, segment.offsetOf(to) - start);
    for (let ordinal = from; ordinal < to; ordinal += 1) {
      const entry = entries.read();
      const value = data.subarray(segment.offsetOf(ordinal) - start, segment.offsetOf(ordinal + 1) - start);
      segment.check(ordinal, value, entry.crc);
      const found = this.#writerNow();
      const writer = found instanceof SegmentWriter ? found : await found;
      this.#moved.push({ text: entry.text, modRevision: entry.modRevision, from: segment, fromOrdinal: ordinal, file: this.#done.length, ordinal: writer.count });
      const full = writer.add(entry, value);
      if (full !== undefined) await full;
    }
  }

  /** What was dropped meanwhile is in the new segment for nothing. */
  async tellFresh(cache: ValueCache): Promise<void> {
    for (const [at, version] of this.#fresh.entries()) {
      const segment = this.#done[this.#freshFiles[at] as number] as Segment;
      const ordinal = this.#freshOrdinals[at] as number;
      if (version.ordinal === pruned) {
        segment.drop(ordinal);
      } else {
        version.file = segment;
        version.ordinal = ordinal;
        cache.admit(version);
      }
      if (at % sliceCount === sliceCount - 1) await this.#files.timers.sleep(0);
    }
  }

  async tellMoved(store: MvccStore): Promise<void> {
    for (const [at, moved] of this.#moved.entries()) {
      const segment = this.#done[moved.file] as Segment;
      const version = store.find(moved.text, moved.modRevision);
      if (version === undefined || version.file !== moved.from || version.ordinal !== moved.fromOrdinal) {
        segment.drop(moved.ordinal);
      } else {
        version.file = segment;
        version.ordinal = moved.ordinal;
      }
      if (at % sliceCount === sliceCount - 1) await this.#files.timers.sleep(0);
    }
  }

  /** `named`: a manifest may name the files already; then they stay until another one is in its place. */
  async abandon(named: boolean): Promise<void> {
    try {
      if (named) for (const segment of this.#done) segment.release(this.#files.log);
      else for (const segment of this.#done) await segment.remove(this.#files.log);
      await this.#writer?.abandon();
    } catch (error) {
      this.#files.log.warn('what a failed checkpoint has written could not be removed', { error: (error as Error).message });
    }
  }
}

/** Versions come in the order in which they were made, so those of one revision are numbered as they come. */
function nextSub(subs: { revision: number; next: number }, revision: number): number {
  if (subs.revision !== revision) {
    subs.revision = revision;
    subs.next = 0;
  }
  subs.next += 1;
  return subs.next - 1;
}
