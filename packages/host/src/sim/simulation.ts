import type { Clock, Timers } from '../clock.ts';
import { inlineCompute } from '../compute.ts';
import type { Host } from '../host.ts';
import type { LogFields, Logger } from '../log.ts';
import { simulatedCrypto } from './crypto.ts';
import type { DiskTiming } from './disk.ts';
import { EventLoop } from './event-loop.ts';
import { forbidGlobals } from './globals.ts';
import { SimulatedLinks, type LatencyRange } from './links.ts';
import { SimulatedMachine, type Machine } from './machine.ts';
import { SimulatedNetwork } from './network.ts';
import { SeededRandom, seedOf } from './prng.ts';
import { SimulatedProcess } from './process.ts';
import { Trace } from './trace.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Wall clock at the start, ms since the epoch. */
  readonly startMs?: number;
  /** Monotonic clock at the start, and time of the trace: 2^31 and 2^32 are marks worth passing. */
  readonly monotonicStartMs?: number;
  readonly latencyMs?: LatencyRange;
  readonly disk?: DiskTiming;
  /** Of one direction of a connection: who sends more waits until it arrives. */
  readonly windowBytes?: number;
  /** Called with each trace line, for instance to print it. */
  readonly onTrace?: (line: string) => void;
}

/**
 * A world of machines on virtual time. One seed decides latencies, faults' random parts and all random numbers;
 * the same seed and the same program give the same trace.
 */
export class Simulation {
  readonly loop: EventLoop;
  readonly trace: Trace;
  /** For the test's own choices (faults, load), apart from the processes' streams. */
  readonly random: SeededRandom;
  readonly #options: Required<Omit<SimulationOptions, 'onTrace'>>;
  readonly #machines = new Map<string, SimulatedMachine>();
  readonly #processes = new Set<SimulatedProcess>();
  readonly #links: SimulatedLinks;
  readonly #network: SimulatedNetwork;
  #starts = 0;

  constructor(options: SimulationOptions) {
    this.loop = new EventLoop(options.monotonicStartMs ?? 0);
    this.#options = { startMs: Date.UTC(2026, 0, 1), monotonicStartMs: 0, latencyMs: { min: 0.1, max: 2 }, disk: { operationMsMax: 0.2, datasyncMsMax: 4 }, windowBytes: 64 * 1024, ...options };
    this.random = new SeededRandom(seedOf(options.seed, 'test'));
    this.#links = new SimulatedLinks(this.#options.latencyMs, new SeededRandom(seedOf(options.seed, 'latency')));
    this.trace = new Trace(() => this.loop.nowMs, options.onTrace);
    this.#network = new SimulatedNetwork({ loop: this.loop, links: this.#links, trace: this.trace, machines: this.#machines, windowBytes: this.#options.windowBytes });
  }

  machine(name: string): Machine {
    return this.#machine(name);
  }

