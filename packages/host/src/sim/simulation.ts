import { assert } from '../assert.ts';
import type { Clock, Timers } from '../clock.ts';
import { inlineCompute } from '../compute.ts';
import type { Host } from '../host.ts';
import type { LogFields, Logger } from '../log.ts';
import { NetworkError, type HttpHandler, type Listener, type Network, type ServeOptions } from '../network.ts';
import { simulatedCrypto } from './crypto.ts';
import { SimulatedDisk, type DiskTiming } from './disk.ts';
import { EventLoop } from './event-loop.ts';
import { forbidGlobals } from './globals.ts';
import { channelOver } from './channel.ts';
import { sendRequest, serveConnection, sizeOfMessage, streamOver, type WireMessage } from './http.ts';
import { SeededRandom, seedOf } from './prng.ts';
import { Trace } from './trace.ts';
import { Pipe, type End, type Links } from './wire.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Wall clock at the start, ms since the epoch. */
  readonly startMs?: number;
  /** Monotonic clock at the start, and time of the trace: 2^31 and 2^32 are marks worth passing. */
  readonly monotonicStartMs?: number;
  readonly latencyMs?: { readonly min: number; readonly max: number };
  readonly disk?: DiskTiming;
  /** Of one direction of a connection: who sends more waits until it arrives. */
  readonly windowBytes?: number;
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
  /** How fast its clocks and timers run: 1.01 gains a hundredth. */
  clockRate: number;
}

class SimulatedMachine implements Machine {
  readonly name: string;
  readonly address: string;
  readonly disk = new SimulatedDisk();
  readonly #loop: EventLoop;
  clockOffsetMs = 0;
  #rate = 1;
  #sinceMs = 0;
  #atSinceMs = 0;

  constructor(name: string, address: string, loop: EventLoop) {
    this.name = name;
    this.address = address;
    this.#loop = loop;
  }

  get clockRate(): number {
    return this.#rate;
  }

  set clockRate(rate: number) {
    this.#atSinceMs = this.monotonicMs;
    this.#sinceMs = this.#loop.nowMs;
    this.#rate = rate;
  }

  get monotonicMs(): number {
    return this.#atSinceMs + (this.#loop.nowMs - this.#sinceMs) * this.#rate;
  }
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
  #paused: Held[] | undefined;

  constructor(name: string, machine: Machine, makeHost: (process: SimulatedProcess) => Host) {
    this.name = name;
    this.machine = machine;
    this.host = makeHost(this);
  }

