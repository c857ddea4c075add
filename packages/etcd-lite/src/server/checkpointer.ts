import { DiskError, type Host, type TimerHandle } from '@coxswain/host';
import { encodeState } from '../machine/snapshot.ts';
import type { Machine } from '../machine/machine.ts';
import type { SnapshotMeta } from '../raft/index.ts';
import { capture, writeCheckpoint, type StoreFiles, type Values } from '../storage/index.ts';
import { chooseVictims, type RewriteAim } from '../storage/victims.ts';

export interface CheckpointerDeps {
  readonly files: StoreFiles;
  readonly values: Values;
  machine(): Machine;
  /** The last entry that is in the state, with its term. */
  applied(): SnapshotMeta | undefined;
  /** A checkpoint is durable. */
  taken(snapshot: SnapshotMeta): void;
  /** A file is not what was written: this member must not go on. */
  damaged(error: unknown): void;
}

export interface CheckpointerOptions {
  /** Entries between two checkpoints. */
  readonly snapshotCount: number;
  /** Bytes of new keys and values after which one is written earlier. */
  readonly checkpointBytes: number;
  /** Rest between two steps of defragmentation in the background. */
  readonly defragmentPauseMs: number;
}

/** After a failure: the disk may have space again by then. */
const retryMs = 5000;
const heldMs = 50;

/**
 * When the state goes to disk: after so many entries, or so many bytes of new values. Segments that are mostly garbage are rewritten
 * along with it, a little at a time, with rests between. Nothing waits for a checkpoint; there is one at a time.
 */
export class Checkpointer {
  readonly #host: Host;
  readonly #deps: CheckpointerDeps;
  readonly #options: CheckpointerOptions;
  #lastIndex: number;
  #running: Promise<void> | undefined;
  #notBeforeMs = 0;
  #timer: TimerHandle | undefined;
  #held = false;
  #stopped = false;

  constructor(host: Host, deps: CheckpointerDeps, options: CheckpointerOptions) {
    this.#host = host;
    this.#deps = deps;
    // A state that is not on disk in this form is written soon.
    this.#lastIndex = deps.files.meta?.index ?? 0;
    this.#options = options;
  }

  /** To be called after entries were applied. */
  applied(index: number): void {
    const { store } = this.#deps.machine();
    if (index - this.#lastIndex < this.#options.snapshotCount && store.freshBytes < this.#options.checkpointBytes) return;
    if (this.#host.clock.monotonicMs() >= this.#notBeforeMs) void this.#run({ kind: 'worthwhile' });
  }

  /** Segments may have become garbage. */
  tidyLater(): void {
    if (this.#timer !== undefined || this.#stopped || chooseVictims(this.#deps.files.segments, { kind: 'worthwhile' }, this.#deps.files.options).length === 0) return;
    this.#timer = this.#host.timers.after(this.#options.defragmentPauseMs, () => {
      this.#timer = undefined;
      if (this.#host.clock.monotonicMs() >= this.#notBeforeMs) void this.#run({ kind: 'worthwhile' });
      else this.tidyLater();
    });
  }

  /** Resolves when no segment that is there now has garbage. Rejects if the disk does not let it. */
  async defragment(): Promise<void> {
    await this.#running;
    const { files } = this.#deps;
    const upToId = files.segments.reduce((most, segment) => Math.max(most, segment.info.id), 0);
    const aim: RewriteAim = { kind: 'everything', upToId };
    while (!this.#stopped && chooseVictims(files.segments, aim, files.options).length > 0) {
      if (this.#running === undefined) {
        const startMs = this.#host.clock.monotonicMs();
        const error = await this.#run(aim);
        if (error !== undefined) throw error;
        // As long as it took: requests have half of the time to themselves.
        await this.#host.timers.sleep(Math.min(this.#host.clock.monotonicMs() - startMs, this.#options.defragmentPauseMs));
      } else {
        await this.#running;
      }
    }
  }

  /** Resolves when the state on disk has everything that was applied when this was called. Rejects if the disk does not let it. */
  async complete(): Promise<void> {
    const wanted = this.#deps.applied()?.index ?? 0;
    while (!this.#stopped && this.#lastIndex < wanted) {
      if (this.#held) await this.#host.timers.sleep(heldMs);
      if (this.#running === undefined) {
        const error = await this.#run({ kind: 'worthwhile' });
        if (error !== undefined) throw error;
      } else {
        await this.#running;
      }
    }
  }

  /** Answers why it failed, if it did. */
  #run(aim: RewriteAim): Promise<unknown> {
    if (this.#running !== undefined || this.#held || this.#stopped) return Promise.resolve(undefined);
    const applied = this.#deps.applied();
    if (applied === undefined) return Promise.resolve(undefined);
    const outcome = this.#write(applied, aim);
    this.#running = outcome.then(() => { this.#running = undefined; });
    return outcome;
  }

  async #write(meta: SnapshotMeta, aim: RewriteAim): Promise<unknown> {
    const { files, values } = this.#deps;
    const startMs = this.#host.clock.monotonicMs();
    const isNew = meta.index > this.#lastIndex;
    const machine = this.#deps.machine();
    const captured = capture(files, machine.store, meta, encodeState(machine), aim);
    try {
      const { writtenBytes, movedCount } = await writeCheckpoint(files, values.cache, captured);
      if (this.#stopped) return undefined;
      this.#lastIndex = meta.index;
      if (isNew) this.#deps.taken(meta);
      this.#host.log.info('checkpoint written', {
        index: meta.index, values: captured.fresh.length, moved: movedCount, writtenBytes, segments: files.segments.length, ms: Math.round(this.#host.clock.monotonicMs() - startMs),
      });
      queueMicrotask(() => { this.tidyLater(); });
      return undefined;
    } catch (error) {
      this.#failed(meta, error);
      return error;
    }
  }

  /** The log is whole: without a checkpoint it only stays longer. */
  #failed(meta: SnapshotMeta, error: unknown): void {
    if (this.#stopped) return;
    this.#host.log.error('the checkpoint failed', { index: meta.index, error: (error as Error).message });
    if (!(error instanceof DiskError)) this.#deps.damaged(error);
    this.#notBeforeMs = this.#host.clock.monotonicMs() + retryMs;
    this.#timer ??= this.#host.timers.after(retryMs, () => {
      this.#timer = undefined;
      void this.#run({ kind: 'worthwhile' });
    });
  }

  /** While `action` replaces the state, none is written. `index` is what is on disk afterwards. */
  async hold(action: () => Promise<number>): Promise<void> {
    this.#held = true;
    try {
      await this.#running;
      this.#lastIndex = await action();
    } finally {
      this.#held = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}
