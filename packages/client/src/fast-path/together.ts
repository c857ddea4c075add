import { fromUtf8 } from '@coxswain/host';
import { apiErrorOf } from '../api-error.ts';
import type { Client } from '../types.ts';
import { maxFastPathItems, type FastPathAnswer, type FastPathItem } from './messages.ts';
import { writeItems } from './write-items.ts';

const itemsACall = Math.min(200, maxFastPathItems);
/** As many as the server writes together. */
const worthACall = itemsACall / 2;

export interface TogetherOptions<T> {
  readonly itemOf: (one: T) => FastPathItem;
  /** The REST request that the item stands for. */
  readonly single: (one: T) => Promise<void>;
  /** What has the same is in one call as far as it fits, if it was asked for in one turn. */
  readonly groupOf?: (one: T) => string | undefined;
  /** At once, if enough waits for another; what is in different ones may be done in any order. */
  readonly calls?: number;
  /** Of each call; throws if nothing may be written now. */
  readonly headers?: () => Readonly<Record<string, string>>;
}

interface Waiting<T> {
  readonly one: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes of one sort over the server's fast path where it has one: what is asked for in one turn, or while a call runs, goes together. Each
 * resolves or rejects by itself, with the error that its REST request would have had.
 */
export class Together<T> {
  readonly #client: Client;
  readonly #options: TogetherOptions<T>;
  readonly #calls: number;
  #waiting: Waiting<T>[] = [];
  #running = 0;
  #planned = false;
  /** undefined: nobody has asked yet. */
  #hasFastPath: boolean | undefined;

  constructor(client: Client, options: TogetherOptions<T>) {
    this.#client = client;
    this.#options = options;
    this.#calls = options.calls ?? 1;
  }

  write(one: T): Promise<void> {
    if (this.#hasFastPath === false) return this.#options.single(one);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ one, resolve, reject });
      this.#plan();
    });
  }

  get #mayStart(): boolean {
    const { length } = this.#waiting;
    if (this.#running === 0) return length > 0;
    return this.#hasFastPath === true && this.#running < this.#calls && length >= worthACall;
  }

  /** What comes in this turn goes with it. */
  #plan(): void {
    if (this.#planned || !this.#mayStart) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      while (this.#mayStart) this.#start();
    });
  }

  #start(): void {
    this.#running += 1;
    void this.#next().finally(() => {
      this.#running -= 1;
      this.#plan();
    });
  }

  /** Never rejects. */
  async #next(): Promise<void> {
    try {
      this.#hasFastPath ??= (await writeItems(this.#client, [])) !== undefined;
    } catch {
      // Not to be reached now: the writes themselves will say so, and the next one asks again.
    }
    const group = this.#waiting.splice(0, this.#fitting());
    if (this.#hasFastPath === true) await this.#together(group);
    else await this.#singly(group);
  }

  /** How many go with the next call: a group that would be cut goes with the one after it. */
  #fitting(): number {
    const { groupOf } = this.#options;
    const first = this.#waiting[itemsACall];
    const group = first === undefined ? undefined : groupOf?.(first.one);
    if (group === undefined) return itemsACall;
    let end = itemsACall;
    while (end > 0 && groupOf?.((this.#waiting[end - 1] as Waiting<T>).one) === group) end -= 1;
    return end === 0 ? itemsACall : end;
  }

  /** Settles each; never rejects. */
  async #singly(group: readonly Waiting<T>[]): Promise<void> {
    await Promise.all(group.map(({ one, resolve, reject }) => this.#options.single(one).then(resolve, reject)));
  }

  /** Settles each; never rejects. */
  async #together(group: readonly Waiting<T>[]): Promise<void> {
    try {
      const { itemOf, headers } = this.#options;
      const answers = await writeItems(this.#client, group.map(({ one }) => itemOf(one)), { headers: headers?.() ?? {}, refusalsOnly: true });
      if (answers === undefined) {
        // Another server than the one that was asked before: it has done nothing.
        this.#hasFastPath = false;
        await this.#singly(group);
        return;
      }
      if (answers.length !== group.length) throw new Error('the fast path answered something else than was asked');
      group.forEach((waiting, at) => {
        const answer = answers[at] as FastPathAnswer;
        if (answer.code < 300) waiting.resolve();
        else waiting.reject(apiErrorOf(answer.code, fromUtf8(answer.body), undefined));
      });
    } catch (error) {
      for (const waiting of group) waiting.reject(error);
    }
  }
}
