import { StatusError } from '@coxswain/api';
import type { RequestInfo } from '../types.ts';

const longRunningSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

/** Requests that stay open by nature; they do not count. */
export function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || longRunningSubresources.has(info.subresource);
}

const readVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);

export class InflightLimit {
  readonly #readLimit: number;
  readonly #writeLimit: number;
  #reads = 0;
  #writes = 0;

  /** 0: no limit. */
  constructor(readLimit: number, writeLimit: number) {
    this.#readLimit = readLimit;
    this.#writeLimit = writeLimit;
  }

  get reads(): number {
    return this.#reads;
  }

  get writes(): number {
    return this.#writes;
  }

  /** Answers what to call at the end. Throws 429. The cluster's own administrators always pass. */
  enter(info: RequestInfo, groups: readonly string[]): () => void {
    if (isLongRunning(info)) return () => {};
    const exempt = groups.includes('system:masters');
    if (readVerbs.has(info.verb)) {
      if (!exempt && this.#readLimit > 0 && this.#reads >= this.#readLimit) throw tooManyRequests();
      this.#reads += 1;
      return () => { this.#reads -= 1; };
    }
    if (!exempt && this.#writeLimit > 0 && this.#writes >= this.#writeLimit) throw tooManyRequests();
    this.#writes += 1;
    return () => { this.#writes -= 1; };
  }
}

function tooManyRequests(): StatusError {
  return new StatusError('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
}
