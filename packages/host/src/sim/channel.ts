import type { ByteChannel, ChannelEvents, Peer } from '../network.ts';
import type { WireMessage } from './http.ts';
import type { End } from './wire.ts';

/** One message a write, so that a turn of the other side is one event. */
class SimulatedChannel implements ByteChannel {
  readonly peer: Peer;
  readonly #end: End<WireMessage>;
  #events: ChannelEvents | undefined;
  #paused: WireMessage[] | undefined;
  #closed = false;
  #ended = false;
  #peerEnded = false;
  #full = false;

  constructor(end: End<WireMessage>, peer: Peer) {
    this.#end = end;
    this.peer = peer;
  }

  open(events: ChannelEvents): void {
    this.#events = events;
    this.#end.onBreak(() => { this.#close(); });
    this.#end.onMessage((message) => {
      if (this.#paused === undefined) this.#receive(message);
      else this.#paused.push(message);
    });
  }

  #receive(message: WireMessage): void {
    if (this.#closed) return;
    if (message.kind === 'chunk') this.#events?.data(message.data);
    if (message.kind !== 'end') return;
    this.#peerEnded = true;
    this.#events?.ended();
    this.#maybeClose();
  }

  write(parts: readonly Uint8Array[], written?: () => void): boolean {
    if (this.#closed || this.#ended) return true;
    let sizeBytes = 0;
    for (const part of parts) sizeBytes += part.length;
    const data = new Uint8Array(sizeBytes);
    let at = 0;
    for (const part of parts) {
      data.set(part, at);
      at += part.length;
    }
    this.#end.send({ kind: 'chunk', data });
    // Their memory may be used again at once: whoever still counts on it is found out.
    if (written !== undefined) queueMicrotask(written);
    const wait = this.#end.drained();
    if (wait === undefined) return true;
    if (!this.#full) void wait.then(() => { this.#drained(); });
    this.#full = true;
    return false;
  }

  #drained(): void {
    this.#full = false;
    if (!this.#closed) this.#events?.drained();
  }

  pause(): void {
    this.#paused ??= [];
  }

  resume(): void {
    const waiting = this.#paused ?? [];
    this.#paused = undefined;
    for (const message of waiting) this.#receive(message);
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#end.send({ kind: 'end', trailers: {} });
    this.#maybeClose();
  }

  #maybeClose(): void {
    if (!this.#ended || !this.#peerEnded || this.#closed) return;
    this.#end.complete();
    this.#close();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#end.destroy();
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events?.closed();
  }
}

export function channelOver(end: End<WireMessage>, peer: Peer): ByteChannel {
  return new SimulatedChannel(end, peer);
}
