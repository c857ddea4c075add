import type { ByteChannel, ChannelServer, Clock, Logger, Peer, TimerHandle, Timers } from '@coxswain/host';
import type { Head } from './head.ts';
import { Slabs } from './slabs.ts';
import type { Http2Stream } from './stream.ts';
import { Transport } from './transport.ts';

export interface ServerOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** A request: set `stream.handler` before returning, if more of it is to come. Must not throw. */
  readonly onStream: (stream: Http2Stream, head: Head, ended: boolean, peer: Peer) => void;
  /** Default 65,536. */
  readonly maxConcurrentStreams?: number;
  /** A connection from which nothing has come for this long is asked by a ping. Default two hours. */
  readonly keepAliveIntervalMs?: number;
  /** Without any answer to that for this long it is closed. Default 20 s. */
  readonly keepAliveTimeoutMs?: number;
}

/** A preface, frame or header block that has begun must end within this, or the connection is given up. */
const partialMsMax = 30_000;
const sweepMs = 5_000;
const lingerMsMax = 5_000;

export const limits = {
  maxConcurrentStreams: 65_536, streamWindowBytes: 1024 * 1024, connectionWindowBytes: 16 * 1024 * 1024, maxHeaderListBytes: 64 * 1024, maxHeldBytes: 64 * 1024 * 1024,
} as const;

interface Watched {
  readonly transport: Transport;
  heardMs: number;
  pingedMs: number | undefined;
  partialSinceMs: number | undefined;
  frameCount: number;
  /** Its last word has been said; the peer should close it now. */
  endedMs: number | undefined;
}

/** All HTTP/2 connections of a listener. */
export class Http2Server implements ChannelServer {
  readonly #options: ServerOptions;
  readonly #connections = new Set<Watched>();
  readonly #slabs = new Slabs();
  #sweep: TimerHandle | undefined;
  #closing = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  accept(channel: ByteChannel): void {
    const { clock, onStream, log } = this.#options;
    const { peer } = channel;
    const nowMs = (): number => clock.monotonicMs();
    const transport = new Transport(channel, { ...limits, role: 'server', maxConcurrentStreams: this.#options.maxConcurrentStreams ?? limits.maxConcurrentStreams, nowMs, slabs: this.#slabs }, {
      stream: (stream, head, ended) => { onStream(stream, head, ended, peer); },
      changed: () => undefined,
      gone: () => { this.#connections.delete(watched); },
      ended: (failure) => {
        watched.endedMs = nowMs();
        if (failure !== undefined) log.debug('http2 connection given up', { peer: peer.address, code: failure.code, error: failure.message });
      },
    });
    const watched: Watched = { transport, heardMs: nowMs(), pingedMs: undefined, partialSinceMs: undefined, frameCount: 0, endedMs: undefined };
    this.#connections.add(watched);
    if (this.#closing) transport.connection.close();
    this.#sweepLater();
  }

  #sweepLater(): void {
    this.#sweep ??= this.#options.timers.after(sweepMs, () => {
      this.#sweep = undefined;
      for (const watched of this.#connections) this.#look(watched);
      if (this.#connections.size > 0) this.#sweepLater();
    });
  }

  #look(watched: Watched): void {
    const { transport } = watched;
    const nowMs = this.#options.clock.monotonicMs();
    if (watched.endedMs !== undefined) {
      if (nowMs - watched.endedMs >= lingerMsMax) transport.destroy();
      return;
    }
    const { partial, frameCount } = transport.connection;
    // A busy connection is nearly always within some frame.
    if (!partial || frameCount !== watched.frameCount) watched.partialSinceMs = undefined;
    if (partial) watched.partialSinceMs ??= nowMs;
    watched.frameCount = frameCount;
    if (transport.heard) {
      transport.heard = false;
      watched.heardMs = nowMs;
      watched.pingedMs = undefined;
    }
    const silent = watched.pingedMs !== undefined && nowMs - watched.pingedMs >= (this.#options.keepAliveTimeoutMs ?? 20_000);
    if (silent || (watched.partialSinceMs !== undefined && nowMs - watched.partialSinceMs >= partialMsMax)) {
      transport.destroy();
    } else if (watched.pingedMs === undefined && nowMs - watched.heardMs >= (this.#options.keepAliveIntervalMs ?? 7_200_000)) {
      watched.pingedMs = nowMs;
      transport.connection.ping();
    }
  }

  shutdown(): void {
    this.#closing = true;
    if (this.#connections.size === 0) this.#sweep?.cancel();
    for (const { transport } of this.#connections) transport.connection.close();
  }
}