  /** What happens to it: never if it is dead, later while it is paused. `source`: a connection, whose events stay in order. */
  deliver(event: () => void, source: object = this): void {
    if (!this.alive) return;
    if (this.#paused === undefined) event();
    else this.#paused.push({ event, source });
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  /** SIGSTOP: time, messages and the disk go on without it. */
  pause(): void {
    this.#paused ??= [];
  }

  /** SIGCONT: all that has happened meanwhile happens to it now; which connection it reads first is a matter of chance. */
  resume(schedule: (event: () => void) => void, random: SeededRandom): void {
    const waiting = new Map<object, (() => void)[]>();
    for (const { event, source } of this.#paused ?? []) {
      const own = waiting.get(source);
      if (own === undefined) waiting.set(source, [event]);
      else own.push(event);
    }
    this.#paused = undefined;
    const queues = [...waiting];
    while (queues.length > 0) {
      const at = Math.floor(random.float() * queues.length);
      const [source, events] = queues[at] as [object, (() => void)[]];
      const event = events.shift() as () => void;
      schedule(() => { this.deliver(event, source); });
      if (events.length === 0) queues.splice(at, 1);
    }
  }
}

interface Held { readonly event: () => void; readonly source: object }

/**
 * A world of machines on virtual time. One seed decides latencies, faults' random parts and all random numbers;
 * the same seed and the same program give the same trace.
 */
export class Simulation implements Links {
  readonly loop: EventLoop;
  readonly trace: Trace;
  /** For the test's own choices (faults, load), apart from the processes' streams. */
  readonly random: SeededRandom;
  readonly #options: Required<Omit<SimulationOptions, 'onTrace'>>;
  readonly #latency: SeededRandom;
  readonly #machines = new Map<string, SimulatedMachine>();
  readonly #listeners = new Map<string, BoundHttp>();
  readonly #processes = new Set<SimulatedProcess>();
  readonly #cut = new Set<string>();
  readonly #pipes = new Set<Pipe<WireMessage>>();
  /** Slow links by `from>to`. */
  readonly #slow = new Map<string, { readonly min: number; readonly max: number }>();
  /** Share of messages that are lost and sent again by the transport: they, and what follows them, come late. */
  lossRate = 0;
  #nextPort = 40_000;
  #starts = 0;

  constructor(options: SimulationOptions) {
    this.loop = new EventLoop(options.monotonicStartMs ?? 0);
    this.#options = { startMs: Date.UTC(2026, 0, 1), monotonicStartMs: 0, latencyMs: { min: 0.1, max: 2 }, disk: { operationMsMax: 0.2, datasyncMsMax: 4 }, windowBytes: 64 * 1024, ...options };
    this.random = new SeededRandom(seedOf(options.seed, 'test'));
    this.#latency = new SeededRandom(seedOf(options.seed, 'latency'));
    this.trace = new Trace(() => this.loop.nowMs, options.onTrace);
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
    for (const [key, bound] of this.#listeners) if (bound.process === process) this.#listeners.delete(key);
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
    for (const pipe of this.#pipes) if (pipe.joins(one, other)) pipe.reset();
  }

  /** Makes one direction slow, until `heal`. */
  slow(from: string, to: string, latencyMs: { readonly min: number; readonly max: number }): void {
    this.#slow.set(`${from}>${to}`, latencyMs);
    this.trace.add('network', `slow ${from} ${to}`);
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
    this.#slow.clear();
    this.lossRate = 0;
    this.trace.add('network', 'healed');
  }

  connected(from: string, to: string): boolean {
    return this.#cut.size === 0 || from === to || !this.#cut.has(`${from}>${to}`);
  }

  latencyMs(from: string, to: string): number {
    const { min, max } = (this.#slow.size === 0 ? undefined : this.#slow.get(`${from}>${to}`)) ?? this.#options.latencyMs;
    const latency = min + this.#latency.float() * (max - min);
    return from === to ? latency / 10 : latency + this.#resendMs();
  }

  /** As TCP: after 200 ms, then twice as long. */
  #resendMs(): number {
    let lateMs = 0;
    for (let waitMs = 200; this.lossRate > 0 && waitMs < 2000 && this.#latency.float() < this.lossRate; waitMs *= 2) lateMs += waitMs;
    return lateMs;
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
    return { clock: this.#clock(machine), timers, random, compute: inlineCompute, crypto: simulatedCrypto(random), disk, network: this.#network(process), log: this.#logger(process.name) };
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
      this.loop.schedule(this.latencyMs(own, target.name), () => process.deliver(() => {
        const bound = this.#listeners.get(`${target.name}:${port}`);
        if (bound === undefined) { reject(new NetworkError('refused', `nobody listens on ${address}:${port}`)); return; }
        resolve(this.#join(process, bound, target));
      }));
    });
  }

  #join(process: SimulatedProcess, bound: BoundHttp, target: Machine): End<WireMessage> {
    const pipe = new Pipe<WireMessage>(this.loop, this, process.machine.name, target.name, { sizeOf: sizeOfMessage, windowBytes: this.#options.windowBytes });
    this.#pipes.add(pipe);
    const stops: [SimulatedProcess, () => void][] = [];
    const forget = (): void => {
      this.#pipes.delete(pipe);
      for (const [owner, stop] of stops) owner.onKill.delete(stop);
    };
    const guard = (owner: SimulatedProcess, side: 0 | 1): End<WireMessage> => {
      const end = pipe.end(side);
      const stop = (): void => pipe.destroy(side);
      owner.onKill.add(stop);
      stops.push([owner, stop]);
      return {
        send: (message) => { if (owner.alive) end.send(message); },
        drained: () => {
          const wait = end.drained();
          return wait === undefined ? undefined : new Promise((resolve) => { void wait.then(() => { owner.deliver(resolve); }); });
        },
        onMessage: (receive) => end.onMessage((message) => { owner.deliver(() => { receive(message); }, end); }),
        onBreak: (broken) => end.onBreak((error) => { forget(); owner.deliver(() => { broken(error); }, end); }),
        destroy: () => { owner.onKill.delete(stop); end.destroy(); },
        complete: forget,
      };
    };
    const accepted = guard(bound.process, 1);
    bound.process.deliver(() => { bound.accept(accepted, `${process.machine.address}:50000`); });
    return guard(process, 0);
  }

  #failLater(process: SimulatedProcess, delayMs: number, error: NetworkError): Promise<never> {
    return new Promise((_resolve, reject) => { this.loop.schedule(delayMs, () => { process.deliver(() => { reject(error); }); }); });
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
      connect: async ({ address, port, tls, signal }) => {
        this.trace.add(process.name, 'connect', `${address}:${port}`);
        const end = await abortable(this.#connect(process, address, port), signal);
        end.send({ kind: 'open', certificate: tls?.certPem });
        return channelOver(end, { address: `${address}:${port}` });
      },
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
