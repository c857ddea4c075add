import { Simulation } from '@coxswain/host/sim';
import { makePlan } from './plan.ts';
import { SupervisedCluster } from './supervised-cluster.ts';

/** How many simulated seconds of three members without clients pass in a real one. */
export async function measureQuiet(seconds: number): Promise<readonly string[]> {
  const now = Date.now.bind(Date);
  const lines: string[] = [];
  for (const [heartbeatMs, electionMs] of [[100, 1000], [29, 271]] as const) {
    const plan = makePlan(1, { members: 3, faults: new Map(), heartbeatMs, electionMs });
    const sim = new Simulation({ seed: 1 });
    const cluster = new SupervisedCluster(sim, plan);
    cluster.startAll();
    await sim.run(10_000, () => cluster.leader() !== undefined);
    await sim.run(5000);
    const startedMs = now();
    await sim.run(seconds * 1000);
    lines.push(`three quiet members, heartbeat ${heartbeatMs} ms: ${Math.round((seconds * 1000) / (now() - startedMs))} simulated seconds a second`);
    sim.stop();
  }
  return lines;
}
