import { DiskError, type DiskErrorKind, type Host } from '@coxswain/host';
import type { Wal, WalBatch } from '../wal/index.ts';

/** A disk that is full, read-only or failing may come back: the member waits for it. Anything else ends the member. */
const passing: Readonly<Record<DiskErrorKind, boolean>> = {
  'no-space': true, 'read-only': true, io: true, 'not-found': false, exists: false, permission: false, 'not-empty': false,
};
const retryMs = 250;

/** The log, and how its disk does. */
export class LogWriter {
  readonly #host: Host;
  readonly #wal: Wal;
  #startedMs: number | undefined;
  #failure: DiskError | undefined;

  constructor(host: Host, wal: Wal) {
    this.#host = host;
    this.#wal = wal;
  }

  /** Nothing may be promised before something was written, be it nothing at all. */
  get settled(): boolean {
    return this.#wal.settled;
  }

  /** How long something has been waiting for the disk; Infinity if the disk refuses it. */
  get waitingMs(): number {
    if (this.#failure !== undefined) return Number.POSITIVE_INFINITY;
    return this.#startedMs === undefined ? 0 : this.#host.clock.monotonicMs() - this.#startedMs;
  }

  /** True: it is on disk. False: not now, after a while; the same must be written again, and more may be added to it. */
  async write(batch: WalBatch): Promise<boolean> {
    this.#startedMs = this.#host.clock.monotonicMs();
    try {
      await this.#wal.append(batch);
      if (this.#failure !== undefined) this.#host.log.info('the write-ahead log can be written again');
      this.#failure = undefined;
      return true;
    } catch (error) {
      if (!(error instanceof DiskError) || !passing[error.kind]) throw error;
      if (this.#failure?.kind !== error.kind) this.#host.log.error('the write-ahead log cannot be written: this member does not lead and acknowledges nothing until it can', { file: error.path, error: error.message });
      this.#failure = error;
      await this.#host.timers.sleep(retryMs);
      return false;
    } finally {
      this.#startedMs = undefined;
    }
  }

  /** What cannot be removed now is removed with the next snapshot. */
  async purge(index: number): Promise<void> {
    try {
      await this.#wal.purge(index);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#host.log.warn('old segments of the write-ahead log could not be removed', { file: error.path, error: error.message });
    }
  }
}