  #machine(name: string): SimulatedMachine {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = new SimulatedMachine(name, `10.0.0.${this.#machines.size + 1}`, this.loop);
      this.#machines.set(name, machine);
    }
    return machine;
  }

  /** A new process; the machine is made if need be. */
  start(machineName: string, processName: string): SimulatedProcess {
    this.#starts += 1;
    const random = new SeededRandom(seedOf(this.#options.seed, `${machineName}/${processName}/${this.#starts}`));
    const machine = this.#machine(machineName);
    const process = new SimulatedProcess(processName, machine, (self) => this.#hostOf(self, machine, random));
    this.#processes.add(process);
    this.trace.add(process.name, 'started');
    return process;
  }

  /** kill -9. With `powerCut` the machine's disk also loses what was not synced. */
  kill(process: SimulatedProcess, options: { readonly powerCut?: boolean } = {}): void {
    if (!process.alive) return;
    process.alive = false;
    this.#processes.delete(process);
    this.#network.forget(process);
    for (const stop of process.onKill) stop();
    if (options.powerCut === true) process.machine.disk.crash(this.random);
    this.trace.add(process.name, options.powerCut === true ? 'lost power' : 'killed');
  }

  /** SIGSTOP. Its connections stand, its clock goes on. */
  pause(process: SimulatedProcess): void {
    if (!process.alive || process.paused) return;
    process.pause();
    this.trace.add(process.name, 'paused');
  }

  /** SIGCONT. */
  resume(process: SimulatedProcess): void {
    if (!process.alive || !process.paused) return;
    this.trace.add(process.name, 'resumed');
    process.resume((event) => { this.loop.schedule(0, event); }, this.random);
  }

  /** Breaks all connections between two machines, as a firewall that forgets them does. What was on its way is lost. */
  resetConnections(one: string, other: string): void {
    this.trace.add('network', `reset ${one} ${other}`);
    this.#network.reset(one, other);
  }

  /** Makes one direction slow, until `heal`. */
  slow(from: string, to: string, latencyMs: LatencyRange): void {
    this.#links.slow(from, to, latencyMs);
    this.trace.add('network', `slow ${from} ${to}`);
  }

  /** Cuts the link between two machines, or one direction of it. */
  cut(from: string, to: string, options: { readonly oneWay?: boolean } = {}): void {
    this.#links.cut(from, to);
    if (options.oneWay !== true) this.#links.cut(to, from);
    this.trace.add('network', `cut ${from} ${to}`);
  }

  /** Cuts every link between the two groups. */
  partition(left: readonly string[], right: readonly string[]): void {
    for (const a of left) for (const b of right) this.cut(a, b);
  }

  heal(): void {
    this.#links.heal();
    this.trace.add('network', 'healed');
  }

  /** Share of messages that are lost and sent again by the transport: they, and what follows them, come late. */
  set lossRate(rate: number) {
    this.#links.lossRate = rate;
  }

  get nowMs(): number {
    return this.loop.nowMs;
  }

  /** Runs until `done`, or for `forMs` of virtual time. Answers whether `done` came true. Real clocks and timers throw meanwhile. */
  async run(forMs: number, done: () => boolean = () => false): Promise<boolean> {
    const restore = forbidGlobals();
    try {
      return await this.loop.run(this.loop.nowMs + forMs, done);
    } finally {
      restore();
    }
  }

  /** Runs until the promise settles; an error if it does not within `forMs`. */
  async runUntil<T>(promise: Promise<T>, forMs: number, what: string): Promise<T> {
    let settled = false;
    const mark = (): void => { settled = true; };
    promise.then(mark, mark);
    const done = await this.run(forMs, () => settled);
    if (!done) throw new Error(`${what}: not within ${forMs} ms of virtual time`);
    return promise;
  }

  /** Ends every process, so that nothing holds memory. */
  stop(): void {
    for (const process of this.#processes) this.kill(process);
  }

  #hostOf(process: SimulatedProcess, machine: SimulatedMachine, random: SeededRandom): Host {
    const timers = this.#timers(process);
    const disk = machine.disk.view((maxMs, extraMs) => this.#diskWait(process, random.float() * maxMs + extraMs), this.#options.disk);
    return { clock: this.#clock(machine), timers, random, compute: inlineCompute, crypto: simulatedCrypto(random), disk, network: this.#network.of(process), log: this.#logger(process.name) };
  }

  #clock(machine: SimulatedMachine): Clock {
    return { nowMs: () => Math.floor(this.#options.startMs + machine.monotonicMs + machine.clockOffsetMs), monotonicMs: () => machine.monotonicMs };
  }

  #timers(process: SimulatedProcess): Timers {
    const after: Timers['after'] = (delayMs, callback) => {
      let cancelled = false;
      const forget = this.loop.schedule(delayMs / process.machine.clockRate, () => { process.deliver(() => { if (!cancelled) callback(); }); });
      return { cancel: () => { cancelled = true; forget(); } };
    };
    const sleep: Timers['sleep'] = (delayMs, signal) => new Promise((resolve) => {
      if (signal?.aborted === true) { resolve(); return; }
      const finish = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = after(delayMs, finish);
      signal?.addEventListener('abort', finish, { once: true });
    });
    return { after, sleep };
  }

  #diskWait(process: SimulatedProcess, costMs: number): Promise<void> {
    const stalledMs = Math.max(0, process.machine.disk.stalledUntilMs - this.loop.nowMs);
    return new Promise((resolve) => { this.loop.schedule(costMs + stalledMs, () => { process.deliver(resolve); }); });
  }

  #logger(name: string): Logger {
    const line = (level: string) => (message: string, fields: LogFields = {}): void => { this.trace.add(name, level, message, fields); };
    const logger: Logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), child: () => logger };
    return logger;
  }
}
