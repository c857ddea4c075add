import { setTimeout } from 'node:timers/promises';
import type { Placement } from './placement.ts';
import { countsSince, eventsIn, type RequestCounts } from './requests.ts';
import type { Percentiles } from './statistics.ts';
import type { Target, WatchedProcess } from './target.ts';

export interface ProcessUse { readonly name: string; readonly cpuSeconds: number; readonly cpuMsPerPod: number; readonly residentMb: number }

/** What was measured of a workload once. */
export interface Sample {
  readonly pods: number;
  /** So many of them were bound before the clock was started, see `warmUpOf`. Rate and processor time are of the others. */
  readonly warmUp?: number;
  /** From the first creation to the last binding; of a drained queue from when the scheduler goes on, or if it is started anew, from the end of the warm-up. */
  readonly seconds: number;
  readonly podsPerSecond: number;
  /** With the warm-up, from the first binding. */
  readonly coldPodsPerSecond?: number;
  readonly bySecond: readonly number[];
  /** undefined for a drained queue, whose pods waited for the scheduler, and for pods that waited for an event. */
  readonly createToBoundMs: Percentiles | undefined;
  /** In process their times, else bounds that the scheduler's histogram tells. */
  readonly decisionMs: Percentiles | undefined;
  /** Decisions by how they ended, while the measured pods were waited for; undefined: the scheduler does not tell. */
  readonly attempts?: Readonly<Record<string, number>> | undefined;
  readonly processes: readonly ProcessUse[];
  /** undefined: nobody counts it. */
  readonly written: Written | undefined;
  readonly placement: Placement;
}

export interface Written {
  /** Requests that changed something, from when the clock was started until no more events came. */
  readonly requests: RequestCounts;
  /** Of the events among them, those that came after the last binding. */
  readonly lateEvents: number;
}

type Counting = Pick<Target, 'writes'>;

/** Half a second without an event: the recorder writes batch after batch while it has any. */
const settleMs = 500;
/** Of what was there before, since some workloads go on beside. */
const beforeAtMostMs = 3000;
const afterAtMostMs = 20_000;

/** Events are written behind the bindings: once none has come for a while. */
async function settled(target: Counting, first: RequestCounts, atMostMs: number): Promise<RequestCounts> {
  const endMs = performance.now() + atMostMs;
  let last = first;
  for (let events = -1; events !== eventsIn(last) && performance.now() < endMs;) {
    events = eventsIn(last);
    await setTimeout(settleMs);
    last = await target.writes() ?? last;
  }
  return last;
}

export async function writesBefore(target: Counting): Promise<RequestCounts | undefined> {
  const now = await target.writes();
  return now === undefined ? undefined : settled(target, now, beforeAtMostMs);
}

export async function writtenSince(target: Counting, before: RequestCounts | undefined): Promise<Written | undefined> {
  const after = await target.writes();
  if (before === undefined || after === undefined) return undefined;
  const last = await settled(target, after, afterAtMostMs);
  return { requests: countsSince(before, last), lateEvents: eventsIn(countsSince(after, last)) };
}

/** Processor time of several processes from now on. */
export class Uses {
  readonly #processes: readonly WatchedProcess[];
  readonly #before: readonly number[];
  readonly #done: number;

  /** `done`: so many pods were bound by now; bindings come in frames, so that it may be more than were waited for. */
  constructor(processes: readonly WatchedProcess[], done = 0) {
    this.#processes = processes;
    this.#done = done;
    this.#before = processes.map((one) => one.cpuSeconds());
  }

  since(pods: number): readonly ProcessUse[] {
    const since = Math.max(1, pods - this.#done);
    return this.#processes.map((one, at) => {
      const cpuSeconds = one.cpuSeconds() - (this.#before[at] as number);
      return { name: one.name, cpuSeconds, cpuMsPerPod: (cpuSeconds * 1000) / since, residentMb: one.residentMb() };
    });
  }
}

/**
 * A drained queue is met by a scheduler that has just been started, and by servers that have hardly bound a pod: what of it is not measured. A share of the queue, so that
 * it is the same cluster at any size, and the same for whichever scheduler is asked.
 */
export function warmUpOf(pods: number): number {
  return Math.min(pods - 1, Math.max(1, Math.floor(pods / 5)));
}

type Rate = Pick<Sample, 'seconds' | 'podsPerSecond' | 'bySecond' | 'warmUp' | 'coldPodsPerSecond'>;

/** `fromMs`: when the clock was started, with the last binding of the warm-up if there is one. */
export function rateOf(boundMs: readonly number[], fromMs: number, warmUp: number): Rate {
  const inOrder = boundMs.toSorted((a, b) => a - b);
  const [first = fromMs, last = fromMs] = [inOrder[0], inOrder.at(-1)];
  const seconds = Math.max(0, last - fromMs) / 1000;
  const rate = { seconds, podsPerSecond: (inOrder.length - warmUp) / seconds, bySecond: bySecond(inOrder.slice(warmUp), fromMs) };
  return warmUp === 0 ? rate : { ...rate, warmUp, coldPodsPerSecond: (inOrder.length * 1000) / (last - first) };
}

function bySecond(boundMs: readonly number[], fromMs: number): readonly number[] {
  const counts: number[] = [];
  for (const ms of boundMs) {
    const second = Math.max(0, Math.floor((ms - fromMs) / 1000));
    while (counts.length <= second) counts.push(0);
    counts[second] = (counts[second] as number) + 1;
  }
  return counts;
}
