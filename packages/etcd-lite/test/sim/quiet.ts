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
    const before = process.cpuUsage();
    await sim.run(seconds * 1000);
    const cpu = process.cpuUsage(before);
    const rate = (tookMs: number): number => Math.round((seconds * 1000) / tookMs);
    lines.push(`three quiet members, heartbeat ${heartbeatMs} ms: ${rate(now() - startedMs)} simulated seconds a second, ${rate((cpu.user + cpu.system) / 1000)} a second of processor time`);
    sim.stop();
  }
  return lines;
}
