import { NetworkError, type ClientTls, type Host } from '@coxswain/host';
import { Http2Client, type ClientRequest, type Headers, type StreamHandler } from '@coxswain/http2';

/** One connection an endpoint, made when it is first needed and made anew when it has gone. */
export class Connections {
  readonly #host: Host;
  readonly #tls: ClientTls | undefined;
  readonly #open = new Map<string, Http2Client>();
  readonly #opening = new Map<string, Promise<Http2Client>>();
  #closed = false;

  constructor(host: Host, tls: ClientTls | undefined) {
    this.#host = host;
    this.#tls = tls;
  }

  /** At once if it stands; else what to wait for, which rejects with NetworkError. */
  get(endpoint: string): Http2Client | Promise<Http2Client> {
    const open = this.#open.get(endpoint);
    if (open?.open === true) return open;
    const opening = this.#opening.get(endpoint);
    if (opening !== undefined) return opening;
    const next = this.#connect(endpoint).finally(() => { this.#opening.delete(endpoint); });
    this.#opening.set(endpoint, next);
    return next;
  }

  async #connect(endpoint: string): Promise<Http2Client> {
    const { network, clock, timers } = this.#host;
    const url = new URL(endpoint);
    const secure = url.protocol === 'https:';
    const channel = await network.connect({
      address: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? (secure ? 443 : 80) : Number(url.port), ...(secure ? { tls: this.#tls ?? {}, alpn: ['h2'] } : {}),
    });
    const client = new Http2Client(channel, { clock, timers, onLeaving: () => { if (this.#open.get(endpoint) === client) this.#open.delete(endpoint); } });
    if (this.#closed) {
      client.close();
      throw new NetworkError('aborted', 'the client was closed');
    }
    this.#open.set(endpoint, client);
    return client;
  }

  /** What still runs on it is reset. */
  drop(endpoint: string): void {
    this.#open.get(endpoint)?.close();
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#open.values()) client.close();
  }
}

export type { ClientRequest, Headers, StreamHandler };
