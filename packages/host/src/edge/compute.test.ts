import { expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../bytes.ts';
import { inlineCompute } from '../compute.ts';
import { endless, greedy, refusing, upperCase } from './compute.fixture.ts';
import { createCompute } from './compute.ts';

test('a thread gives what the function gives, and what it refuses, in turn and again', async () => {
  const compute = createCompute({ threads: 1 });
  const [first, second] = await Promise.all(['a', 'b'].map(async (text) => fromUtf8(await compute.run(upperCase, utf8(text)))));
  expect([first, second]).toEqual(['A', 'B']);
  await expect(compute.run(refusing, utf8('more'))).rejects.toThrow('no more');
  expect(fromUtf8(await inlineCompute.run(upperCase, utf8('c')))).toBe('C');
});

test('what takes too long or too much memory is ended, and the next one gets a new thread', async () => {
  const compute = createCompute({ threads: 1, taskMs: 1500, heapMb: 20 });
  await expect(compute.run(endless, utf8('a'))).rejects.toMatchObject({ kind: 'too-much' });
  await expect(compute.run(greedy, utf8('a'))).rejects.toMatchObject({ kind: 'too-much' });
  expect(fromUtf8(await compute.run(upperCase, utf8('d')))).toBe('D');
});

test('no more than so many wait, and who gives up makes room', async () => {
  const compute = createCompute({ threads: 1, waiting: 1, taskMs: 1500 });
  const running = compute.run(endless, utf8('a')).catch((error: unknown) => error);
  const stop = new AbortController();
  const waiting = compute.run(upperCase, utf8('b'), stop.signal);
  await expect(compute.run(upperCase, utf8('c'))).rejects.toMatchObject({ kind: 'full' });
  stop.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  expect(fromUtf8(await compute.run(upperCase, utf8('d')))).toBe('D');
  expect(await running).toMatchObject({ kind: 'too-much' });
});
