import { assert } from '../assert.ts';
import { NetworkError, type HttpHandler, type Listener, type Network, type ServeOptions } from '../network.ts';
import { channelOver } from './channel.ts';
import type { EventLoop } from './event-loop.ts';
import { sendRequest, serveConnection, sizeOfMessage, streamOver, type WireMessage } from './http.ts';
import type { Machine } from './machine.ts';
import type { SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';
import { Pipe, type End, type Links } from './wire.ts';

interface Bound { readonly process: SimulatedProcess; readonly options: ServeOptions; readonly accept: (end: End<WireMessage>, from: string) => void }

export interface SimulatedNetworkParts {
  readonly loop: EventLoop;
  readonly links: Links;
  readonly trace: Trace;
  /** By name; more may come. */
  readonly machines: ReadonlyMap<string, Machine>;
  readonly windowBytes: number;
}

/** Who listens where, and the connections that stand. */
export class SimulatedNetwork {
  readonly #loop: EventLoop;
  readonly #links: Links;
  readonly #trace: Trace;
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #windowBytes: number;
  readonly #listeners = new Map<string, Bound>();
  readonly #pipes = new Set<Pipe<WireMessage>>();
  #nextPort = 40_000;

  constructor({ loop, links, trace, machines, windowBytes }: SimulatedNetworkParts) {
    this.#loop = loop;
    this.#links = links;
    this.#trace = trace;
    this.#machines = machines;
    this.#windowBytes = windowBytes;
  }

  /** As one process has it. */
  of(process: SimulatedProcess): Network {
    return {
      serveHttp: async (options, handler: HttpHandler) => this.#listen(process, options, (end, from) => serveConnection(end, options, handler, from)),
      fetch: async (request) => {
        const url = new URL(request.url);
        if (request.signal?.aborted === true) throw new NetworkError('aborted', 'the request was aborted');
        this.#trace.add(process.name, 'request', `${request.method} ${request.url}`);
        const end = await abortable(this.#connect(process, url.hostname, portOf(url)), request.signal);
        return sendRequest(end, request, { address: url.host });
      },
      dial: async (address, port, options) => streamOver(await abortable(this.#connect(process, address, port), options?.signal), { address: `${address}:${port}` }),
      connect: async ({ address, port, tls, signal }) => {
        this.#trace.add(process.name, 'connect', `${address}:${port}`);
        const end = await abortable(this.#connect(process, address, port), signal);
        end.send({ kind: 'open', certificate: tls?.certPem });
        return channelOver(end, { address: `${address}:${port}` });
      },
      serveStream: async (options, accept) => this.#listen(process, options, (end, from) => accept(streamOver(end, { address: from }))),
      bindDatagram: async () => { assert(false, 'datagrams are not simulated'); },
    };
  }

  /** The process is dead: nobody listens in its place. */
  forget(process: SimulatedProcess): void {
    for (const [key, bound] of this.#listeners) if (bound.process === process) this.#listeners.delete(key);
  }

  /** Breaks all connections between two machines. What was on its way is lost. */
  reset(one: string, other: string): void {
    for (const pipe of this.#pipes) if (pipe.joins(one, other)) pipe.reset();
  }

  #listen(process: SimulatedProcess, options: ServeOptions, accept: Bound['accept']): Listener {
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
    if (!this.#links.connected(own, target.name) || !this.#links.connected(target.name, own)) return this.#failLater(process, 3000, new NetworkError('timeout', `${address}:${port} does not answer`));
    return new Promise((resolve, reject) => {
      this.#loop.schedule(this.#links.latencyMs(own, target.name), () => process.deliver(() => {
        const bound = this.#listeners.get(`${target.name}:${port}`);
        if (bound === undefined) { reject(new NetworkError('refused', `nobody listens on ${address}:${port}`)); return; }
        resolve(this.#join(process, bound, target));
      }));
    });
  }

  #join(process: SimulatedProcess, bound: Bound, target: Machine): End<WireMessage> {
    const pipe = new Pipe<WireMessage>(this.#loop, this.#links, process.machine.name, target.name, { sizeOf: sizeOfMessage, windowBytes: this.#windowBytes });
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
    return new Promise((_resolve, reject) => { this.#loop.schedule(delayMs, () => { process.deliver(() => { reject(error); }); }); });
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
