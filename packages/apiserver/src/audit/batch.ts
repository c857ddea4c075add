import { append } from '@coxswain/host';
import type { Host, TimerHandle } from '@coxswain/host';
import type { AuditBackend, AuditFailures } from './backend.ts';
import type { AuditEvent } from './event.ts';

export interface BatchOptions {
  readonly bufferSize: number;
  readonly maxBatchSize: number;
  readonly maxBatchWaitMs: number;
  /** Batches a second; undefined: as fast as the backend takes them. */
  readonly throttle?: { readonly qps: number; readonly burst: number } | undefined;
  /** How many batches may be under way at once. */
  readonly parallel: number;
}

/** Tokens that come back with time. */
class TokenBucket {
  readonly #qps: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(qps: number, burst: number, nowMs: number) {
    this.#qps = qps;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** How long to wait before going on. */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * this.#qps) - 1;
    this.#atMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#qps) * 1000;
  }
}

/** Mode `batch`: takes events at once, sends them later, and drops (counted) what comes while the buffer is full. */
export class BatchingBackend implements AuditBackend {
  readonly #inner: AuditBackend;
  readonly #options: BatchOptions;
  readonly #host: Host;
  readonly #failures: AuditFailures;
  readonly #bucket: TokenBucket | undefined;
  readonly #buffer: AuditEvent[] = [];
  #timer: TimerHandle | undefined;
  #running = 0;
  #stopping = false;
  readonly #idle: (() => void)[] = [];

  constructor(inner: AuditBackend, options: BatchOptions, host: Host, failures: AuditFailures) {
    this.#inner = inner;
    this.#options = options;
    this.#host = host;
    this.#failures = failures;
    const { throttle } = options;
    this.#bucket = throttle === undefined ? undefined : new TokenBucket(throttle.qps, throttle.burst, host.clock.monotonicMs());
  }

  process(events: readonly AuditEvent[]): Promise<boolean> {
    const free = this.#stopping ? 0 : this.#options.bufferSize - this.#buffer.length;
    append(this.#buffer, events.slice(0, free));
    if (events.length > free) this.#failures.report('buffered', new Error(this.#stopping ? 'audit backend shut down' : 'audit buffer queue blocked'), events.length - free);
    this.#schedule();
    return Promise.resolve(true);
  }

  #schedule(): void {
    while (this.#running < this.#options.parallel && (this.#buffer.length >= this.#options.maxBatchSize || (this.#stopping && this.#buffer.length > 0))) this.#send();
    if (this.#buffer.length === 0 || this.#timer !== undefined) return;
    this.#timer = this.#host.timers.after(this.#options.maxBatchWaitMs, () => {
      this.#timer = undefined;
      if (this.#running < this.#options.parallel) this.#send();
      this.#schedule();
    });
  }

  #send(): void {
    const batch = this.#buffer.splice(0, this.#options.maxBatchSize);
    if (batch.length === 0) return;
    if (this.#buffer.length === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    this.#running += 1;
    void this.#deliver(batch).finally(() => {
      this.#running -= 1;
      this.#schedule();
      if (this.#running === 0 && this.#buffer.length === 0) this.#idle.splice(0).forEach((wake) => wake());
    });
  }

  async #deliver(batch: readonly AuditEvent[]): Promise<void> {
    const waitMs = this.#bucket?.take(this.#host.clock.monotonicMs()) ?? 0;
    if (waitMs > 0) await this.#host.timers.sleep(waitMs);
    await this.#inner.process(batch);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#schedule();
    if (this.#running > 0) await new Promise<void>((resolve) => { this.#idle.push(resolve); });
    await this.#inner.stop();
  }
}
