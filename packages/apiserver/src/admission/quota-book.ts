import { assert } from '@coxswain/host';
import type { JsonObject } from '@coxswain/api';
import { hasCode } from '../live-lookup.ts';
import type { ObjectMutator } from '../types.ts';

export interface Taking {
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** Changes the quota in place, or throws and leaves it as it was. May be called again with a newer state. */
  readonly take: (quota: JsonObject) => void;
}

interface Waiting {
  readonly take: Taking['take'];
  readonly done: (error: unknown) => void;
}

/** Thrown through the mutator when there is nothing to write. */
const nothingTaken = new Error('nothing taken');

/**
 * Requests that want something of the same quota while a write of it is under way wait together for the next write. As many wait as
 * requests may be in flight. A quota that has gone limits nothing.
 */
export class QuotaBook {
  readonly #objects: ObjectMutator;
  /** By namespace/name; there as long as a write is under way. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(objects: ObjectMutator) {
    this.#objects = objects;
  }

  async take({ namespace, name, dryRun, take }: Taking): Promise<void> {
    if (dryRun) {
      await this.#write({ namespace, name }, take, true);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const key = `${namespace}/${name}`;
      const waiting = this.#waiting.get(key);
      const one = { take, done: (error: unknown): void => { if (error === undefined) resolve(); else reject(error as Error); } };
      if (waiting !== undefined) waiting.push(one);
      else {
        this.#waiting.set(key, [one]);
        void this.#work(key, { namespace, name });
      }
    });
  }

  async #write(key: { readonly namespace: string; readonly name: string }, change: (quota: JsonObject) => void, dryRun: boolean): Promise<void> {
    try {
      await this.#objects.mutate('', 'resourcequotas', key, change, { dryRun });
    } catch (error) {
      if (error !== nothingTaken && !hasCode(error, 404)) throw error;
    }
  }

  async #work(id: string, key: { readonly namespace: string; readonly name: string }): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(id);
      assert(batch !== undefined, 'somebody waits for a quota');
      if (batch.length === 0) {
        this.#waiting.delete(id);
        return;
      }
      this.#waiting.set(id, []);
      await this.#serve(batch, key);
    }
  }

  /** Does not reject: each of the batch is told. */
  async #serve(batch: readonly Waiting[], key: { readonly namespace: string; readonly name: string }): Promise<void> {
    let results: unknown[] = [];
    const change = (quota: JsonObject): void => {
      results = batch.map(({ take }) => {
        try {
          take(quota);
          return undefined;
        } catch (error) {
          return error;
        }
      });
      if (results.every((result) => result !== undefined)) throw nothingTaken;
    };
    try {
      await this.#write(key, change, false);
      batch.forEach(({ done }, index) => done(results[index]));
    } catch (error) {
      batch.forEach(({ done }) => done(error));
    }
  }
}
