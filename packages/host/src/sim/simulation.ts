import { assert } from '../assert.ts';
import type { Clock, Timers } from '../clock.ts';
import type { Host } from '../host.ts';
import type { LogFields, Logger } from '../log.ts';
import { NetworkError, type HttpHandler, type Listener, type Network, type ServeOptions } from '../network.ts';
import { realCrypto } from '../edge/crypto.ts';
import { SimulatedDisk, type DiskTiming } from './disk.ts';
import { EventLoop } from './event-loop.ts';
import { forbidGlobals } from './globals.ts';
import { sendRequest, serveConnection, streamOver, type WireMessage } from './http.ts';
import { SeededRandom, seedOf } from './prng.ts';
import { Trace } from './trace.ts';
import { Pipe, type End, type Links } from './wire.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Wall clock at the start, ms since the epoch. */
  readonly startMs?: number;
  readonly latencyMs?: { readonly min: number; readonly max: number };
  readonly disk?: DiskTiming;
  /** Called with each trace line, for instance to print it. */
  readonly onTrace?: (line: string) => void;
}

interface BoundHttp { readonly process: SimulatedProcess; readonly options: ServeOptions; readonly accept: (end: End<WireMessage>, from: string) => void }

/** A machine: one address, one disk, any number of processes, one after another or side by side. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  readonly disk: SimulatedDisk;
  /** Added to the wall clock of its processes: may be set at any time, as somebody who sets the date does. */
  clockOffsetMs: number;
}

/**
 * One running program: a Host whose every effect ends with `kill`. Promises that wait for it then never settle,
 * so the program stops where it is, as with kill -9.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly machine: Machine;
  readonly host: Host;
  alive = true;
  readonly onKill = new Set<() => void>();

  constructor(name: string, machine: Machine, makeHost: (process: SimulatedProcess) => Host) {
    this.name = name;
    this.machine = machine;
    this.host = makeHost(this);
  }
}

/**
 * A world of machines on virtual time. One seed decides latencies, faults' random parts and all random numbers;
 * the same seed and the same program give the same trace.
 */
export class Simulation implements Links {
  readonly loop = new EventLoop();
  readonly trace: Trace;
  /** For the test's own choices (faults, load), apart from the processes' streams. */
  readonly random: SeededRandom;
  readonly #options: Required<Omit<SimulationOptions, 'onTrace'>>;
  readonly #latency: SeededRandom;
  readonly #machines = new Map<string, Machine>();
  readonly #listeners = new Map<string, BoundHttp>();
  readonly #processes = new Set<SimulatedProcess>();
  readonly #cut = new Set<string>();
  #nextPort = 40_000;
  #starts = 0;

  constructor(options: SimulationOptions) {
    this.#options = { startMs: Date.UTC(2026, 0, 1), latencyMs: { min: 0.1, max: 2 }, disk: { operationMsMax: 0.2, datasyncMsMax: 4 }, ...options };
    this.random = new SeededRandom(seedOf(options.seed, 'test'));
    this.#latency = new SeededRandom(seedOf(options.seed, 'latency'));
    this.trace = new Trace(() => this.loop.nowMs, options.onTrace);
  }

