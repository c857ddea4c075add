import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to the server on which what is sent can be kept back, as a full queue somewhere in the network keeps it. */
export class Way {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held: { readonly to: Socket; readonly data: Buffer }[] | undefined;
  #holdFrom = Number.POSITIVE_INFINITY;
  #firstHeld = Promise.withResolvers<void>();

  constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, '127.0.0.1');
      for (const [one, other] of [[client, server], [server, client]] as const) {
        this.#sockets.add(one);
        one.on('error', () => { other.destroy(); });
        one.on('close', () => { this.#sockets.delete(one); other.destroy(); });
      }
      server.pipe(client);
      client.on('data', (data: Buffer) => {
        if (data.length >= this.#holdFrom) { this.#held ??= []; this.#firstHeld.resolve(); }
        if (this.#held === undefined) server.write(data);
        else this.#held.push({ to: server, data });
      });
    });
  }

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** From the first piece on that has so many bytes. */
  holdFrom(bytes: number): void {
    this.#holdFrom = bytes;
  }

  /** Resolves with the first piece that is held. */
  get firstHeld(): Promise<void> { return this.#firstHeld.promise; }

  get heldBytes(): number {
    return (this.#held ?? []).reduce((sum, { data }) => sum + data.length, 0);
  }

  release(): void {
    this.letThrough(Number.POSITIVE_INFINITY);
    this.#held = undefined;
    this.#holdFrom = Number.POSITIVE_INFINITY;
  }

  /** So much of what is held; the rest stays. */
  letThrough(bytes: number): void {
    let left = bytes;
    for (const { to, data } of this.#held ?? []) {
      if (left > 0) to.write(data.subarray(0, left));
      left -= data.length;
    }
    if (this.#held !== undefined) this.#held = [];
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
