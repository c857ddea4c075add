import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createSecureServer, constants, type ClientHttp2Session, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fastPathCodecs, fastPathMethods, type FastPathItem } from '@coxswain/client/fast-path';
import { GrpcCutter } from '@coxswain/etcd-lite/wire';

const maxMessageBytes = 16 * 1024 * 1024;

/** A call of the fast path that has come from the client, whole. */
interface Call {
  readonly items: readonly FastPathItem[];
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly client: ServerHttp2Stream;
}

type Items = readonly FastPathItem[];

function messageOf(body: Buffer): Uint8Array {
  const cutter = new GrpcCutter(maxMessageBytes);
  cutter.push(body);
  return cutter.next() ?? new Uint8Array(0);
}

/**
 * A way to the server on which calls with many writes can be kept back, as a full queue somewhere in the network keeps them, or their answers lost.
 * All else goes through, whichever way the writes fare.
 */
export class Way {
  readonly #front: Http2SecureServer;
  readonly #server: ClientHttp2Session;
  readonly #held: Call[] = [];
  #holds: ((items: Items) => boolean) | undefined;
  #onHeld: (() => void)[] = [];

  /** `certificate`, `key`: files. */
  constructor(server: string, { certificate, key }: { readonly certificate: string; readonly key: string }) {
    // Ends that break are what this is for; who waits on one sees it close.
    this.#server = connect(server, { rejectUnauthorized: false }).on('error', () => undefined);
    this.#front = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) });
    this.#front.on('sessionError', () => undefined);
    this.#front.on('stream', (stream, headers) => {
      const client = stream as ServerHttp2Stream;
      client.on('error', () => undefined);
      if (headers[':path'] !== fastPathMethods.write) { this.#pass(client, headers, undefined); return; }
      const parts: Buffer[] = [];
      client.on('data', (part: Buffer) => { parts.push(part); });
      client.on('end', () => { this.#came({ client, headers, body: Buffer.concat(parts), items: fastPathCodecs.writeRequest.decode(messageOf(Buffer.concat(parts))).items }); });
    });
  }

  /** Answers the address. */
  async open(): Promise<string> {
    this.#front.listen(0, '127.0.0.1');
    await once(this.#front, 'listening');
    return `https://127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  #came(call: Call): void {
    if (this.#holds?.(call.items) !== true) { this.#pass(call.client, call.headers, call.body); return; }
    this.#held.push(call);
    for (const told of this.#onHeld) told();
  }

  /** `body` undefined: as it comes. `isLost`: the answer reaches nobody. Answers the server's stream. */
  #pass(client: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer | undefined, isLost = false): ReturnType<ClientHttp2Session['request']> {
    const server = this.#server.request(headers);
    server.on('error', () => undefined);
    client.on('close', () => { if (!isLost) server.close(constants.NGHTTP2_CANCEL); });
    if (body === undefined) client.pipe(server);
    else server.end(body);
    if (isLost) return server;
    let trailers: IncomingHttpHeaders = {};
    server.on('trailers', (came) => { trailers = came; });
    server.on('response', (answer) => {
      if (client.closed) return;
      client.on('wantTrailers', () => { client.sendTrailers(trailers); });
      client.respond(answer, { waitForTrailers: true });
      server.pipe(client);
    });
    server.on('close', () => { if (!server.readableEnded) client.close(constants.NGHTTP2_CANCEL); });
    return server;
  }

  /** Keeps back each call, whole, for which it answers true, from now on. */
  hold(which: (items: Items) => boolean): void {
    this.#holds = which;
  }

  get heldItems(): Items {
    return this.#held.flatMap(({ items }) => items);
  }

  /** Resolves when what is held is enough. */
  heldUntil(enough: (items: Items) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => { if (enough(this.heldItems)) resolve(); };
      this.#onHeld.push(check);
      check();
    });
  }

  /** One half of each call that is held; the rest never comes. */
  sendHalf(): void {
    for (const { client, headers, body } of this.#held.splice(0)) {
      const server = this.#server.request(headers);
      server.on('error', () => undefined);
      client.on('close', () => { server.close(constants.NGHTTP2_CANCEL); });
      server.write(body.subarray(0, body.length >> 1));
    }
  }

  /** Sends on what is held, and holds nothing more. Resolves with the server's code for each write, when it has answered all. */
  async release({ answersAreLost = false } = {}): Promise<readonly number[]> {
    this.#holds = undefined;
    const codes = await Promise.all(this.#held.splice(0).map(async ({ client, headers, body }) => {
      const server = this.#pass(client, headers, body, answersAreLost);
      const parts: Buffer[] = [];
      server.on('data', (part: Buffer) => { parts.push(part); });
      await once(server, 'end');
      return fastPathCodecs.writeResponse.decode(messageOf(Buffer.concat(parts))).answers.map(({ code }) => code);
    }));
    return codes.flat();
  }

  close(): void {
    this.#front.close();
    this.#server.destroy();
  }
}
