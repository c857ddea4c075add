import type { ByteChannel } from '@coxswain/host';
import { Connection } from './connection.ts';
import type { ConnectionEvents, ConnectionOptions } from './connection-types.ts';
import type { ProtocolFailure } from './frames.ts';

/** What may wait for a transport that is full before nothing more is read. */
const backlogBytes = 64 * 1024;

export interface TransportEvents extends Omit<ConnectionEvents, 'output' | 'flush' | 'closed'> {
  /** The connection is over; its last bytes may still be on their way. Said once. */
  ended(failure: ProtocolFailure | undefined): void;
  /** So is its transport. Said once, after `ended`. */
  gone(): void;
}

/** A Connection on its bytes: what one turn has to say leaves in one write, and what cannot leave holds up what comes in. */
export class Transport {
  readonly connection: Connection;
  readonly channel: ByteChannel;
  readonly #events: TransportEvents;
  #flushing = false;
  #blocked = false;
  #paused = false;
  #over = false;
  #isGone = false;
  /** Something has come since the last look. */
  heard = false;
  #made = false;

  constructor(channel: ByteChannel, options: ConnectionOptions, events: TransportEvents) {
    this.channel = channel;
    this.#events = events;
    this.connection = new Connection(options, {
      output: () => { this.#flushLater(); }, flush: () => { this.flush(); }, stream: events.stream, changed: events.changed,
      closed: (failure) => { this.#finish(failure); },
    });
    this.connection.start();
    channel.open({
      data: (chunk) => {
        this.heard = true;
        this.connection.receive(chunk);
        if (this.#blocked && !this.#paused && this.connection.outputBytes > backlogBytes) this.#pause();
      },
      drained: () => { this.#drained(); },
      ended: () => { this.#gone(); },
      closed: () => { this.#gone(); },
    });
    this.#made = true;
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#blocked) return;
    const { parts, written } = this.connection.takeBatch();
    if (parts.length === 0 || this.channel.write(parts, written)) return;
    this.#blocked = true;
    this.connection.block();
  }

  #pause(): void {
    this.#paused = true;
    this.channel.pause();
  }

  #drained(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.connection.unblock();
    this.#flushLater();
    if (!this.#paused) return;
    this.#paused = false;
    this.channel.resume();
  }

  /** Says the last and closes; the other side's end then closes the rest. */
  #finish(failure: ProtocolFailure | undefined): void {
    const parts = this.connection.take();
    if (parts.length > 0) this.channel.write(parts);
    this.channel.end();
    this.#tellEnd(failure);
  }

  /** Also when only the other side has ended: nobody would read an answer. */
  #gone(): void {
    // The channel had broken before it came here: whoever makes this must have it before it hears of its end.
    if (!this.#made) {
      queueMicrotask(() => { this.#gone(); });
      return;
    }
    this.connection.lost();
    this.channel.destroy();
    this.#tellEnd(undefined);
    if (this.#isGone) return;
    this.#isGone = true;
    this.#events.gone();
  }

  destroy(): void {
    this.#gone();
  }

  #tellEnd(failure: ProtocolFailure | undefined): void {
    if (!this.#made) {
      queueMicrotask(() => { this.#tellEnd(failure); });
      return;
    }
    if (this.#over) return;
    this.#over = true;
    this.#events.ended(failure);
  }
}
