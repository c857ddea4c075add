import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Watcher, type WatcherItem } from './watcher.ts';

const limit = 100;
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
    const watcher = new Watcher(limit, 0, () => { throw new Error('it was not behind'); });
    const { seen, expected } = play(watcher, plan);
    expect(seen).toEqual(expected);
    expect(watcher.next()).toBeUndefined();
  }), { seed: 5, numRuns: 200 });
});

test('a reader that is always a little behind loses nothing over thousands of events', () => {
  const watcher = new Watcher(limit, 0, () => { throw new Error('it was not behind'); });
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
  const watcher = new Watcher(limit, 0, () => { closed += 1; });
  for (let revision = 1; revision <= limit + 1; revision += 1) watcher.add(bookmark(revision));
  expect([closed, watcher.closed]).toEqual([1, true]);
  expect(watcher.takeNow()?.length).toBe(limit);
  expect(watcher.takeNow()).toBeUndefined();
});
