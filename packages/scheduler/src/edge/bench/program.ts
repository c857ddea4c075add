import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGTERM');
  } catch (error) {
    // ESRCH: all of it has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A program that is started and ended as often as the run wants. */
export class Program {
  readonly #command: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  readonly #log: string;
  readonly #name: string;
  readonly #died: (error: Error) => void;
  #process: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(name: string, command: readonly string[], kubeconfig: string, log: string, died: (error: Error) => void) {
    this.#name = name;
    this.#command = command;
    this.#environment = { ...process.env, KUBECONFIG: kubeconfig };
    this.#log = log;
    this.#died = died;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): void {
    const log = openSync(this.#log, 'a');
    const child = spawn(this.#command[0] as string, this.#command.slice(1), { stdio: ['ignore', log, log], env: this.#environment, detached: true });
    closeSync(log);
    this.#process = child;
    this.#ended = once(child, 'exit');
    child.on('exit', (code, signal) => {
      if (this.#process === child) this.#died(new Error(`the ${this.#name} ended with ${signal ?? code}:\n${readFileSync(this.#log, 'utf8').slice(-2000)}`));
    });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.pid === undefined) return;
    // It may be a shell's child, which can be there when the shell itself was killed.
    endGroup(child.pid);
    await this.#ended;
  }
}
