import { pass, repetition, warmUp } from './decisions-passes.ts';
import type { Sample } from './sample.ts';
import type { Workload } from './workloads.ts';

/** What the process of `in-process.ts` is told, and what it answers each time. */
export type Order = { readonly kind: 'warm-up' | 'repetition' | 'pass'; readonly workload: Workload; readonly idleMs: number };
export type Answer = { readonly kind: 'done'; readonly sample: Sample | undefined } | { readonly kind: 'failed'; readonly message: string };

const works: Readonly<Record<Order['kind'], (workload: Workload, idleMs: number) => Promise<Sample | undefined>>> = {
  'warm-up': async (workload, idleMs) => { await warmUp(workload, idleMs); return undefined; },
  repetition, pass,
};

async function carryOut({ kind, workload, idleMs }: Order): Promise<Answer> {
  try {
    return { kind: 'done', sample: await works[kind](workload, idleMs) };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

process.on('message', (order: Order) => { void carryOut(order).then((answer) => process.send?.(answer)); });
// Whoever started it is gone.
process.on('disconnect', () => { process.exit(); });
