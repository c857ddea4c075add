import type { ByteStream, Clock, Timers } from '@coxswain/host';

/** Lets so many bytes a second through, on average from the beginning of each burst. */
class Pace {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #bytesPerMs: number;
  #freeAtMs = 0;

  constructor({ clock, timers }: { readonly clock: Clock; readonly timers: Timers }, bytesPerSecond: number) {
    this.#clock = clock;
    this.#timers = timers;
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  async pass(bytes: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / this.#bytesPerMs;
    if (this.#freeAtMs - nowMs >= 1) await this.#timers.sleep(this.#freeAtMs - nowMs);
  }
}

/** --max-connection-bytes-per-sec: what goes over an upgraded connection, each direction for itself. */
export function throttled(stream: ByteStream, bytesPerSecond: number, host: { readonly clock: Clock; readonly timers: Timers }): ByteStream {
  const [inward, outward] = [new Pace(host, bytesPerSecond), new Pace(host, bytesPerSecond)];
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of stream.readable) {
      await inward.pass(chunk.length);
      yield chunk;
    }
  }
  return {
    readable: read(), peer: stream.peer,
    async write(data) {
      await outward.pass(data.length);
      await stream.write(data);
    },
    end: () => stream.end(),
    destroy: () => stream.destroy(),
  };
}
