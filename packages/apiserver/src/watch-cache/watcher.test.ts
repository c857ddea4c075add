import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StoredObject } from '../storage/codec.ts';
import { cacheEvent } from './event.ts';
import { Watcher, type WatcherItem } from './watcher.ts';

const limit = 100;
const limits = { events: limit, sizeBytes: 1000 };
const bookmark = (revision: number): WatcherItem => ({ kind: 'bookmark', revision, initialEventsEnd: false });

type Step = { readonly add: number } | { readonly next: number } | 'take';
const steps = fc.array(fc.oneof(
  fc.record({ add: fc.nat(60) }), fc.record({ next: fc.nat(60) }), fc.constant('take' as const),
), { maxLength: 300 });

/** As a plain list that loses its head. */
function play(watcher: Watcher, plan: readonly Step[]): { readonly seen: number[]; readonly expected: number[] } {
  const seen: number[] = [];
  const expected: number[] = [];
  let made = 0;
  for (const step of plan) {
    if (step === 'take') {
      for (const item of watcher.takeNow() ?? []) seen.push((item as { revision: number }).revision);
    } else if ('add' in step) {
      for (let count = 0; count < step.add && made - seen.length < limit; count += 1) {
        watcher.add(bookmark(made += 1));
        expected.push(made);
      }
    } else {
      for (let count = 0; count < step.next; count += 1) {
        const item = watcher.next();
        if (item !== undefined) seen.push((item as { revision: number }).revision);
      }
    }
  }
  for (let item = watcher.next(); item !== undefined; item = watcher.next()) seen.push((item as { revision: number }).revision);
  return { seen, expected };
}

test('what was added comes out once and in order, however it is taken', () => {
  fc.assert(fc.property(steps, (plan) => {
    const watcher = new Watcher(limits, 0, () => { throw new Error('it was not behind'); });
    const { seen, expected } = play(watcher, plan);
    expect(seen).toEqual(expected);
    expect(watcher.next()).toBeUndefined();
  }), { seed: 5, numRuns: 200 });
});

test('a reader that is always a little behind loses nothing over thousands of events', () => {
  const watcher = new Watcher(limits, 0, () => { throw new Error('it was not behind'); });
  watcher.preload(Array.from({ length: 90 }, (_, at) => bookmark(at + 1)));
  let next = 1;
  for (let revision = 91; revision < 20_000; revision += 1) {
    watcher.add(bookmark(revision));
    expect((watcher.next() as { revision: number }).revision).toBe(next);
    next += 1;
  }
});

test('one that is too far behind is ended, and what it has is still handed out', () => {
  let closed = 0;
  const watcher = new Watcher(limits, 0, () => { closed += 1; });
  for (let revision = 1; revision <= limit + 1; revision += 1) watcher.add(bookmark(revision));
  expect([closed, watcher.closed]).toEqual([1, true]);
  expect(watcher.takeNow()?.length).toBe(limit);
  expect(watcher.takeNow()).toBeUndefined();
});

const codec = { encode: () => '{}', decode: () => ({}) };

function large(revision: number, sizeBytes: number): WatcherItem {
  return { kind: 'event', event: cacheEvent('MODIFIED', new StoredObject('/registry/things/a', new Uint8Array(sizeBytes), revision, codec), undefined) };
}

test('few but large events end it too, and what it has is still handed out', () => {
  const watcher = new Watcher({ events: 1000, sizeBytes: 1000 }, 0, () => undefined);
  watcher.add(large(1, 5000));
  expect(watcher.closed).toBe(false);
  expect(watcher.next()).toBeDefined();
  watcher.add(large(2, 999));
  watcher.add(large(3, 999));
  expect(watcher.closed).toBe(false);
  watcher.add(large(4, 1));
  expect(watcher.closed).toBe(true);
  expect(watcher.takeNow()?.length).toBe(2);
  expect(watcher.takeNow()).toBeUndefined();
});

test('the sizes of what was there when the watch began do not count, however it is taken', () => {
  fc.assert(fc.property(fc.array(fc.nat(600), { maxLength: 30 }), fc.array(fc.oneof({ weight: 10, arbitrary: fc.record({ size: fc.nat(600) }) }, { weight: 6, arbitrary: fc.constant('next' as const) }, { weight: 1, arbitrary: fc.constant('take' as const) }), { maxLength: 100 }), (before, plan) => {
    const watcher = new Watcher({ events: 1e9, sizeBytes: 2000 }, 0, () => undefined);
    watcher.preload(before.map((size) => large(1, size)));
    let waiting = before.map((size) => ({ size, counts: false }));
    let closed = false;
    for (const step of plan) {
      if (step === 'take') {
        watcher.takeNow();
        waiting = [];
      } else if (step === 'next') {
        watcher.next();
        waiting = waiting.slice(1);
      } else {
        closed ||= waiting.reduce((sum, { size, counts }) => sum + (counts ? size : 0), 0) >= 2000;
        watcher.add(large(2, step.size));
        if (!closed) waiting = [...waiting, { size: step.size, counts: true }];
      }
      expect(watcher.closed).toBe(closed);
    }
  }), { seed: 7, numRuns: 100 });
});
