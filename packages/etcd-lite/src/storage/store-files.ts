import { assert, type Disk, type Logger, type Timers } from '@coxswain/host';
import type { SnapshotMeta } from '../raft/types.ts';
import type { StoreManifest } from '../wire/schema.ts';
import { StoreCorruption } from './corruption.ts';
import { encodeManifest, manifestMeta, manifestName, readManifest, segmentId, segmentName } from './manifest.ts';
import { Segment } from './segment.ts';
import type { SegmentEntry } from './segment-format.ts';
import { garbageBytes, type RewriteOptions } from './victims.ts';

export interface StoreFilesOptions extends RewriteOptions {
  readonly directory: string;
}

export const storeDefaults = { maxSegmentBytes: 32 * 1024 * 1024, rewriteBytes: 4 * 1024 * 1024 } as const;

/** A state on disk that is open. */
interface OpenState {
  readonly manifest: StoreManifest;
  readonly data: Uint8Array;
  readonly segments: readonly Segment[];
}

/** What the log knows, by which the right one of the states on disk is chosen. */
export interface LogReach {
  readonly snapshot: SnapshotMeta;
  /** Undefined: not in the log. */
  readonly termOf: (index: number) => number | undefined;
}

/** A state as it is sent: the manifest and the segments it names, kept until `close`. */
export interface ExportedState {
  readonly manifest: StoreManifest;
  readonly data: Uint8Array;
  readonly segments: readonly Segment[];
  close(): void;
}

/** The files of one member's store: which there are, which are needed, which are open. */
export class StoreFiles {
  readonly disk: Disk;
  readonly log: Logger;
  readonly timers: Timers;
  readonly options: StoreFilesOptions;
  #state: OpenState | undefined;
  #nextId = 1;
  /** States that were received and not (yet) taken over. */
  readonly #received = new Map<string, StoreManifest>();

  private constructor(disk: Disk, log: Logger, timers: Timers, options: StoreFilesOptions) {
    this.disk = disk;
    this.log = log;
    this.timers = timers;
    this.options = options;
  }

  static async open(host: { readonly disk: Disk; readonly log: Logger; readonly timers: Timers }, options: StoreFilesOptions): Promise<StoreFiles> {
    const files = new StoreFiles(host.disk, host.log, host.timers, options);
    // A full disk is no reason not to start.
    if (!await host.disk.exists(options.directory)) await host.disk.makeDirectory(options.directory, { mode: 0o700 });
    for (const name of await host.disk.list(options.directory)) {
      files.#nextId = Math.max(files.#nextId, (segmentId(name) ?? 0) + 1);
      if (name.endsWith('.part')) await files.removeFile(name);
    }
    return files;
  }

  get segments(): readonly Segment[] {
    return this.#state?.segments ?? [];
  }

  /** The state on disk; undefined: none yet. */
  get meta(): SnapshotMeta | undefined {
    return this.#state === undefined ? undefined : { index: this.#state.manifest.index, term: this.#state.manifest.term };
  }

