import { NetworkError, type ByteSource, type ClientTls, type Host, type IncomingResponse } from '@coxswain/host';

/** An OutgoingRequest before it has an origin and an identity. */
export interface OutgoingRequestLike {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array | ByteSource;
  readonly signal?: AbortSignal;
}

export type Transport = (request: OutgoingRequestLike) => Promise<IncomingResponse>;

export interface ServerOptions {
  /** `https://host:port` */
  readonly server: string;
  /** Further addresses of the same cluster, tried in turn when one cannot be reached. */
  readonly servers?: readonly string[] | undefined;
  readonly tls?: ClientTls | undefined;
  readonly bearerToken?: string | (() => Promise<string>) | undefined;
}

/** The request certainly did not reach a server, so that another one may get it. */
function neverSent(error: unknown): boolean {
  return error instanceof NetworkError && (error.kind === 'refused' || error.kind === 'unreachable' || error.kind === 'name-not-found');
}

/** Sticks to one server until it fails. */
export function networkTransport(host: Host, options: ServerOptions): Transport {
  const servers = [options.server, ...(options.servers ?? [])].map((server) => server.replace(/\/+$/, ''));
  let current = 0;
  const token = async (): Promise<string | undefined> => (typeof options.bearerToken === 'function' ? await options.bearerToken() : options.bearerToken);
  return async (request) => {
    const bearer = await token();
    const headers = bearer === undefined || bearer === '' ? request.headers : { ...request.headers, authorization: `Bearer ${bearer}` };
    for (let attempt = 1; ; attempt += 1) {
      const index = current;
      try {
        return await host.network.fetch({
          url: `${servers[index]}${request.target}`, method: request.method, headers,
          ...(request.body === undefined ? {} : { body: request.body }),
          ...(options.tls === undefined ? {} : { tls: options.tls }),
          ...(request.signal === undefined ? {} : { signal: request.signal }),
        });
      } catch (error) {
        if (current === index && request.signal?.aborted !== true) current = (index + 1) % servers.length;
        if (!neverSent(error) || attempt >= servers.length) throw error;
      }
    }
  };
}
