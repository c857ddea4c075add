import type { Simulation, SimulatedProcess } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { defaultLeaderElection, runLeaderElection } from './leader-election.ts';
import { fakeServerWorld, type FakeApiServer } from './testing/index.ts';

interface World { readonly sim: Simulation; readonly server: FakeApiServer; readonly leaders: Set<string>; readonly most: () => number; readonly candidate: (name: string) => { readonly process: SimulatedProcess; readonly stop: AbortController; readonly ended: Promise<void> } }

async function world(seed: number): Promise<World> {
  const { sim, server, beside } = await fakeServerWorld(seed);
  const leaders = new Set<string>();
  let most = 0;
  return {
    sim, server, leaders, most: () => most,
    candidate: (name) => {
      const { process, host, client } = beside(name);
      process.onKill.add(() => leaders.delete(name));
      const stop = new AbortController();
      const ended = runLeaderElection(host, client, {
        namespace: 'kube-system', leaseName: 'test', identity: name, ...defaultLeaderElection,
        lead: (signal) => new Promise((resolve) => {
          leaders.add(name);
          most = Math.max(most, leaders.size);
          const end = (): void => { leaders.delete(name); resolve(); };
          if (signal.aborted) end();
          signal.addEventListener('abort', end, { once: true });
        }),
      }, stop.signal);
      return { process, stop, ended };
    },
  };
}

test('a killed leader is followed by another one after its lease has run out, not before', async () => {
  const { sim, leaders, most, candidate } = await world(1);
  const first = candidate('a');
  await sim.run(10_000, () => leaders.has('a'));
  candidate('b');
  await sim.run(30_000);
  expect([...leaders]).toEqual(['a']);
  sim.kill(first.process);
  const killedMs = sim.nowMs;
  expect(await sim.run(60_000, () => leaders.has('b'))).toBe(true);
  // 15 s of lease less up to one retry period since its last renewal.
  expect(sim.nowMs - killedMs).toBeGreaterThan(12_900);
  expect(sim.nowMs - killedMs).toBeLessThan(15_000 + 2.2 * 2000 + 100);
  expect(most()).toBe(1);
});

test('a leader that is cut off stops leading before anyone else starts', async () => {
  const { sim, leaders, most, candidate } = await world(2);
  const first = candidate('a');
  await sim.run(10_000, () => leaders.has('a'));
  candidate('b');
  await sim.run(5_000);
  sim.cut('a', 'server');
  expect(await sim.run(60_000, () => leaders.has('b'))).toBe(true);
  expect(most()).toBe(1);
  await sim.runUntil(first.ended, 60_000, 'the old leader ends');
});

test('a leader that is told to stop gives its lease back at once', async () => {
  const { sim, server, leaders, candidate } = await world(3);
  const first = candidate('a');
  await sim.run(10_000, () => leaders.has('a'));
  candidate('b');
  await sim.run(5_000);
  first.stop.abort();
  expect(await sim.run(4_500, () => leaders.has('b'))).toBe(true);
  const lease = server.store.get({ group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-system', name: 'test' });
  // Given back (''), then taken by b: two changes of holder.
  expect((lease['spec'] as { leaseTransitions: number }).leaseTransitions).toBe(1);
});
