import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { SyncRunner } from './sync-runner.ts';

interface World { readonly sim: Simulation; readonly runner: SyncRunner; readonly starts: number[]; fail: boolean }

function world(minPeriodMs: number, tookMs: number): World {
  const sim = new Simulation({ seed: 1 });
  const { host } = sim.start('m', 'proxy');
  const starts: number[] = [];
  let running = 0;
  const made: World = { sim, starts, fail: false, runner: new SyncRunner(host, minPeriodMs, async () => {
    starts.push(sim.nowMs);
    running += 1;
    expect(running).toBe(1);
    await host.timers.sleep(tookMs);
    running -= 1;
    if (made.fail) throw new Error('no');
  }, () => undefined) };
  void made.runner.run(new AbortController().signal);
  return made;
}

test('requests of one moment are one run, requests during a run one more', async () => {
  const { sim, runner, starts } = world(0, 10);
  for (let i = 0; i < 5; i += 1) runner.request();
  await sim.run(5);
  for (let i = 0; i < 5; i += 1) runner.request();
  await sim.run(100);
  expect(starts).toHaveLength(2);
});

test('the least time between runs is kept', async () => {
  const { sim, runner, starts } = world(1000, 0);
  for (let i = 0; i < 30; i += 1) {
    runner.request();
    await sim.run(100);
  }
  expect(starts.length).toBeGreaterThanOrEqual(3);
  for (const [i, atMs] of starts.entries()) if (i > 0) expect(atMs - (starts[i - 1] as number)).toBeGreaterThanOrEqual(1000);
});

test('a failed run is tried again by itself, and told while it lasts', async () => {
  const made = world(0, 0);
  made.fail = true;
  made.runner.request();
  await made.sim.run(1000);
  expect(made.starts.length).toBeGreaterThan(1);
  expect(made.runner.problem).toBe('no');
  made.fail = false;
  await made.sim.run(60_000, () => made.runner.problem === undefined);
  expect(made.runner.problem).toBeUndefined();
});
