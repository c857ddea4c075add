import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export type BcryptTask =
  | { readonly kind: 'hash'; readonly password: string; readonly cost: number }
  | { readonly kind: 'verify'; readonly password: string; readonly hash: string };

export type BcryptAnswer = { readonly id: number; readonly result: string | boolean } | { readonly id: number; readonly error: string };

interface Waiter { resolve(result: string | boolean): void; reject(error: Error): void }

/** A tenth of a second of computing must not stop what else this process does. A thread lives from its first use on and holds no process up. */
class BcryptThread {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiter>();
  #lastId = 0;

  get waiting(): number {
    return this.#waiting.size;
  }

  run(task: BcryptTask): Promise<string | boolean> {
    const worker = this.#worker ?? this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ ...task, id });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL('bcrypt-worker.ts', import.meta.url), { name: 'bcrypt' });
    worker.on('message', (answer: BcryptAnswer) => { this.#answered(worker, answer); });
    worker.on('error', (error) => { this.#broke(error instanceof Error ? error : new Error(String(error))); });
    worker.on('exit', (code) => { this.#broke(new Error(`the bcrypt thread ended with ${code}`)); });
    this.#worker = worker;
    return worker;
  }

  #answered(worker: Worker, answer: BcryptAnswer): void {
    const waiter = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) worker.unref();
    if ('error' in answer) waiter?.reject(new Error(answer.error));
    else waiter?.resolve(answer.result);
  }

  #broke(error: Error): void {
    this.#worker = undefined;
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
  }
}

const maxThreads = Math.min(availableParallelism(), 4);
const threads: BcryptThread[] = [];

/** The one with the least to do; another one if all have something to do. */
function thread(): BcryptThread {
  const best = threads.toSorted((a, b) => a.waiting - b.waiting)[0];
  if (best !== undefined && (best.waiting === 0 || threads.length === maxThreads)) return best;
  const more = new BcryptThread();
  threads.push(more);
  return more;
}

export async function bcryptHash(password: string, cost: number): Promise<string> {
  return await thread().run({ kind: 'hash', password, cost }) as string;
}

export async function bcryptVerify(password: string, hash: string): Promise<boolean> {
  return await thread().run({ kind: 'verify', password, hash }) as boolean;
}
