import { Simulation } from '@coxswain/host/sim';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWorkQueue } from './work-queue.ts';

test('a key is never worked on twice at once, and every add is followed by a sync that starts after it', async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('add', 'after', 'limited'), fc.integer({ min: 0, max: 20 })), { maxLength: 60, size: 'max' });
  await fc.assert(fc.asyncProperty(steps, async (list) => {
    const sim = new Simulation({ seed: 7 });
    const { host } = sim.start('m', 'p');
    const queue = createWorkQueue(host);
    const working = new Set<string>();
    const lastAdd = new Map<string, number>();
    const lastStart = new Map<string, number>();
    let order = 0;
    const worker = async (): Promise<void> => {
      for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
        if (working.has(key)) throw new Error(`${key} is worked on twice`);
        working.add(key);
        lastStart.set(key, order += 1);
        await host.timers.sleep(5);
        working.delete(key);
        queue.done(key);
      }
    };
    const workers = [worker(), worker()];
    for (const [key, how, delayMs] of list) {
      lastAdd.set(key, order += 1);
      if (how === 'add') queue.add(key);
      else if (how === 'after') queue.addAfter(key, delayMs);
      else queue.addRateLimited(key);
      await sim.run(delayMs);
    }
    // The longest back-off here is 5 ms · 2^60, which the cap of 1000 s bounds.
    await sim.run(1_100_000);
    for (const [key, added] of lastAdd) expect(lastStart.get(key) ?? 0).toBeGreaterThan(added);
    queue.shutDown();
    await sim.runUntil(Promise.all(workers), 100, 'the workers end');
  }), { seed: 5, numRuns: 40 });
});

test('back-off doubles from 5 ms and forget starts it anew', async () => {
  const sim = new Simulation({ seed: 1 });
  const { host } = sim.start('m', 'p');
  const queue = createWorkQueue(host);
  const delays: number[] = [];
  for (let i = 0; i < 4; i += 1) {
    const startMs = sim.nowMs;
    queue.addRateLimited('k');
    await sim.runUntil(queue.next(), 1000, 'key');
    delays.push(sim.nowMs - startMs);
    queue.done('k');
    if (i === 2) queue.forget('k');
  }
  expect(delays).toEqual([5, 10, 20, 5]);
});

test('a key waiting is held once', async () => {
  const sim = new Simulation({ seed: 1 });
  const queue = createWorkQueue(sim.start('m', 'p').host);
  queue.add('k');
  queue.add('k');
  expect(queue.size).toBe(1);
  expect(await queue.next()).toBe('k');
  queue.add('k');
  expect(queue.size).toBe(0);
  queue.done('k');
  expect(queue.size).toBe(1);
});
