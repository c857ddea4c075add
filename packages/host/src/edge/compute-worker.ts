import { parentPort } from 'node:worker_threads';
import type { ComputeTask } from '../compute.ts';
import type { ComputeAnswer, ComputeOrder } from './compute.ts';

/** The thread that runs tasks for `compute.ts`, one after another. */
const port = parentPort;
if (port === null) throw new Error('compute-worker.ts runs as a worker only');

async function answerTo({ module, name, input }: ComputeOrder): Promise<ComputeAnswer> {
  try {
    const exported = await import(module) as Readonly<Record<string, ComputeTask>>;
    return { output: (exported[name] as ComputeTask).run(input) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

port.on('message', (order: ComputeOrder) => {
  void answerTo(order).then((answer) => {
    const own = 'output' in answer && answer.output.byteLength === answer.output.buffer.byteLength;
    port.postMessage(answer, own ? [answer.output.buffer as ArrayBuffer] : []);
  });
});
