import type { Entry, FlowRequest } from '../flow-control/flow-control.ts';
import type { RequestInfo } from '../types.ts';

const longRunningSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

/** Requests that stay open by nature; they do not count. */
export function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || longRunningSubresources.has(info.subresource);
}

const readVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);

/** What stands between authentication and work, and says at once or after a wait who may begin. */
export interface Admittance {
  enter(request: FlowRequest): Entry | Promise<Entry>;
}

const tooMany: Entry = { kind: 'reject', headers: {}, retryAfterSeconds: 1 };

/** --enable-priority-and-fairness=false: two plain limits, without any queue. */
export class InflightLimit implements Admittance {
  readonly #readLimit: number;
  readonly #writeLimit: number;
  #reads = 0;
  #writes = 0;

  /** 0: no limit. */
  constructor(readLimit: number, writeLimit: number) {
    this.#readLimit = readLimit;
    this.#writeLimit = writeLimit;
  }

  /** The cluster's own administrators always pass. */
  enter({ info, user }: FlowRequest): Entry {
    if (isLongRunning(info)) return passing;
    const exempt = user.groups.includes('system:masters');
    if (readVerbs.has(info.verb)) {
      if (!exempt && this.#readLimit > 0 && this.#reads >= this.#readLimit) return tooMany;
      this.#reads += 1;
      return { kind: 'execute', headers: {}, finish: () => { this.#reads -= 1; } };
    }
    if (!exempt && this.#writeLimit > 0 && this.#writes >= this.#writeLimit) return tooMany;
    this.#writes += 1;
    return { kind: 'execute', headers: {}, finish: () => { this.#writes -= 1; } };
  }
}

/** For requests that nobody counts. */
export const passing: Entry = { kind: 'execute', headers: {}, finish: () => {} };
