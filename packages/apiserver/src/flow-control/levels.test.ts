import type { JsonObject } from '@coxswain/api';
import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { priorityLevels } from '../bootstrap/flow-control-objects.ts';
import { allocate } from './allocation.ts';
import { workOf } from './estimate.ts';
import { Levels, levelSpec } from './levels.ts';
import { RetryAfter } from './retry-after.ts';
import { requestInfoOf } from '../request-info/request-info.ts';
import { WatchCounts } from './watch-counts.ts';

const specs = (priorityLevels as readonly unknown[] as readonly JsonObject[]).map(levelSpec);

test('levels share 600 seats as the original does', () => {
  const sim = new Simulation({ seed: 1 });
  const levels = new Levels(600, sim.start('a', 'a').host);
  const more = levelSpec({ metadata: { name: 'more' }, spec: { type: 'Limited', limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' } } } });
  levels.configure([...specs, more]);
  // apiserver_flowcontrol_{nominal,lower,upper}_limit_seats of a kube-apiserver 1.32.2 with one level of five shares besides its own.
  expect(Object.fromEntries(levels.all.map((level) => [level.spec.name, [level.nominal, level.min, level.max]]))).toEqual({
    'catch-all': [12, 12, 612], exempt: [0, 0, 600], 'global-default': [48, 24, 648], 'leader-election': [24, 24, 624], 'node-high': [96, 72, 696], system: [72, 48, 672],
    'workload-high': [96, 48, 696], 'workload-low': [240, 24, 840], more: [12, 12, 612],
  });
});

test('who needs seats borrows those that others lend, and gives them back', async () => {
  const sim = new Simulation({ seed: 2 });
  const { host } = sim.start('a', 'a');
  const levels = new Levels(600, host);
  levels.configure(specs);
  const low = levels.get('global-default');
  const before = low?.queues.limit ?? 0;
  const arrival = { schema: 's', distinguisher: '', work: { initialSeats: 1, finalSeats: 0, lingerMs: 0 }, waitMs: 60_000, signal: new AbortController().signal };
  const starts = Array.from({ length: 300 }, (_, n) => Promise.resolve(low?.queues.start({ ...arrival, distinguisher: String(n) })));
  await sim.runUntil(host.timers.sleep(10_000), 20_000, 'a period');
  levels.adjust();
  expect(low?.queues.limit).toBeGreaterThan(before * 2);
  expect(low?.queues.limit).toBeLessThanOrEqual(low?.max ?? 0);
  const sum = levels.all.reduce((all, level) => all + (level.spec.limiting.kind === 'exempt' ? 0 : level.queues.limit), 0);
  expect(Math.abs(sum - 602)).toBeLessThanOrEqual(levels.all.length);
  for (const level of levels.all) expect(level.queues.limit).toBeGreaterThanOrEqual(level.min);
  for (const start of starts) {
    const begun = await sim.runUntil(start, 100, 'its turn');
    if (begun?.kind === 'execute') begun.finish();
  }
  for (let period = 0; period < 400; period += 1) {
    await sim.runUntil(host.timers.sleep(10_000), 20_000, 'a period');
    levels.adjust();
  }
  expect(low?.queues.limit).toBeLessThan(before * 2);
});

test('an allocation keeps to bounds and adds up', () => {
  expect(allocate(10, [{ lowerBound: 0, upperBound: 10, target: 1 }, { lowerBound: 0, upperBound: 10, target: 3 }])?.seats.map(Math.round)).toEqual([3, 8]);
  expect(allocate(10, [{ lowerBound: 4, upperBound: 10, target: 4 }, { lowerBound: 0, upperBound: 10, target: 12 }])?.seats.map(Math.round)).toEqual([4, 6]);
  expect(allocate(10, [{ lowerBound: 0, upperBound: 2, target: 5 }, { lowerBound: 0, upperBound: 10, target: 5 }])?.seats.map(Math.round)).toEqual([2, 8]);
  expect(allocate(10, [{ lowerBound: 6, upperBound: 8, target: 6 }, { lowerBound: 6, upperBound: 8, target: 6 }])).toBeUndefined();
});

test.each([
  ['/api/v1/pods', 1000, 10], ['/api/v1/pods', 250, 3], ['/api/v1/pods', undefined, 1], ['/api/v1/namespaces/a/pods/b', 1000, 1], ['/api/v1/pods?watch=1', 1000, 1],
  ['/api/v1/pods?watch=1&sendInitialEvents=true', 450, 5], ['/api/v1/pods?limit=100&continue=x', 1000, 2], ['/api/v1/pods?limit=100&continue=x&labelSelector=a', 450, 6],
  ['/api/v1/pods?limit=100&resourceVersion=0', 450, 5], ['/api/v1/pods?resourceVersion=7&resourceVersionMatch=Exact', 250, 5],
])('GET %s with %s objects takes %i seats', (target, objects, seats) => {
  expect(workOf(requestInfoOf('GET', target), undefined, { objects: () => objects, watchers: () => 0 }).initialSeats).toBe(seats);
});

test('a write that is told to many watchers takes more', () => {
  const watches = new WatchCounts();
  const ends = Array.from({ length: 45 }, () => watches.register(requestInfoOf('GET', '/api/v1/namespaces/a/configmaps?watch=1')));
  watches.register(requestInfoOf('GET', '/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn'));
  const write = (target: string, max?: number): object => workOf(requestInfoOf('PUT', target), max, { objects: () => undefined, watchers: (info) => watches.interested(info) });
  expect(write('/api/v1/namespaces/a/configmaps/x')).toEqual({ initialSeats: 1, finalSeats: 5, lingerMs: 5 });
  expect(write('/api/v1/namespaces/a/configmaps/x', 2)).toEqual({ initialSeats: 1, finalSeats: 2, lingerMs: 12.5 });
  expect(write('/api/v1/namespaces/b/configmaps/x')).toEqual({ initialSeats: 1, finalSeats: 0, lingerMs: 0 });
  ends.forEach((end) => end());
  expect(write('/api/v1/namespaces/a/configmaps/x')).toEqual({ initialSeats: 1, finalSeats: 0, lingerMs: 0 });
});

test('a change concerns who watches all, its namespace, its name, and nobody of another resource', () => {
  const watches = new WatchCounts();
  const targets = ['/api/v1/configmaps?watch=1', '/api/v1/namespaces/a/configmaps?watch=1', '/api/v1/watch/namespaces/a/configmaps/x', '/api/v1/namespaces/a/secrets?watch=1'];
  const ends = targets.map((target) => watches.register(requestInfoOf('GET', target)));
  const interested = (target: string): number => watches.interested(requestInfoOf('PUT', target));
  const all = (): readonly number[] => ['/api/v1/namespaces/a/configmaps/x', '/api/v1/namespaces/a/configmaps/y', '/api/v1/namespaces/b/configmaps/x', '/api/v1/namespaces/a/pods/x'].map(interested);
  expect(all()).toEqual([3, 2, 1, 0]);
  ends[0]?.();
  expect(all()).toEqual([2, 1, 0, 0]);
  for (const end of ends.slice(1)) end();
  expect(all()).toEqual([0, 0, 0, 0]);
});

test('refused clients are told to wait longer while many are refused', () => {
  const retry = new RetryAfter(0);
  const said: number[] = [];
  for (let second = 0; second < 12; second += 1) {
    for (let n = 0; n < 100; n += 1) retry.record(second * 1000);
    said.push(retry.seconds);
  }
  expect(said[0]).toBe(1);
  expect(said.at(-1)).toBe(8);
  for (let second = 12; second < 200; second += 10) retry.record(second * 1000);
  expect(retry.seconds).toBe(1);
});
