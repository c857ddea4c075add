import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, renameSync } from 'node:fs';
import { isRunning, sendSignal, startTicksOf } from '@coxswain/host/edge';
import { backoffAfter, healthyRunMs, type ComponentPhase, type ComponentSpec, type ComponentStatus } from '../../component.ts';

/** A process that is not our child tells nobody when it ends, so it is looked at. */
const adoptedPollMs = 200;
const waitPollMs = 50;
const logSizeBytesMax = 64 * 1024 * 1024;

export interface SavedChild {
  readonly spec: ComponentSpec;
  readonly pid: number | undefined;
  readonly startTicks: number | undefined;
  readonly restarts: number;
  readonly startedAtMs: number | undefined;
}

/** Keeps one component running. Every change is told to `onChange`, so that the state on disk is never behind a start. */
export class Child {
  spec: ComponentSpec;
  #phase: ComponentPhase = 'stopped';
  #pid: number | undefined;
  #startTicks: number | undefined;
  #restarts = 0;
  #failures = 0;
  #startedAtMs: number | undefined;
  #lastExit: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wanted = false;
  #ended: (() => void)[] = [];
  readonly #logs: string;
  readonly #onChange: () => void;

  constructor(spec: ComponentSpec, logs: string, onChange: () => void) {
    this.spec = spec;
    this.#logs = logs;
    this.#onChange = onChange;
  }

  status(): ComponentStatus {
    return { name: this.spec.name, phase: this.#phase, pid: this.#pid, restarts: this.#restarts, failures: this.#failures, startedAtMs: this.#startedAtMs, lastExit: this.#lastExit };
  }

  saved(): SavedChild {
    return { spec: this.spec, pid: this.#pid, startTicks: this.#startTicks, restarts: this.#restarts, startedAtMs: this.#startedAtMs };
  }

  /** Takes over a process that an earlier supervisor started; starts a new one if it is gone. */
  adopt(saved: SavedChild): void {
    this.#wanted = true;
    this.#restarts = saved.restarts;
    if (saved.pid !== undefined && saved.startTicks !== undefined && isRunning(saved.pid, saved.startTicks)) {
      this.#pid = saved.pid;
      this.#startTicks = saved.startTicks;
      this.#startedAtMs = saved.startedAtMs;
      this.#set('running');
      this.#watchAdopted();
    } else {
      this.#restarts += saved.pid === undefined ? 0 : 1;
      this.#launchWhenReady();
    }
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#failures = 0;
    this.#launchWhenReady();
  }

  /** SIGTERM, then SIGKILL after the timeout. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#wanted = false;
    const pid = this.#pid;
    const ticks = this.#startTicks;
    if (pid === undefined || ticks === undefined) { clearTimeout(this.#timer); this.#set('stopped'); return; }
    const gone = new Promise<void>((resolve) => { this.#ended.push(resolve); });
    sendSignal(pid, ticks, 'SIGTERM');
    const killer = setTimeout(() => { sendSignal(pid, ticks, 'SIGKILL'); }, this.spec.stopTimeoutMs ?? 10_000);
    await gone;
    clearTimeout(killer);
  }

  #set(phase: ComponentPhase): void {
    this.#phase = phase;
    this.#onChange();
  }

  #launchWhenReady(): void {
    const missing = this.spec.startAfterFiles?.some((file) => !existsSync(file)) ?? false;
    if (missing) {
      if (this.#phase !== 'waiting') this.#set('waiting');
      this.#timer = setTimeout(() => this.#launchWhenReady(), waitPollMs);
      return;
    }
    this.#launch();
  }

  #launch(): void {
    const log = openLog(`${this.#logs}/${this.spec.name}.log`);
    const [program, ...args] = this.spec.argv as [string, ...string[]];
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env: { ...process.env, ...this.spec.env } });
    closeSync(log);
    child.on('error', (error) => this.#onEnd(`cannot start: ${error.message}`));
    child.on('exit', (code, signal) => this.#onEnd(signal ?? `exit ${code ?? 0}`));
    child.unref();
    this.#pid = child.pid;
    this.#startTicks = child.pid === undefined ? undefined : startTicksOf(child.pid);
    this.#startedAtMs = Date.now();
    this.#set('running');
  }

  #watchAdopted(): void {
    this.#timer = setTimeout(() => {
      if (this.#pid === undefined || this.#startTicks === undefined) return;
      if (isRunning(this.#pid, this.#startTicks)) this.#watchAdopted();
      else this.#onEnd('gone');
    }, adoptedPollMs);
  }

  #onEnd(how: string): void {
    this.#lastExit = how;
    this.#pid = undefined;
    this.#startTicks = undefined;
    const ranMs = Date.now() - (this.#startedAtMs ?? 0);
    for (const resolve of this.#ended.splice(0)) resolve();
    if (!this.#wanted) { this.#set('stopped'); return; }
    this.#failures = ranMs >= healthyRunMs ? 1 : this.#failures + 1;
    this.#restarts += 1;
    this.#set('backing-off');
    this.#timer = setTimeout(() => this.#launchWhenReady(), backoffAfter(this.#failures));
  }
}

/** One file a component; a full one is set aside at the next start, so two generations are kept. */
function openLog(path: string): number {
  const log = openSync(path, 'a', 0o640);
  if (fstatSync(log).size < logSizeBytesMax) return log;
  closeSync(log);
  renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o640);
}
