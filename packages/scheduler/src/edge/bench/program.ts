import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { signalGroup, startTicksOf } from '@coxswain/host/edge';

/** A program that is started and ended as often as the run wants. */
export class Program {
  readonly #command: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  readonly #log: string;
  readonly #name: string;
  readonly #died: (error: Error) => void;
  #process: ChildProcess | undefined;
  #startTicks: number | undefined;
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
    this.#startTicks = child.pid === undefined ? undefined : startTicksOf(child.pid);
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
    signalGroup(child.pid, this.#startTicks, 'SIGTERM');
    await this.#ended;
  }
}
