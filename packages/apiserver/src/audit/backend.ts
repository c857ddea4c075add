import type { Counter } from '@coxswain/service';
import type { Logger } from '@coxswain/host';
import { describeError } from '../transport/describe-error.ts';
import type { AuditEvent } from './event.ts';

/** Where events go. Never rejects: what is lost is counted and said. */
export interface AuditBackend {
  /** False: not all of them were kept. */
  process(events: readonly AuditEvent[]): Promise<boolean>;
  /** Resolves when everything that was taken is through or given up. */
  stop(): Promise<void>;
}

/** A log that is full fails a thousand times a second: it is said once in a while, and counted always. */
const sayAgainMs = 10_000;

export class AuditFailures {
  readonly #counter: Counter;
  readonly #log: Logger;
  readonly #nowMs: () => number;
  readonly #saidAtMs = new Map<string, number>();
  readonly #lost = new Map<string, number>();

  constructor(counter: Counter, log: Logger, nowMs: () => number) {
    this.#counter = counter;
    this.#log = log;
    this.#nowMs = nowMs;
  }

  report(plugin: string, error: unknown, events: number): void {
    this.#counter.inc({ plugin }, events);
    const lost = (this.#lost.get(plugin) ?? 0) + events;
    this.#lost.set(plugin, lost);
    const nowMs = this.#nowMs();
    if (nowMs - (this.#saidAtMs.get(plugin) ?? -sayAgainMs) < sayAgainMs) return;
    this.#saidAtMs.set(plugin, nowMs);
    this.#log.error('Audit events were lost', { plugin, lost, error: describeError(error) });
  }
}

export function unionBackend(backends: readonly AuditBackend[]): AuditBackend {
  const [only] = backends;
  if (only !== undefined && backends.length === 1) return only;
  return {
    async process(events) {
      const kept = await Promise.all(backends.map((backend) => backend.process(events)));
      return kept.every(Boolean);
    },
    async stop() {
      await Promise.all(backends.map((backend) => backend.stop()));
    },
  };
}

/** Mode `blocking`: a request waits for its events but does not fail with them. `blocking-strict` is the backend itself. */
export function ignoringErrors(inner: AuditBackend): AuditBackend {
  return {
    async process(events) {
      await inner.process(events);
      return true;
    },
    stop: () => inner.stop(),
  };
}
