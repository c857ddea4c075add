import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ComputeError, type Compute, type ComputeTask } from '../compute.ts';

export interface ComputeOrder { readonly module: string; readonly name: string; readonly input: Uint8Array }

export type ComputeAnswer = { readonly output: Uint8Array } | { readonly error: string };

export interface ComputeLimits {
  readonly threads: number;
  /** Tasks that wait for a thread, and their bytes. */
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly taskMs: number;
  readonly heapMb: number;
  /** A thread that nobody needs is ended after so long: it holds some 30 MB. */
  readonly idleMs: number;
}

const standard: ComputeLimits = { threads: Math.max(1, Math.min(availableParallelism() - 1, 2)), waiting: 64, waitingBytes: 64 * 1024 * 1024, taskMs: 20_000, heapMb: 512, idleMs: 30_000 };

interface Job extends ComputeOrder {
  resolve(output: Uint8Array): void;
  reject(error: Error): void;
}

/** One worker at most, and one job at a time. */
class Thread {
  readonly #limits: ComputeLimits;
  readonly #onFree: () => void;
  #worker: Worker | undefined;
  #job: Job | undefined;
  #late: NodeJS.Timeout | undefined;

  constructor(limits: ComputeLimits, onFree: () => void) {
    this.#limits = limits;
    this.#onFree = onFree;
  }

  get busy(): boolean {
    return this.#job !== undefined;
  }

  start(job: Job): void {
    clearTimeout(this.#late);
    this.#job = job;
    this.#worker ??= this.#begin();
    this.#worker.ref();
    this.#late = setTimeout(() => { this.#end(new ComputeError('too-much', `it took longer than ${this.#limits.taskMs} ms`)); }, this.#limits.taskMs);
    this.#worker.postMessage({ module: job.module, name: job.name, input: job.input } satisfies ComputeOrder);
  }

  #begin(): Worker {
    const worker = new Worker(new URL('compute-worker.ts', import.meta.url), { name: 'compute', resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMb } });
    worker.on('message', (answer: ComputeAnswer) => { if (worker === this.#worker) this.#answered(answer); });
    worker.on('error', (error) => { if (worker === this.#worker) this.#end(new ComputeError('too-much', `its thread ended: ${error instanceof Error ? error.message : String(error)}`)); });
    worker.on('exit', (code) => { if (worker === this.#worker) this.#end(new ComputeError('too-much', `its thread ended with ${code}`)); });
    return worker;
  }

  #answered(answer: ComputeAnswer): void {
    clearTimeout(this.#late);
    const job = this.#job;
    this.#job = undefined;
    this.#worker?.unref();
    this.#late = setTimeout(() => { this.#end(undefined); }, this.#limits.idleMs).unref();
    if ('output' in answer) job?.resolve(answer.output);
    else job?.reject(new Error(answer.error));
    this.#onFree();
  }

  /** The next job gets a new worker. */
  #end(error: ComputeError | undefined): void {
    clearTimeout(this.#late);
    const [worker, job] = [this.#worker, this.#job];
    [this.#worker, this.#job] = [undefined, undefined];
    void worker?.terminate();
    if (error !== undefined) job?.reject(error);
    this.#onFree();
  }
}

class Pool implements Compute {
  readonly #limits: ComputeLimits;
  readonly #threads: readonly Thread[];
  readonly #waiting: Job[] = [];
  #waitingBytes = 0;

  constructor(limits: ComputeLimits) {
    this.#limits = limits;
    this.#threads = Array.from({ length: limits.threads }, () => new Thread(limits, () => { this.#next(); }));
  }

  run(task: ComputeTask, input: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const job: Job = { module: task.module, name: task.name, input, resolve, reject };
      const free = this.#threads.find((thread) => !thread.busy);
      if (free !== undefined) free.start(job);
      else this.#wait(job);
      signal?.addEventListener('abort', () => { this.#giveUp(job, signal.reason as Error); }, { once: true });
    });
  }

  #wait(job: Job): void {
    if (this.#waiting.length >= this.#limits.waiting || this.#waitingBytes + job.input.length > this.#limits.waitingBytes) throw new ComputeError('full', 'too much is waiting to be computed');
    this.#waiting.push(job);
    this.#waitingBytes += job.input.length;
  }

  /** What runs already runs on: its answer is dropped. */
  #giveUp(job: Job, reason: Error): void {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      this.#waitingBytes -= job.input.length;
    }
    job.reject(reason);
  }

  #next(): void {
    const free = this.#threads.find((thread) => !thread.busy);
    const job = free === undefined ? undefined : this.#waiting.shift();
    if (job === undefined) return;
    this.#waitingBytes -= job.input.length;
    free?.start(job);
  }
}

export function createCompute(limits: Partial<ComputeLimits> = {}): Compute {
  return new Pool({ ...standard, ...limits });
}

/** One pool for the whole process, whoever it is that asks. */
export const realCompute: Compute = createCompute();
