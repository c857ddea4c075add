import { parentPort, workerData } from 'node:worker_threads';
import { simulate, stateOf, type SimulateOptions } from '@coxswain/scheduler/simulate';
import type { SimulateAnswer } from './simulate.ts';

/** In a thread of its own: while it runs, virtual time takes the place of the thread's clocks and timers. */
const { documents, options } = workerData as { readonly documents: readonly unknown[]; readonly options: SimulateOptions };
const answer: SimulateAnswer = await simulate(stateOf(documents), options).then((result) => ({ kind: 'result', result }), (error: unknown) => ({ kind: 'mistake', message: (error as Error).message }));
parentPort?.postMessage(answer);
