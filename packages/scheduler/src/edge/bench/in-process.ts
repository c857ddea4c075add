import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Order } from './decisions-process.ts';
import type { Sample } from './sample.ts';

const program = fileURLToPath(new URL('./decisions-process.ts', import.meta.url));

/** A Node of its own in which workloads run: what those before it left in the heap and in the compiled code is not measured. */
export class DecisionsProcess {
  readonly #child: ChildProcess;
  #busy = false;

  constructor(nodeArguments: readonly string[]) {
    this.#child = fork(program, [], { execArgv: ['--expose-gc', ...nodeArguments], serialization: 'advanced' });
  }

  /** undefined for a warm-up. One at a time. */
  do(order: Order): Promise<Sample | undefined> {
    const child = this.#child;
    this.#busy = true;
    return new Promise((resolve, reject) => {
      const ended = (code: number | null, signal: string | null): void => { reject(new Error(`the process of the scheduler ended with ${code ?? signal}`)); };
      child.once('exit', ended);
      child.once('message', (answer: Answer) => {
        child.off('exit', ended);
        this.#busy = false;
        if (answer.kind === 'done') resolve(answer.sample);
        else reject(new Error(answer.message));
      });
      child.send(order);
    });
  }

  /** Also in the middle of a run; else it may still write a profile. */
  end(): void {
    if (this.#busy) this.#child.kill('SIGKILL');
    else if (this.#child.connected) this.#child.disconnect();
  }
}
