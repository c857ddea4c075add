import { expect, test } from 'vitest';
import { Simulation } from '@coxswain/host/sim';
import { Silence } from './silence.ts';

const afterMs = 500;

function world(): { readonly sim: Simulation; readonly silence: Silence; readonly toldMs: number[] } {
  const sim = new Simulation({ seed: 1 });
  const { timers } = sim.start('client', 'client').host;
  const toldMs: number[] = [];
  const silence = new Silence({ timers, afterMs, silent: async () => { toldMs.push(sim.nowMs); await timers.sleep(100); } });
  return { sim, silence, toldMs };
}

test('it is told while a call is under way and none ends, one time after the other, and no more when it has ended', async () => {
  const { sim, silence, toldMs } = world();
  silence.began();
  await sim.run(1800);
  expect(toldMs).toEqual([500, 1100, 1700]);
  silence.ended();
  await sim.run(5000);
  expect(toldMs).toHaveLength(3);
});

test('as long as calls end nothing is told, though others have waited longer', async () => {
  const { sim, silence, toldMs } = world();
  silence.began();
  for (let at = 0; at < 20; at += 1) {
    silence.began();
    await sim.run(afterMs / 2);
    silence.ended();
  }
  expect(toldMs).toEqual([]);
  await sim.run(2 * afterMs);
  expect(toldMs).toHaveLength(1);
});

test('nobody waits: nothing is told; nor after it was closed', async () => {
  const { sim, silence, toldMs } = world();
  silence.began();
  silence.ended();
  await sim.run(5000);
  silence.began();
  silence.close();
  await sim.run(5000);
  silence.began();
  await sim.run(5000);
  expect(toldMs).toEqual([]);
});
