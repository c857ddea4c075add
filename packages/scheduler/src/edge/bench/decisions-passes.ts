import { startDecisions } from './decisions.ts';
import { runRounds, runWorkload } from './run.ts';
import type { Sample } from './sample.ts';
import { middleOf } from './statistics.ts';
import { canDrain, canGoAgain, isPaced, needsOf, type Workload } from './workloads.ts';

const enoughSeconds = 1;
/** Preemption waits more than it works. */
const enoughMs = 4000;
const maxPasses = 15;

export async function pass(workload: Workload, idleMs: number): Promise<Sample> {
  const target = await startDecisions(needsOf(workload));
  try {
    return await runWorkload(target, workload, { drain: canDrain(workload), idleMs });
  } finally {
    await target.close();
  }
}

/**
 * The middle one by rate of an odd number of passes that take a second of processor time together, or fifteen: of two thousand pods in an eighth of a second
 * one says nothing. Where it can, one cluster is filled once for all of them.
 */
export async function repetition(workload: Workload, idleMs: number): Promise<Sample> {
  if (isPaced(workload)) return pass(workload, idleMs);
  const samples: Sample[] = [];
  let seconds = 0;
  const untilMs = performance.now() + enoughMs;
  const isEnough = (): boolean => samples.length >= maxPasses || (samples.length % 2 === 1 && (seconds >= enoughSeconds || performance.now() >= untilMs));
  while (!isEnough()) {
    const target = await startDecisions(needsOf(workload));
    try {
      for await (const sample of runRounds(target, workload, { drain: canDrain(workload), idleMs })) {
        samples.push(sample);
        seconds += sample.processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
        if (isEnough() || !canGoAgain(workload)) break;
      }
    } finally {
      await target.close();
    }
  }
  return middleOf(samples, ({ podsPerSecond }) => podsPerSecond);
}

/** As long as a repetition, so that compiling is over and the heap has its size. What events set the pace of does not become faster. */
export async function warmUp(workload: Workload, idleMs: number): Promise<void> {
  if (!isPaced(workload)) await repetition(workload, idleMs);
}
