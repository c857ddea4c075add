import { randomBelow, utf8, type Host } from '@coxswain/host';
import { createEtcdClient, EtcdError, type EtcdClient, type WatchBatch } from '@coxswain/etcd-lite/client';
import type { Event, WatchRecord, WatchRequest, WatchResponse } from '../checkers/history.ts';
import { kvOf } from './recording-client.ts';

function responseOf(batch: WatchBatch, atMs: number): WatchResponse {
  const events = batch.events.map((event): Event => {
    const kv = kvOf(event.kv);
    return { type: event.type === 'PUT' ? 'put' : 'delete', kv, ...(event.prevKv === undefined ? {} : { prev: kvOf(event.prevKv) }) };
  });
  return { atMs, kind: kindOf(batch), revision: batch.revision, compactRevision: batch.compactRevision ?? 0, events };
}

function kindOf(batch: WatchBatch): WatchResponse['kind'] {
  if (batch.canceled === true) return 'canceled';
  if (batch.created === true) return 'created';
  return batch.events.length > 0 ? 'events' : 'progress';
}

export interface WatcherContext {
  readonly host: Host;
  readonly name: string;
  readonly endpoints: readonly string[];
  readonly records: WatchRecord[];
  /** The greatest revision that anybody has heard of. */
  newest(): number;
}

/** One watch until it ends; what it was told is in the record it answers. */
async function watchOnce(context: WatcherContext, client: EtcdClient, request: WatchRequest, signal: AbortSignal): Promise<WatchRecord> {
  const { host, name, records } = context;
  const record: WatchRecord = { client: name, request, responses: [] };
  records.push(record);
  try {
    const batches = client.watch({
      key: utf8(request.key), ...(request.end === undefined ? {} : { rangeEnd: utf8(request.end) }), startRevision: request.startRevision, prevKv: request.prevKv,
      filters: request.filters, progressNotify: true, signal,
    });
    for await (const batch of batches) {
      const response = responseOf(batch, host.clock.monotonicMs());
      record.responses.push(response);
      host.log.info('watch', { kind: response.kind, revision: response.revision, events: response.events.length });
    }
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    host.log.info('watch broke', { error: error.message });
  }
  return record;
}

function nextRevision(record: WatchRecord, before: number): number {
  const last = record.responses.at(-1);
  if (last?.kind === 'canceled' && last.compactRevision > 0) return last.compactRevision;
  // What a progress notice or an event has told of need not be told again.
  return Math.max(before, ...record.responses.map((one) => (one.kind === 'events' || one.kind === 'progress' ? one.revision + 1 : 0)));
}

/** Follows everything from the first revision on, over any number of broken connections. */
export async function followAll(context: WatcherContext, range: { readonly key: string; readonly end: string }, signal: AbortSignal): Promise<void> {
  const client = createEtcdClient(context.host, { endpoints: context.endpoints });
  let startRevision = 1;
  while (!signal.aborted) {
    startRevision = nextRevision(await watchOnce(context, client, { ...range, startRevision, prevKv: true, filters: [] }, signal), startRevision);
    await context.host.timers.sleep(100, signal);
  }
}

const ranges: readonly { readonly key: string; readonly end?: string }[] = [
  { key: '/', end: '0' }, { key: '/k/', end: '/k0' }, { key: '/registry/pods/', end: '/registry/pods0' }, { key: '/k/0' }, { key: '/k/1' }, { key: '/l/', end: '/l0' },
];

/** Watch after watch, from up to a hundred revisions before or after the newest; each goes on a few times after it broke. */
export async function watchAtRandom(context: WatcherContext, signal: AbortSignal): Promise<void> {
  const { random, timers } = context.host;
  const client = createEtcdClient(context.host, { endpoints: context.endpoints });
  while (!signal.aborted) {
    const range = ranges[randomBelow(random, ranges.length)] as { readonly key: string; readonly end?: string };
    let startRevision = random.float() < 0.2 ? 0 : Math.max(1, context.newest() - 100 + randomBelow(random, 200));
    const prevKv = random.float() < 0.5;
    const filters = random.float() < 0.85 ? [] : [random.float() < 0.5 ? 'no-put' as const : 'no-delete' as const];
    for (let times = randomBelow(random, 3); times >= 0 && !signal.aborted; times -= 1) {
      const stop = new AbortController();
      const timer = timers.after(200 + random.float() * 8000, () => { stop.abort(); });
      const nudge = timers.after(random.float() < 0.3 ? 0.01 : random.float() * 1000, () => { void client.requestProgress(); });
      startRevision = nextRevision(await watchOnce(context, client, { ...range, startRevision, prevKv, filters }, AbortSignal.any([stop.signal, signal])), startRevision);
      timer.cancel();
      nudge.cancel();
      await timers.sleep(random.float() * 100, signal);
    }
  }
}
