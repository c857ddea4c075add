import type { Event, Kv, Operation, Outcome, Request, Step, WatchRecord, WatchRequest, WatchResponse } from './history.ts';

/** Short ways to write histories down by hand. */
export const kv = (key: string, value: string, mod: number, create = mod, version = 1, lease = ''): Kv => ({ key, value, create, mod, version, lease });

type Times = readonly [callMs: number, returnMs: number];

function operation([callMs, returnMs]: Times, request: Request, outcome: Outcome, client = 'c'): Operation {
  return { client, callMs, returnMs, request, outcome };
}

const single = (step: Step, serializable = false): Request => ({ kind: 'txn', compare: [], success: [step], failure: [], serializable });
const unknown: Outcome = { kind: 'unknown' };

/** `revision` undefined: its outcome is unknown. */
export function put(times: Times, key: string, value: string, revision: number | undefined, lease = ''): Operation {
  return operation(times, single({ type: 'put', key, value, lease }), revision === undefined ? unknown : { kind: 'ok', revision, succeeded: true, answers: [{ type: 'put' }] });
}

export function remove(times: Times, key: string, revision: number | undefined, deleted = 1): Operation {
  return operation(times, single({ type: 'delete', key }), revision === undefined ? unknown : { kind: 'ok', revision, succeeded: true, answers: [{ type: 'delete', deleted }] });
}

export function get(times: Times, key: string, found: Kv | undefined, revision: number, options: { readonly at?: number; readonly stale?: boolean; readonly member?: string } = {}): Operation {
  const answer = { type: 'range' as const, kvs: found === undefined ? [] : [found], count: found === undefined ? 0 : 1 };
  const made = operation(times, single({ type: 'range', key, revision: options.at ?? 0, limit: 0 }, options.stale), { kind: 'ok', revision, succeeded: true, answers: [answer] });
  return options.member === undefined ? made : { ...made, member: options.member };
}

export function refused(times: Times, at: number, reason: 'compacted' | 'future-revision'): Operation {
  return operation(times, single({ type: 'range', key: 'a', revision: at, limit: 0 }), { kind: 'refused', reason });
}

/** Puts if the key was changed last at `mod`, else reads it. */
export function cas(times: Times, key: string, mod: number, value: string, outcome: { readonly revision: number } | { readonly revision: number; readonly found: readonly Kv[] }): Operation {
  const request: Request = {
    kind: 'txn', compare: [{ key, target: 'mod', result: 'equal', value: mod }], success: [{ type: 'put', key, value, lease: '' }],
    failure: [{ type: 'range', key, revision: 0, limit: 0 }], serializable: false,
  };
  const answers = 'found' in outcome ? [{ type: 'range' as const, kvs: outcome.found, count: outcome.found.length }] : [{ type: 'put' as const }];
  return operation(times, request, { kind: 'ok', revision: outcome.revision, succeeded: !('found' in outcome), answers });
}

export function compact(times: Times, revision: number, outcome: 'ok' | 'unknown' = 'ok'): Operation {
  return operation(times, { kind: 'compact', revision }, outcome === 'ok' ? { kind: 'ok', revision, succeeded: true, answers: [] } : unknown);
}

export function leaseOp(times: Times, kind: 'lease-grant' | 'lease-keep', lease: string, ttlMs: number, gone = false): Operation {
  return operation(times, { kind, lease, ttlMs }, gone ? { kind: 'refused', reason: 'lease-not-found' } : { kind: 'ok', revision: 1, succeeded: true, answers: [] });
}

export const putEvent = (made: Kv, prev?: Kv): Event => ({ type: 'put', kv: made, ...(prev === undefined ? {} : { prev }) });
export const deleteEvent = (key: string, mod: number, prev?: Kv): Event => ({ type: 'delete', kv: { key, value: '', create: 0, mod, version: 0, lease: '' }, ...(prev === undefined ? {} : { prev }) });

const response = (kind: WatchResponse['kind'], revision: number, events: readonly Event[] = [], compactRevision = 0): WatchResponse => ({ atMs: 1000, kind, revision, compactRevision, events });
export const created = (revision: number): WatchResponse => response('created', revision);
export const events = (...some: readonly Event[]): WatchResponse => response('events', some.at(-1)?.kv.mod ?? 0, some);
export const progress = (revision: number): WatchResponse => response('progress', revision);
export const compactedAt = (revision: number): WatchResponse => response('canceled', revision, [], revision);

export function watch(request: Partial<WatchRequest>, ...responses: readonly WatchResponse[]): WatchRecord {
  return { client: 'w', request: { key: 'a', end: 'z', startRevision: 1, prevKv: false, filters: [], ...request }, responses: [...responses] };
}
