import type { Client } from '../types.ts';
import { writeItems } from './write-items.ts';
import type { FastPathAnswer, FastPathItem } from './messages.ts';
import { requestBefore, requestOf, type RestRequest } from './rest-request.ts';

export interface ItemWriterOptions {
  /** Calls that run at once. */
  readonly calls?: number;
  readonly itemsACall?: number;
  /** Answers of what went well may come without their bodies. */
  readonly refusalsOnly?: boolean;
  /** Requests that run at once where the server has no fast path. */
  readonly requests?: number;
}

interface Waiting {
  readonly item: FastPathItem;
  readonly resolve: (answer: FastPathAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes items many to a call where the server has a fast path, else each as the REST request that it stands for. What comes while
 * all calls are under way waits, unbounded: callers have at most one item for an object here. No order between items.
 * An item resolves with the server's answer, whatever its code, and rejects when the server was not reached or could not say.
 */
export class ItemWriter {
  readonly #client: Client;
  readonly #calls: number;
  readonly #itemsACall: number;
  readonly #requests: number;
  readonly #refusalsOnly: boolean;
  #waiting: Waiting[] = [];
  #running = 0;
  #scheduled = false;
  #hasFastPath: boolean | undefined;

  constructor(client: Client, { calls = 4, itemsACall = 100, requests = 64, refusalsOnly = false }: ItemWriterOptions = {}) {
    this.#client = client;
    this.#calls = calls;
    this.#itemsACall = itemsACall;
    this.#requests = requests;
    this.#refusalsOnly = refusalsOnly;
  }

  write(item: FastPathItem): Promise<FastPathAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // What is written in the same turn goes together.
      queueMicrotask(() => { this.#scheduled = false; this.#start(); });
    });
  }

  #start(): void {
    if (this.#waiting.length === 0) return;
    if (this.#hasFastPath === undefined) {
      if (this.#running === 0) this.#track(this.#ask());
      return;
    }
    const atOnce = this.#hasFastPath ? this.#calls : this.#requests;
    const each = this.#hasFastPath ? this.#itemsACall : 1;
    while (this.#running < atOnce && this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, each);
      this.#track(this.#hasFastPath ? this.#together(group) : this.#single(group[0] as Waiting));
    }
  }

  /** Of something that never rejects. */
  #track(work: Promise<void>): void {
    this.#running += 1;
    void work.finally(() => {
      this.#running -= 1;
      this.#start();
    });
  }

  async #ask(): Promise<void> {
    try {
      this.#hasFastPath = (await writeItems(this.#client, [])) !== undefined;
    } catch (error) {
      for (const one of this.#waiting.splice(0)) one.reject(error);
    }
  }

  async #single({ item, resolve, reject }: Waiting): Promise<void> {
    const request = requestOf(item);
    if (request === undefined) { reject(new Error('the item says nothing')); return; }
    try {
      const before = requestBefore(item);
      const first = before === undefined ? undefined : await this.#request(before);
      resolve(first === undefined || first.code < 300 ? await this.#request(request) : first);
    } catch (error) {
      reject(error);
    }
  }

  async #request({ method, target, contentType, body }: RestRequest): Promise<FastPathAnswer> {
    const { status, body: answer } = await this.#client.raw({ method, target, headers: { 'content-type': contentType, accept: 'application/json' }, body });
    return { code: status, body: answer };
  }

  async #together(group: readonly Waiting[]): Promise<void> {
    try {
      const answers = await writeItems(this.#client, group.map(({ item }) => item), { refusalsOnly: this.#refusalsOnly });
      if (answers === undefined) {
        // Another server than the one that was asked before: it has done nothing.
        this.#hasFastPath = false;
        this.#waiting = [...group, ...this.#waiting];
        return;
      }
      if (answers.length !== group.length) throw new Error('the fast path answered something else than was asked');
      group.forEach(({ resolve }, at) => { resolve(answers[at] as FastPathAnswer); });
    } catch (error) {
      for (const one of group) one.reject(error);
    }
  }
}
