import { expect, test } from 'vitest';
import type { ClusterEvent } from '../../framework/events.ts';
import { AwaitedVictims } from './awaited-victims.ts';

const gone = (uid: string): ClusterEvent => ({ resource: 'AssignedPod', actions: ['Delete'], before: { metadata: { uid } }, after: undefined });

test('the going of a victim helps nobody before the last has gone, and that of others is none of its business', () => {
  const awaited = new AwaitedVictims();
  const there = new Set(['a', 'b']);
  awaited.expect('p', ['a', 'b']);
  const still = (pod: string, uid: string): boolean => awaited.stillFor(pod, gone(uid), (victim) => there.has(victim));
  there.delete('a');
  expect([still('p', 'a'), still('p', 'x'), still('q', 'a')]).toEqual([true, false, false]);
  expect(awaited.stillFor('p', { ...gone('a'), resource: 'Node' }, () => true)).toBe(false);
  there.delete('b');
  // The first one's event may be judged late.
  expect([still('p', 'b'), still('p', 'a')]).toEqual([false, false]);
  there.add('a');
  awaited.forget('p');
  expect(still('p', 'a')).toBe(false);
});
