import { utf8 } from '@coxswain/host';
import type { RequestTrace } from '../tracing/request-trace.ts';
import type { BodyNotes, RequestNotes, WrittenChange } from '../types.ts';

const maxWarningsBytes = 4096;

/** Kept while one request is served. Its functions may be handed on by themselves. */
export class Notes implements RequestNotes {
  readonly auditId: string;
  readonly trace: RequestTrace | undefined;
  bodies: BodyNotes | undefined;
  wrote: ((change: WrittenChange) => void) | undefined;
  /** Few requests have one. */
  #warnings: Set<string> | undefined;
  readonly #annotations = new Map<string, string>();
  #warningsBytes = 0;

  constructor(auditId: string, trace?: RequestTrace) {
    this.auditId = auditId;
    this.trace = trace;
  }

  /** No more than clients can take. */
  readonly warn = (text: string): void => {
    if (text === '' || this.#warnings?.has(text) === true) return;
    this.#warningsBytes += utf8(text).length;
    if (this.#warningsBytes > maxWarningsBytes) return;
    (this.#warnings ??= new Set()).add(text);
  };

  readonly annotate = (key: string, value: string): void => {
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  };

  get annotations(): ReadonlyMap<string, string> {
    return this.#annotations;
  }

  /** RFC 7234 Warning values with upstream's code. */
  warningHeaders(): readonly string[] {
    if (this.#warnings === undefined) return [];
    return [...this.#warnings].map((text) => `299 - "${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll(/\p{Cc}/gu, ' ')}"`);
  }
}