  machine(name: string): Machine {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = { name, address: `10.0.0.${this.#machines.size + 1}`, disk: new SimulatedDisk(), clockOffsetMs: 0 };
      this.#machines.set(name, machine);
    }
    return machine;
  }

  /** A new process; the machine is made if need be. */
  start(machineName: string, processName: string): SimulatedProcess {
    this.#starts += 1;
    const random = new SeededRandom(seedOf(this.#options.seed, `${machineName}/${processName}/${this.#starts}`));
    const process = new SimulatedProcess(processName, this.machine(machineName), (self) => this.#hostOf(self, random));
    this.#processes.add(process);
    this.trace.add(process.name, 'started');
    return process;
  }

  /** kill -9. With `powerCut` the machine's disk also loses what was not synced. */
  kill(process: SimulatedProcess, options: { readonly powerCut?: boolean } = {}): void {
    if (!process.alive) return;
    process.alive = false;
    this.#processes.delete(process);
    for (const [key, bound] of this.#listeners) if (bound.process === process) this.#listeners.delete(key);
    for (const stop of process.onKill) stop();
    if (options.powerCut === true) process.machine.disk.crash(this.random);
    this.trace.add(process.name, options.powerCut === true ? 'lost power' : 'killed');
  }

  /** Cuts the link between two machines, or one direction of it. */
  cut(from: string, to: string, options: { readonly oneWay?: boolean } = {}): void {
    this.#cut.add(`${from}>${to}`);
    if (options.oneWay !== true) this.#cut.add(`${to}>${from}`);
    this.trace.add('network', `cut ${from} ${to}`);
  }

  /** Cuts every link between the two groups. */
  partition(left: readonly string[], right: readonly string[]): void {
    for (const a of left) for (const b of right) this.cut(a, b);
  }

  heal(): void {
    this.#cut.clear();
    this.trace.add('network', 'healed');
  }

  connected(from: string, to: string): boolean {
    return from === to || !this.#cut.has(`${from}>${to}`);
  }

  latencyMs(from: string, to: string): number {
    const { min, max } = this.#options.latencyMs;
    const latency = min + this.#latency.float() * (max - min);
    return from === to ? latency / 10 : latency;
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

  #hostOf(process: SimulatedProcess, random: SeededRandom): Host {
    const timers = this.#timers(process);
    const disk = process.machine.disk.view((maxMs) => this.#diskWait(process, random.float() * maxMs), this.#options.disk);
    return { clock: this.#clock(process.machine), timers, random, crypto: realCrypto, disk, network: this.#network(process), log: this.#logger(process.name) };
  }

  #clock(machine: Machine): Clock {
    return { nowMs: () => Math.floor(this.#options.startMs + this.loop.nowMs + machine.clockOffsetMs), monotonicMs: () => this.loop.nowMs };
  }

  #timers(process: SimulatedProcess): Timers {
    const after: Timers['after'] = (delayMs, callback) => ({ cancel: this.loop.schedule(delayMs, () => { if (process.alive) callback(); }) });
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
    return new Promise((resolve) => { this.loop.schedule(costMs + stalledMs, () => { if (process.alive) resolve(); }); });
  }

  #logger(name: string): Logger {
    const line = (level: string) => (message: string, fields: LogFields = {}): void => { this.trace.add(name, level, message, fields); };
    const logger: Logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), child: () => logger };
    return logger;
  }

  #listen(process: SimulatedProcess, options: ServeOptions, accept: BoundHttp['accept']): Listener {
    const port = options.port === 0 ? (this.#nextPort += 1) : options.port;
    const key = `${process.machine.name}:${port}`;
    if (this.#listeners.has(key)) throw new NetworkError('address-in-use', `${key} is in use`);
    this.#listeners.set(key, { process, options, accept });
    return { address: process.machine.address, port, updateTls: () => undefined, close: async () => { this.#listeners.delete(key); } };
  }

  #findMachine(address: string, own: Machine): Machine | undefined {
    if (address === '127.0.0.1' || address === 'localhost') return own;
    for (const machine of this.#machines.values()) if (machine.address === address || machine.name === address) return machine;
    return undefined;
  }

  /** Resolves with our end of a new connection after a round trip. */
  #connect(process: SimulatedProcess, address: string, port: number): Promise<End<WireMessage>> {
    const target = this.#findMachine(address, process.machine);
    if (target === undefined) return this.#failLater(process, 1, new NetworkError('name-not-found', `${address} is not known`));
    const own = process.machine.name;
    if (!this.connected(own, target.name) || !this.connected(target.name, own)) return this.#failLater(process, 3000, new NetworkError('timeout', `${address}:${port} does not answer`));
    return new Promise((resolve, reject) => {
      this.loop.schedule(this.latencyMs(own, target.name), () => {
        if (!process.alive) return;
        const bound = this.#listeners.get(`${target.name}:${port}`);
        if (bound === undefined) { reject(new NetworkError('refused', `nobody listens on ${address}:${port}`)); return; }
        resolve(this.#join(process, bound, target));
      });
    });
  }

  #join(process: SimulatedProcess, bound: BoundHttp, target: Machine): End<WireMessage> {
    const pipe = new Pipe<WireMessage>(this.loop, this, process.machine.name, target.name);
    const guard = (owner: SimulatedProcess, side: 0 | 1): End<WireMessage> => {
      const end = pipe.end(side);
      const stop = (): void => pipe.destroy(side);
      owner.onKill.add(stop);
      return {
        send: (message) => { if (owner.alive) end.send(message); },
        onMessage: (receive) => end.onMessage((message) => { if (owner.alive) receive(message); }),
        onBreak: (broken) => end.onBreak((error) => { owner.onKill.delete(stop); if (owner.alive) broken(error); }),
        destroy: () => { owner.onKill.delete(stop); end.destroy(); },
      };
    };
    bound.accept(guard(bound.process, 1), `${process.machine.address}:50000`);
    return guard(process, 0);
  }

  #failLater(process: SimulatedProcess, delayMs: number, error: NetworkError): Promise<never> {
    return new Promise((_resolve, reject) => { this.loop.schedule(delayMs, () => { if (process.alive) reject(error); }); });
  }

  #network(process: SimulatedProcess): Network {
    return {
      serveHttp: async (options, handler: HttpHandler) => this.#listen(process, options, (end, from) => serveConnection(end, options, handler, from)),
      fetch: async (request) => {
        const url = new URL(request.url);
        if (request.signal?.aborted === true) throw new NetworkError('aborted', 'the request was aborted');
        this.trace.add(process.name, 'request', `${request.method} ${request.url}`);
        const end = await abortable(this.#connect(process, url.hostname, portOf(url)), request.signal);
        return sendRequest(end, request, { address: url.host });
      },
      dial: async (address, port, options) => streamOver(await abortable(this.#connect(process, address, port), options?.signal), { address: `${address}:${port}` }),
      serveStream: async (options, accept) => this.#listen(process, options, (end, from) => accept(streamOver(end, { address: from }))),
      bindDatagram: async () => { assert(false, 'datagrams are not simulated'); },
    };
  }
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/** The connection is dropped if it comes after the abort. */
function abortable(connecting: Promise<End<WireMessage>>, signal: AbortSignal | undefined): Promise<End<WireMessage>> {
  if (signal === undefined) return connecting;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new NetworkError('aborted', 'the request was aborted'));
    signal.addEventListener('abort', onAbort, { once: true });
    connecting.then((end) => {
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) end.destroy();
      else resolve(end);
    }, reject);
  });
}
