import { createHash } from 'node:crypto';
import type { LogFields } from '../log.ts';

/**
 * One line an event: `virtual-ms process event fields`. Two runs of one seed are equal when their digests are;
 * the last lines are kept for a failing run's message.
 */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #nowMs: () => number;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #last: string[] = [];
  #count = 0;

  constructor(nowMs: () => number, onLine?: (line: string) => void) {
    this.#nowMs = nowMs;
    this.#onLine = onLine;
  }

  add(who: string, what: string, message = '', fields: LogFields = {}): void {
    const extra = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))}`;
    const line = `${this.#nowMs().toFixed(3)} ${who} ${what}${message === '' ? '' : ` ${message}`}${extra}`;
    this.#hash.update(`${line}\n`);
    this.#count += 1;
    this.#last.push(line);
    if (this.#last.length > 200) this.#last.shift();
    this.#onLine?.(line);
  }

  get lineCount(): number {
    return this.#count;
  }

  /** Hex SHA-256 over all lines so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** The last lines, oldest first. */
  tail(count = 50): readonly string[] {
    return this.#last.slice(-count);
  }
}
