import { repetition, warmUp } from './decisions-passes.ts';
import type { Sample } from './sample.ts';
import type { Workload } from './workloads.ts';

/** What the process of `in-process.ts` is told, and what it answers each time. */
export type Order = { readonly kind: 'warm-up' | 'repetition'; readonly workload: Workload; readonly idleMs: number };
export type Answer = { readonly kind: 'done'; readonly sample: Sample | undefined } | { readonly kind: 'failed'; readonly message: string };

async function carryOut({ kind, workload, idleMs }: Order): Promise<Answer> {
  try {
    return { kind: 'done', sample: kind === 'repetition' ? await repetition(workload, idleMs) : await warmUp(workload, idleMs).then(() => undefined) };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

process.on('message', (order: Order) => { void carryOut(order).then((answer) => process.send?.(answer)); });
// Whoever started it is gone.
process.on('disconnect', () => { process.exit(); });
