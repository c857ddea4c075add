import { createClientFromTransport, type Client, type Transport } from '@coxswain/client';
import { emptyBytes, type ByteSource, type Host, type HttpHandler, type HttpRequest, type IncomingResponse } from '@coxswain/host';
import type { UserInfo } from '../types.ts';

export const loopbackUser: UserInfo = { name: 'system:apiserver', uid: '', groups: ['system:masters', 'system:authenticated'], extra: {} };

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (data.length > 0) yield data;
}

function asSource(body: Uint8Array | ByteSource | undefined): ByteSource {
  if (body === undefined) return once(emptyBytes);
  return body instanceof Uint8Array ? once(body) : body;
}

/** The server's own requests, without wire and credentials: who holds this object's requests is the server itself. */
export class Loopback {
  readonly client: Client;
  /** Its requests are not admitted: they carry out what was. */
  readonly admittedClient: Client;
  readonly #own = new WeakSet<HttpRequest>();
  readonly #admitted = new WeakSet<HttpRequest>();

  constructor(handle: HttpHandler, host: Host) {
    const transport = (admitted: boolean): Transport => async (request): Promise<IncomingResponse> => {
      const incoming: HttpRequest = {
        method: request.method, target: request.target, headers: request.headers, body: asSource(request.body), peer: { address: '127.0.0.1:0' }, httpVersion: '2',
        signal: request.signal ?? new AbortController().signal, upgradeRequested: false,
      };
      this.#own.add(incoming);
      if (admitted) this.#admitted.add(incoming);
      const response = await handle(incoming);
      return { status: response.status, headers: response.headers, body: asSource(response.body), trailers: Promise.resolve({}) };
    };
    const options = { userAgent: 'coxswain-apiserver', timers: host.timers };
    this.client = createClientFromTransport(transport(false), options);
    this.admittedClient = createClientFromTransport(transport(true), options);
  }

  isOwn(request: HttpRequest): boolean {
    return this.#own.has(request);
  }

  isAdmitted(request: HttpRequest): boolean {
    return this.#admitted.has(request);
  }
}