  get sizeBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.info.sizeBytes, this.#state?.data.length ?? 0);
  }

  get garbageBytes(): number {
    return this.segments.reduce((sum, segment) => sum + garbageBytes(segment), 0);
  }

  nextSegment(): { readonly id: number; readonly path: string } {
    const id = this.#nextId;
    this.#nextId += 1;
    return { id, path: `${this.options.directory}/${segmentName(id)}` };
  }

  /**
   * The newest state that the log goes on from. One beyond the log was received but never taken over. Rejects with StoreCorruption
   * if the log begins with a state that is not here.
   */
  async choose({ snapshot, termOf }: LogReach): Promise<StoreManifest | undefined> {
    const metas = (await this.disk.list(this.options.directory)).map(manifestMeta).filter((meta) => meta !== undefined);
    const usable = metas.filter((meta) => meta.index === snapshot.index ? meta.term === snapshot.term : meta.index > snapshot.index && termOf(meta.index) === meta.term);
    const newest = usable.toSorted((a, b) => b.index - a.index);
    let damage: unknown;
    for (const meta of newest) {
      try {
        return await readManifest(this.disk, this.options.directory, manifestName(meta));
      } catch (error) {
        if (!(error instanceof StoreCorruption)) throw error;
        this.log.error('a manifest of the store is damaged', { error: error.message });
        damage ??= error;
      }
    }
    if (damage !== undefined) throw damage;
    return undefined;
  }

  /** Opens a state; `onEntry` is called for each value in it. It becomes the current one with `replace`. */
  async openState(manifest: StoreManifest, onEntry: (entry: SegmentEntry, ordinal: number, segment: Segment) => void): Promise<OpenState> {
    const segments: Segment[] = [];
    try {
      for (const info of manifest.segments) {
        segments.push(await Segment.open(this.disk, `${this.options.directory}/${segmentName(info.id)}`, info, info.live.length === 0 ? undefined : info.live.slice(), onEntry));
      }
    } catch (error) {
      for (const segment of segments) segment.release(this.log);
      throw error;
    }
    return { manifest, data: encodeManifest(manifest), segments };
  }

  /** `state` is on disk: it is the current one, and what only older ones need goes. */
  async replace(state: OpenState): Promise<void> {
    const before = this.#state;
    this.#state = state;
    for (const [key, { index }] of this.#received) if (index <= state.manifest.index) this.#received.delete(key);
    const kept = new Set(state.segments);
    for (const segment of before?.segments ?? []) if (!kept.has(segment)) await segment.remove(this.log);
    await this.removeUnneeded();
  }

  /** Files that neither the current state nor a received one needs. Nothing may be under way that writes new ones. */
  async removeUnneeded(): Promise<void> {
    assert(this.#state !== undefined, 'there is no state yet');
    const needed = new Set<string>();
    for (const manifest of [this.#state.manifest, ...this.#received.values()]) {
      needed.add(manifestName(manifest));
      for (const { id } of manifest.segments) needed.add(segmentName(id));
    }
    for (const name of this.#receiving) needed.add(name);
    // Manifests first: none may be left without its segments.
    for (const name of (await this.#names()).toSorted((a, b) => Number(b.endsWith('.manifest')) - Number(a.endsWith('.manifest')))) {
      if (needed.has(name) || !(name.endsWith('.segment') || name.endsWith('.manifest'))) continue;
      await this.removeFile(name);
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await this.disk.list(this.options.directory);
    } catch (error) {
      this.log.warn('the files of the store could not be listed', { error: (error as Error).message });
      return [];
    }
  }

  /** A file that is left over costs only its space, and is found again at the next start. */
  async removeFile(name: string): Promise<void> {
    try {
      await this.disk.remove(`${this.options.directory}/${name}`);
    } catch (error) {
      this.log.warn('an old file of the store could not be removed', { name, error: (error as Error).message });
    }
  }

  /** Segments that a transfer is writing. */
  readonly #receiving = new Set<string>();
  #endTransfer: ((error: Error) => void) | undefined;
  #transfer: Promise<void> = Promise.resolve();

  /**
   * One transfer at a time: a new one ends the one before, which may have stood still for long. `ended` rejects when that happens
   * to this one; `done` must be called in any case.
   */
  async beginTransfer(): Promise<{ readonly ended: Promise<never>; readonly done: () => void }> {
    this.#endTransfer?.(new Error('another transfer has begun'));
    const before = this.#transfer;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    const done = Promise.withResolvers<void>();
    this.#endTransfer = ended.reject;
    this.#transfer = done.promise;
    await before;
    return { ended: ended.promise, done: done.resolve };
  }

  receiving(segment: string): void {
    this.#receiving.add(segment);
  }

  /** A transfer is complete and its manifest is about to get its name. */
  received(segments: readonly string[], manifest: StoreManifest): void {
    this.notReceived(segments);
    this.#received.set(manifestName(manifest), manifest);
  }

  notReceived(segments: readonly string[]): void {
    for (const name of segments) this.#receiving.delete(name);
  }

  /** Whether a state as new as that is here already: then its manifest must stay as it is. */
  isHere({ index, term }: SnapshotMeta): boolean {
    return (this.#state?.manifest.index ?? 0) >= index || this.#received.has(manifestName({ index, term }));
  }

  receivedState(meta: SnapshotMeta): StoreManifest | undefined {
    return this.#received.get(manifestName(meta));
  }

  /** Undefined: there is no state yet. */
  exportState(): ExportedState | undefined {
    const state = this.#state;
    if (state === undefined) return undefined;
    for (const segment of state.segments) segment.retain();
    let open = true;
    return {
      ...state,
      close: () => {
        if (open) for (const segment of state.segments) segment.release(this.log);
        open = false;
      },
    };
  }

  /** At the end of the member. */
  close(): void {
    for (const segment of this.segments) segment.release(this.log);
    this.#state = undefined;
  }
}

export type { OpenState };
