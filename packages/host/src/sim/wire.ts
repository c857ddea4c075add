import type { EventLoop } from './event-loop.ts';
import { NetworkError } from '../network.ts';

/** A connection without an answer from the other side for this long is broken (as a keep-alive ping finds it). */
const stallMsMax = 30_000;

/** Says whether and how fast two machines reach each other now. Asked for each message. */
export interface Links {
  connected(from: string, to: string): boolean;
  latencyMs(from: string, to: string): number;
}

type Receive<M> = (message: M) => void;

/** One end of an ordered, reliable connection that carries messages of type M. */
export interface End<M> {
  send(message: M): void;
  /** Back pressure: resolves when the other side has taken most of what was sent; undefined: no need to wait. */
  drained(): Promise<void> | undefined;
  /** Called in order; messages that came before are handed over at once. */
  onMessage(receive: Receive<M>): void;
  onBreak(broken: (error: NetworkError) => void): void;
  /** Breaks both ends; the other one learns it after the latency. */
  destroy(): void;
  /** Both sides have said all they had to say: nothing needs to remember this connection. */
  complete(): void;
}

class Half<M> {
  receive: Receive<M> | undefined;
  broken: ((error: NetworkError) => void) | undefined;
  /** Came before somebody listened. */
  early: M[] = [];
  /** Sent while the link was down, oldest first. */
  held: M[] = [];
  heldSinceMs: number | undefined;
  lastArrivalMs = 0;
  dead: NetworkError | undefined;
  /** Of what is on its way here. */
  flyingBytes = 0;
  #waiting: (() => void)[] = [];
  readonly #sizeOf: (message: M) => number;
  readonly #windowBytes: number;

  constructor(sizeOf: (message: M) => number, windowBytes: number) {
    this.#sizeOf = sizeOf;
    this.#windowBytes = windowBytes;
  }

  sent(message: M): void {
    this.flyingBytes += this.#sizeOf(message);
  }

  drained(): Promise<void> | undefined {
    if (this.flyingBytes <= this.#windowBytes || this.dead !== undefined) return undefined;
    return new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  deliver(message: M): void {
    if (this.dead !== undefined) return;
    this.flyingBytes -= this.#sizeOf(message);
    if (this.#waiting.length > 0 && this.flyingBytes <= this.#windowBytes) this.#release();
    if (this.receive === undefined) this.early.push(message);
    else this.receive(message);
  }

  break(error: NetworkError): void {
    if (this.dead !== undefined) return;
    this.dead = error;
    this.#release();
    this.broken?.(error);
  }
}

export interface PipeOptions<M> {
  sizeOf(message: M): number;
  /** What may be on its way in one direction before its sender should wait. */
  readonly windowBytes: number;
}

/** Like a TCP connection: messages wait out a partition, a long one breaks the connection. */
export class Pipe<M> {
  readonly #loop: EventLoop;
  readonly #links: Links;
  readonly #machines: readonly [string, string];
  readonly #halves: readonly [Half<M>, Half<M>];

  constructor(loop: EventLoop, links: Links, from: string, to: string, options: PipeOptions<M>) {
    const half = (): Half<M> => new Half<M>((message) => options.sizeOf(message), options.windowBytes);
    this.#halves = [half(), half()];
    this.#loop = loop;
    this.#links = links;
    this.#machines = [from, to];
  }

  /** 0: the side that connected. */
  end(side: 0 | 1): End<M> {
    const own = this.#halves[side];
    return {
      send: (message) => this.#send(side, message),
      drained: () => (own.dead === undefined ? (this.#halves[1 - side] as Half<M>).drained() : undefined),
      onMessage: (receive) => {
        own.receive = receive;
        for (const message of own.early.splice(0)) receive(message);
      },
      onBreak: (broken) => {
        own.broken = broken;
        if (own.dead !== undefined) broken(own.dead);
      },
      destroy: () => this.destroy(side),
      complete: () => undefined,
    };
  }

  joins(one: string, other: string): boolean {
    const [from, to] = this.#machines;
    return (from === one && to === other) || (from === other && to === one);
  }

  /** Both ends see it at once. */
  reset(): void {
    for (const half of this.#halves) half.break(new NetworkError('reset', 'the connection was reset'));
  }

  /** `side` is gone: the other one sees a reset when it can be told. */
  destroy(side: 0 | 1): void {
    const own = this.#halves[side];
    if (own.dead !== undefined) return;
    own.dead = new NetworkError('reset', 'the connection was closed');
    const other = this.#halves[1 - side] as Half<M>;
    const tell = (): void => {
      if (other.dead !== undefined) return;
      if (this.#up(side)) other.break(new NetworkError('reset', 'the peer closed the connection'));
      else this.#loop.schedule(1000, tell);
    };
    this.#loop.schedule(this.#links.latencyMs(this.#machines[side], this.#machines[1 - side] as string), tell);
  }

  #up(side: 0 | 1): boolean {
    return this.#links.connected(this.#machines[side], this.#machines[1 - side] as string);
  }

  #send(side: 0 | 1, message: M): void {
    const own = this.#halves[side];
    if (own.dead !== undefined) return;
    const other = this.#halves[1 - side] as Half<M>;
    other.sent(message);
    if (!this.#up(side) || other.held.length > 0) { this.#hold(side, message); return; }
    // Order is kept although latencies vary.
    const arrivalMs = Math.max(other.lastArrivalMs, this.#loop.nowMs + this.#links.latencyMs(this.#machines[side], this.#machines[1 - side] as string));
    other.lastArrivalMs = arrivalMs;
    this.#loop.schedule(arrivalMs - this.#loop.nowMs, () => {
      if (this.#up(side)) other.deliver(message);
      else this.#hold(side, message);
    });
  }

  #hold(side: 0 | 1, message: M): void {
    const other = this.#halves[1 - side] as Half<M>;
    other.held.push(message);
    if (other.heldSinceMs !== undefined) return;
    other.heldSinceMs = this.#loop.nowMs;
    this.#loop.schedule(200, () => this.#retry(side));
  }

  #retry(side: 0 | 1): void {
    const own = this.#halves[side];
    const other = this.#halves[1 - side] as Half<M>;
    if (own.dead !== undefined && other.dead !== undefined) return;
    if (this.#up(side)) {
      other.heldSinceMs = undefined;
      for (const message of other.held.splice(0)) other.deliver(message);
      return;
    }
    if (this.#loop.nowMs - (other.heldSinceMs ?? 0) > stallMsMax) {
      const error = new NetworkError('timeout', 'the peer answers no ping');
      own.break(error);
      other.break(error);
      return;
    }
    this.#loop.schedule(200, () => this.#retry(side));
  }
}
