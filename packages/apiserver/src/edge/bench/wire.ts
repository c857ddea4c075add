import { silentLogger, type ByteChannel, type ClientTls, type HeaderMap } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { Http2Client, type ClientRequest, type Field, type Head, type StreamHandler } from '@coxswain/http2';

/** An API server that is asked, ours or another. */
export interface Endpoint {
  readonly server: string;
  /** '': the certificate of `tls` says who asks. */
  readonly token: string;
  readonly tls?: ClientTls;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: Uint8Array;
  readonly contentType?: string;
  readonly accept?: string;
}

export interface Answer {
  readonly status: number;
  readonly sizeBytes: number;
  /** Of an answer that failed, and of one whose `keep` was asked for: its first bytes. */
  readonly start: string;
  /** Until the first byte of content. */
  readonly firstMs: number;
}

const host = createRealHost(silentLogger);
const noBody = new Uint8Array(0);

/** Takes what comes and counts it; nothing is decoded. */
class Counting implements StreamHandler {
  request: ClientRequest | undefined;
  readonly #settle: (answer: Answer | Error) => void;
  readonly #startMs = performance.now();
  #status = 0;
  #sizeBytes = 0;
  #start = '';
  #firstMs = 0;

  constructor(settle: (answer: Answer | Error) => void) {
    this.#settle = settle;
  }

  head(head: Head, ended: boolean): void {
    this.#status = head.status;
    if (ended) this.#done();
  }

  data(data: Uint8Array, ended: boolean): void {
    if (this.#sizeBytes === 0) {
      this.#firstMs = performance.now() - this.#startMs;
      if (this.#status >= 300 || this.#status === 200) this.#start = Buffer.from(data.buffer, data.byteOffset, Math.min(data.length, 1024)).toString('latin1');
    }
    this.#sizeBytes += data.length;
    if (ended) this.#done();
    else this.request?.stream?.consumed(data.length);
  }

  trailers(_headers: HeaderMap): void {
    this.#done();
  }

  #done(): void {
    this.#settle({ status: this.#status, sizeBytes: this.#sizeBytes, start: this.#start, firstMs: this.#firstMs });
  }

  reset(code: number): void {
    this.#settle(new Error(`the server broke a request off (HTTP/2 error ${code})`));
  }

  drained(): void {}
}

/** One HTTP/2 connection, over the project's own engine: its client costs a fraction of what node:http2's does. */
export class Connection {
  readonly #client: Http2Client;
  readonly #authority: string;
  readonly #token: string;

  private constructor(channel: ByteChannel, endpoint: Endpoint) {
    this.#client = new Http2Client(channel, { clock: host.clock, timers: host.timers, onLeaving: () => undefined, briefReads: true });
    this.#authority = new URL(endpoint.server).host;
    this.#token = endpoint.token;
  }

  static async connect(endpoint: Endpoint): Promise<Connection> {
    const url = new URL(endpoint.server);
    if (url.protocol !== 'https:') throw new Error(`${endpoint.server}: only https is measured`);
    // Its certificate is not what is looked at here.
    const channel = await host.network.connect({ address: url.hostname, port: Number(url.port === '' ? '443' : url.port), tls: { ...endpoint.tls, insecureSkipVerify: true }, alpn: ['h2'], briefReads: true });
    return new Connection(channel, endpoint);
  }

  #fields(call: Call): Field[] {
    const fields: Field[] = [
      [':method', call.method], [':scheme', 'https'], [':path', call.path], [':authority', this.#authority],
      ...(this.#token === '' ? [] : [['authorization', `Bearer ${this.#token}`] as const satisfies Field]),
      ['accept', call.accept ?? 'application/json'], ['user-agent', 'cox-bench'],
    ];
    if (call.body !== undefined) fields.push(['content-type', call.contentType ?? 'application/json'], ['content-length', String(call.body.length)]);
    return fields;
  }

  /** Servers close connections on which nothing happens for long. */
  get open(): boolean {
    return this.#client.open;
  }

  start(call: Call, handler: StreamHandler): ClientRequest {
    return this.#client.send(this.#fields(call), call.body ?? noBody, handler);
  }

  /** Resolves with the last byte. */
  call(call: Call): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const counting = new Counting((answer) => { if (answer instanceof Error) reject(answer); else resolve(answer); });
      counting.request = this.start(call, counting);
    });
  }

  close(): void {
    this.#client.close();
  }
}

export async function connectAll(endpoint: Endpoint, count: number): Promise<readonly Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.connect(endpoint)));
}
