import { createWorkQueue, keyOfObject, runController, type KubeObject, type SyncResult, type WorkQueue } from '@coxswain/client';
import { queueName } from './queue-names.ts';
import type { ControllerContext, Run } from '../types.ts';

export interface Loop {
  readonly queue: WorkQueue;
  enqueue(object: KubeObject): void;
}

export function newLoop(context: ControllerContext, name: string): Loop {
  const queue = createWorkQueue(context.host, context.queueMeter?.(queueName(name)));
  return { queue, enqueue: (object) => queue.add(keyOfObject(object)) };
}

/** A Run that works off the queue. */
export function runLoop(context: ControllerContext, name: string, loop: Loop, sync: (key: string) => Promise<SyncResult>, defaultWorkers = 5): Run {
  return (signal) => runController(context.host, { name, queue: loop.queue, workers: context.config.concurrency[name] ?? defaultWorkers, sync }, signal);
}

/** Calls `work` at once and then every `periodMs`, never twice at a time; an error is logged and the next turn comes. */
export function runPeriodically(context: ControllerContext, name: string, periodMs: number, work: (signal: AbortSignal) => Promise<void>): Run {
  return async (signal) => {
    while (!signal.aborted) {
      try {
        await work(signal);
      } catch (error) {
        if (!signal.aborted) context.host.log.warn('pass failed, the next one comes', { controller: name, error: error instanceof Error ? error.message : String(error) });
      }
      await context.host.timers.sleep(periodMs, signal);
    }
  };
}

export function runAll(...runs: readonly Run[]): Run {
  return async (signal) => { await Promise.all(runs.map((run) => run(signal))); };
}
