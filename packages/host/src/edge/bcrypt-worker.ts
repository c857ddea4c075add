import { randomBytes } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { bcryptHashNow, bcryptVerifyNow } from '../bcrypt.ts';
import type { BcryptAnswer, BcryptTask } from './bcrypt.ts';

/** The thread that computes bcrypt for `bcrypt.ts`, one task after another. */
const port = parentPort;
if (port === null) throw new Error('bcrypt-worker.ts runs as a worker only');

function compute(task: BcryptTask): string | boolean {
  return task.kind === 'hash' ? bcryptHashNow(task.password, task.cost, randomBytes(16)) : bcryptVerifyNow(task.password, task.hash);
}

port.on('message', (task: BcryptTask & { readonly id: number }) => {
  let answer: BcryptAnswer;
  try {
    answer = { id: task.id, result: compute(task) };
  } catch (error) {
    answer = { id: task.id, error: (error as Error).message };
  }
  port.postMessage(answer);
});
