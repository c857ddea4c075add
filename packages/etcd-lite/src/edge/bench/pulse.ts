import type { ClientTls } from '@coxswain/host';
import { putTemplate, setKey } from './requests.ts';
import { LeanConnection } from './wire/connection.ts';

const everyMs = 5;
const valueBytes = 16;

/** A write to each member every few milliseconds, answered or not; the longest time without an answered one is what clients would feel. */
export class Pulse {
  readonly #endpoints: readonly string[];
  readonly #tls: ClientTls | undefined;
  readonly #lines = new Map<string, LeanConnection | 'connecting'>();
  readonly #template = putTemplate('pulse/', valueBytes);
  #timer: NodeJS.Timeout | undefined;
  #number = 0;
  #lastMs = 0;
  #longestMs = 0;
  #answered = 0;

  constructor(endpoints: readonly string[], tls: ClientTls | undefined) {
    this.#endpoints = endpoints;
    this.#tls = tls;
  }

  /** Resolves at the first answered write. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => { this.#beat(); }, everyMs);
    await this.more(50);
    this.mark();
  }

  /** Counts pauses from now on. */
  mark(): void {
    this.#lastMs = performance.now();
    this.#longestMs = 0;
  }

  get longestMs(): number {
    return Math.max(this.#longestMs, performance.now() - this.#lastMs);
  }

  /** So many writes answered from now on. */
  async more(count: number): Promise<void> {
    const until = this.#answered + count;
    while (this.#answered < until) await new Promise((resolve) => { setTimeout(resolve, everyMs); });
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const line of this.#lines.values()) if (line !== 'connecting') line.close();
  }

  #beat(): void {
    for (const endpoint of this.#endpoints) {
      const line = this.#lines.get(endpoint);
      if (line === 'connecting') continue;
      if (line === undefined || line.closed) this.#connect(endpoint);
      else this.#write(line);
    }
  }

  #connect(endpoint: string): void {
    this.#lines.set(endpoint, 'connecting');
    // A member that is down refuses; the next beat tries again.
    LeanConnection.connect(endpoint, this.#tls).then((line) => { this.#lines.set(endpoint, line); }, () => { this.#lines.delete(endpoint); });
  }

  #write(line: LeanConnection): void {
    this.#number += 1;
    setKey(this.#template, this.#number % 1000);
    line.call(this.#template.path, this.#template.bytes, {
      message: () => undefined,
      end: (ok) => { if (ok) this.#ack(); },
    }, true);
  }

  #ack(): void {
    const nowMs = performance.now();
    this.#answered += 1;
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}
