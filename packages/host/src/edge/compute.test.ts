import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fromUtf8, utf8 } from '../bytes.ts';
import { inlineCompute, type Compute } from '../compute.ts';
import { endless, greedy, refusing, upperCase } from './compute.fixture.ts';
import { createCompute } from './compute.ts';

// How long a thread takes to start is not what is tried here.
beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); });
afterEach(() => { vi.useRealTimers(); });

test('a thread gives what the function gives, and what it refuses, in turn and again', async () => {
  const compute = createCompute({ threads: 1 });
  const [first, second] = await Promise.all(['a', 'b'].map(async (text) => fromUtf8(await compute.run(upperCase, utf8(text)))));
  expect([first, second]).toEqual(['A', 'B']);
  await expect(compute.run(refusing, utf8('more'))).rejects.toThrow('no more');
  expect(fromUtf8(await inlineCompute.run(upperCase, utf8('c')))).toBe('C');
});

/** Runs until its time has passed, which begins to pass when it runs. */
async function runEndlessly(compute: Compute): Promise<void> {
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const ended = expect(compute.run(endless, new Uint8Array(begun.buffer))).rejects.toMatchObject({ kind: 'too-much', message: 'it took longer than 1500 ms' });
  await Atomics.waitAsync(begun, 0, 0).value;
  vi.advanceTimersByTime(1500);
  await ended;
}

test('what takes too long or too much memory is ended, and the next one gets a new thread', async () => {
  const compute = createCompute({ threads: 1, taskMs: 1500, heapMb: 20 });
  await runEndlessly(compute);
  await expect(compute.run(greedy, utf8('a'))).rejects.toMatchObject({ kind: 'too-much', message: expect.stringContaining('memory') as string });
  expect(fromUtf8(await compute.run(upperCase, utf8('d')))).toBe('D');
});

test('no more than so many wait, and who gives up makes room', async () => {
  const compute = createCompute({ threads: 1, waiting: 1, taskMs: 1500 });
  const running = runEndlessly(compute);
  const stop = new AbortController();
  const waiting = compute.run(upperCase, utf8('b'), stop.signal);
  await expect(compute.run(upperCase, utf8('c'))).rejects.toMatchObject({ kind: 'full' });
  stop.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  expect(fromUtf8(await compute.run(upperCase, utf8('d')))).toBe('D');
  await running;
});
