export interface Clock {
  /** Wall time, ms since the Unix epoch. May jump in either direction: never measure a duration with it. */
  nowMs(): number;
  /** Never goes back; its zero is arbitrary. Fractions of a ms are kept. */
  monotonicMs(): number;
}

export interface TimerHandle {
  /** Idempotent; after it returns the callback is not called. */
  cancel(): void;
}

export interface Timers {
  /** Calls `callback` once, not before `delayMs`. Delays above 2^31-1 ms are honoured. */
  after(delayMs: number, callback: () => void): TimerHandle;
  /** Resolves after `delayMs`, or at once when `signal` aborts (it never rejects). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** RFC 3339 with whole seconds, as metav1.Time is written. */
export function rfc3339Seconds(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== last.second) last = { second, text: `${new Date(epochMs).toISOString().slice(0, 19)}Z` };
  return last.text;
}

/** Asked for many times within a second. */
let last = { second: Number.NaN, text: '' };

/** RFC 3339 with six digits, as metav1.MicroTime is written. */
export function rfc3339Micros(epochMs: number): string {
  const iso = new Date(epochMs).toISOString();
  return `${iso.slice(0, 23)}000Z`;
}

/** ms since the epoch of an RFC 3339 text; NaN if it is none. */
export function parseRfc3339(text: string): number {
  return Date.parse(text);
}
