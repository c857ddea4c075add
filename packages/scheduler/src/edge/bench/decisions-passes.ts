import { startDecisions } from './decisions.ts';
import { runWorkload } from './run.ts';
import type { Sample } from './sample.ts';
import { middleOf } from './statistics.ts';
import { canDrain, isPaced, needsOf, type Workload } from './workloads.ts';

const enoughSeconds = 1;
/** Preemption waits more than it works. */
const enoughMs = 4000;
const maxPasses = 7;

export async function pass(workload: Workload, idleMs: number): Promise<Sample> {
  const target = await startDecisions(needsOf(workload));
  try {
    return await runWorkload(target, workload, { drain: canDrain(workload), idleMs });
  } finally {
    await target.close();
  }
}

/** The middle one by rate of an odd number of passes that take a second of processor time together, or seven: of two thousand pods in an eighth of a second one says nothing. */
export async function repetition(workload: Workload, idleMs: number): Promise<Sample> {
  const samples: Sample[] = [];
  let seconds = 0;
  if (isPaced(workload)) return pass(workload, idleMs);
  const untilMs = performance.now() + enoughMs;
  while (samples.length < maxPasses && ((seconds < enoughSeconds && performance.now() < untilMs) || samples.length % 2 === 0)) {
    const sample = await pass(workload, idleMs);
    samples.push(sample);
    seconds += sample.processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }
  return middleOf(samples, ({ podsPerSecond }) => podsPerSecond);
}

/** As long as a repetition, so that compiling is over and the heap has its size. What events set the pace of does not become faster. */
export async function warmUp(workload: Workload, idleMs: number): Promise<void> {
  if (!isPaced(workload)) await repetition(workload, idleMs);
}
