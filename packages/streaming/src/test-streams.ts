import { AsyncQueue, NetworkError, type ByteStream } from '@coxswain/host';

/** Two ends of a connection in memory, for tests. */
export function streamPair(): [ByteStream, ByteStream] {
  const forward = new AsyncQueue<Uint8Array>();
  const back = new AsyncQueue<Uint8Array>();
  let destroyed = false;
  const end = (readable: AsyncQueue<Uint8Array>, writable: AsyncQueue<Uint8Array>): ByteStream => ({
    readable,
    write: async (data) => {
      if (destroyed) throw new NetworkError('reset', 'destroyed');
      writable.push(data.slice());
    },
    end: async () => writable.end(),
    destroy: () => {
      destroyed = true;
      writable.end();
      readable.end();
    },
    peer: { address: '127.0.0.1:1' },
  });
  return [end(forward, back), end(back, forward)];
}
