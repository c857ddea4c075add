import { fromUtf8, utf8, type Host } from '@coxswain/host';
import { EtcdError, type EtcdClient, type WatchEvent } from '@coxswain/etcd-lite/client';
import { expect } from 'vitest';
import { findViolation, type Operation, type RegisterOp } from './linearizable.ts';

export const keys = ['r/a', 'r/b', 'r/c', 'r/d'];
export const range = { key: utf8('r/'), rangeEnd: utf8('r0') };

export interface Recorded extends Operation { readonly key: string; readonly revision: number | undefined }
export interface Told { readonly revision: number; readonly key: string; readonly value: string | undefined }

const told = (event: WatchEvent): Told => ({ revision: event.kv.modRevision, key: fromUtf8(event.kv.key), value: event.type === 'PUT' ? fromUtf8(event.kv.value) : undefined });

/** One client that reads, writes and swaps at random and writes down what it was told, and when. */
export class Worker {
  readonly history: Recorded[] = [];
  readonly #host: Host;
  readonly #client: EtcdClient;
  readonly #name: string;
  #count = 0;

  constructor(host: Host, client: EtcdClient, name: string) {
    this.#host = host;
    this.#client = client;
    this.#name = name;
  }

  async run(untilMs: number): Promise<void> {
    const { random, clock, timers } = this.#host;
    let seen = 'none';
    while (clock.monotonicMs() < untilMs) {
      const key = keys[random.uint32() % keys.length] as string;
      this.#count += 1;
      const value = `${this.#name}.${this.#count}`;
      const dice = random.float();
      if (dice < 0.4) await this.#record(key, () => ({ kind: 'write', value }), async () => (await this.#client.put({ key: utf8(key), value: utf8(value) })).revision);
      else if (dice < 0.75) {
        let result: string | undefined;
        await this.#record(key, () => ({ kind: 'read', result }), async () => {
          const kv = (await this.#client.range({ key: utf8(key) })).kvs[0];
          result = kv === undefined ? undefined : fromUtf8(kv.value);
          seen = result ?? seen;
          return undefined;
        });
      } else await this.#swap(key, seen, value);
      await timers.sleep(random.float() * 40);
    }
  }

  async #swap(key: string, expected: string, value: string): Promise<void> {
    let succeeded = false;
    await this.#record(key, () => ({ kind: 'cas', expected, value, succeeded }), async () => {
      const result = await this.#client.txn({
        compare: [{ key: utf8(key), target: 'value', value: utf8(expected), result: 'equal' }], success: [{ type: 'put', key: utf8(key), value: utf8(value) }], failure: [],
      });
      ({ succeeded } = result);
      return succeeded ? result.revision : undefined;
    });
  }

  async #record(key: string, op: () => RegisterOp, act: () => Promise<number | undefined>): Promise<void> {
    const callMs = this.#host.clock.monotonicMs();
    const id = this.#count;
    try {
      const revision = await act();
      this.history.push({ id, key, op: op(), callMs, returnMs: this.#host.clock.monotonicMs(), revision });
      this.#host.log.info('done', { key, ...op(), revision });
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      this.#host.log.info('failed', { key, ...op(), error: error.message, unknown: error.outcomeUnknown });
      // A failed read says nothing; a failed write may have been done unless the client is sure.
      if (op().kind !== 'read' && error.outcomeUnknown) this.history.push({ id, key, op: op(), callMs, returnMs: Number.POSITIVE_INFINITY, revision: undefined });
    }
  }
}

/** Watches from the beginning and, when the stream breaks, from after what it has seen. */
export async function watchAll(client: EtcdClient, host: Host, seen: Told[], signal: AbortSignal): Promise<void> {
  let next = 1;
  while (!signal.aborted) {
    try {
      for await (const batch of client.watch({ ...range, startRevision: next, signal })) {
        if (batch.canceled === true) throw new Error(`the watch was cancelled (compacted at ${batch.compactRevision})`);
        seen.push(...batch.events.map(told));
        if (batch.events.length > 0) next = batch.revision + 1;
      }
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      host.log.info('watch broke', { error: error.message, next });
      await host.timers.sleep(100);
    }
  }
}

/** The cluster may still be looking for a leader. */
async function lastWrite(client: EtcdClient): Promise<number> {
  for (;;) {
    try {
      return (await client.put({ key: utf8('r/end'), value: utf8('end') })).revision;
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    }
  }
}

/** Every change from the first revision on, from a fresh watch. */
export async function readTruth(client: EtcdClient): Promise<{ readonly events: readonly Told[] }> {
  const revision = await lastWrite(client);
  const events: Told[] = [];
  for await (const batch of client.watch({ ...range, startRevision: 1, signal: new AbortController().signal })) {
    events.push(...batch.events.map(told));
    if ((events[events.length - 1]?.revision ?? 0) >= revision) return { events };
  }
  throw new Error('the watch ended');
}

export function check(history: readonly Recorded[], seen: readonly Told[], truth: readonly Told[], explain: () => string): void {
  // The long-lived watch: each change once, in order, none missing, whatever broke in between.
  expect(seen, explain()).toEqual(truth);
  // No acknowledged write is lost: at its revision stands what was written.
  const byRevision = new Map(truth.map((one) => [one.revision, one]));
  for (const { key, op, revision } of history) {
    if (revision !== undefined && op.kind !== 'read') expect(byRevision.get(revision), `${explain()}\nwrite of ${op.value}`).toEqual({ revision, key, value: op.value });
  }
  for (const key of keys) {
    const violation = findViolation(history.filter((one) => one.key === key));
    expect(violation, `${key} is not linearizable\n${JSON.stringify(violation?.slice(-12), undefined, 1)}`).toBeUndefined();
  }
}
