import { header, readAll, type ClientTls, type Host, type IncomingResponse } from '@coxswain/host';
import { caPemOf, originOf } from '../callouts/callouts.ts';
import { networkText } from '../callouts/failures.ts';
import type { ServiceResolver } from '../callouts/service-resolver.ts';
import type { UserInfo } from '../types.ts';
import type { ApiService } from './api-service.ts';

/** --proxy-client-cert-file, --proxy-client-key-file: who this server is to aggregated ones. */
export interface ProxyIdentity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Asks in its own name. */
const aggregatorUser: UserInfo = { name: 'system:kube-aggregator', uid: '', groups: ['system:masters'], extra: {} };

const documentLimitBytes = 64 * 1024 * 1024;

/** Bytes that a header name may not have, and the percent sign, go encoded. */
function headerKey(key: string): string {
  return encodeURIComponent(key).replaceAll(/[^A-Za-z0-9!#$%&'*+\-.^_`|~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Who asks, for a server that trusts our certificate. */
export function remoteUserHeaders(user: UserInfo): Record<string, string | readonly string[]> {
  return {
    'x-remote-user': user.name,
    ...(user.groups.length === 0 ? {} : { 'x-remote-group': user.groups }),
    ...Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [`x-remote-extra-${headerKey(key).toLowerCase()}`, values])),
  };
}

export interface Document {
  readonly status: number;
  readonly contentType: string;
  readonly etag: string;
  readonly body: Uint8Array;
}

interface Made {
  readonly identity: ProxyIdentity | undefined;
  readonly trust: WeakMap<ApiService, ClientTls>;
  readonly unverified: ClientTls;
}

/** The way to the servers behind APIServices. */
export class Upstream {
  readonly #host: Pick<Host, 'network' | 'timers'>;
  readonly #services: ServiceResolver;
  readonly #identity: () => ProxyIdentity | undefined;
  /** By the identity with which it was made: with a new one connections begin anew. */
  #made: Made | undefined;

  constructor(host: Pick<Host, 'network' | 'timers'>, services: ServiceResolver, identity: () => ProxyIdentity | undefined) {
    this.#host = host;
    this.#services = services;
    this.#identity = identity;
  }

  /** Throws Error if there is no way. */
  async origin(service: ApiService): Promise<string> {
    const { namespace = '', name = '', port = 443 } = service.spec?.service ?? {};
    const { address, port: at } = await this.#services.resolve(namespace, name, port);
    return originOf(address, at);
  }

  #current(): Made {
    const identity = this.#identity();
    if (this.#made === undefined || this.#made.identity !== identity) this.#made = { identity, trust: new WeakMap(), unverified: { insecureSkipVerify: true, ...identity } };
    return this.#made;
  }

  /** One object for one state of an APIService and one identity: connections are kept by it. */
  tls(service: ApiService): ClientTls {
    const { identity, trust } = this.#current();
    const known = trust.get(service);
    if (known !== undefined) return known;
    const { namespace = '', name = '' } = service.spec?.service ?? {};
    const caPem = caPemOf(service.spec?.caBundle);
    const made: ClientTls = {
      serverName: `${name}.${namespace}.svc`, ...identity, ...(caPem === undefined ? {} : { caPem }), ...(service.spec?.insecureSkipTLSVerify === true ? { insecureSkipVerify: true } : {}),
    };
    trust.set(service, made);
    return made;
  }

  async #get(service: ApiService, path: string, tls: ClientTls, headers: Record<string, string>, timeoutMs: number, user = aggregatorUser): Promise<IncomingResponse & { readonly url: string; readonly done: () => void }> {
    const url = `${await this.origin(service)}${path}`;
    const stop = new AbortController();
    const timer = this.#host.timers.after(timeoutMs, () => { stop.abort(); });
    const { hostname, port } = new URL(url);
    try {
      const response = await this.#host.network.fetch({ url, method: 'GET', tls, httpVersion: '1.1', signal: stop.signal, headers: { ...remoteUserHeaders(user), ...headers } });
      return { ...response, url, done: () => timer.cancel() };
    } catch (error) {
      timer.cancel();
      const why = stop.signal.aborted ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : networkText(error, { hostname, port: Number(port === '' ? 443 : port) });
      throw new Error(`failing or missing response from ${url}: Get ${JSON.stringify(url)}: ${why}`);
    }
  }

  /** Whether it answers; nothing secret is sent or believed, so its certificate is not verified. */
  async check(service: ApiService, path: string, timeoutMs: number): Promise<void> {
    const response = await this.#get(service, path, this.#current().unverified, {}, timeoutMs);
    try {
      for await (const _chunk of response.body) break;
    } finally {
      response.done();
    }
    if (response.status < 200 || response.status >= 300) throw new Error(`failing or missing response from ${response.url}: bad status from ${response.url}: ${response.status}`);
  }

  async document(service: ApiService, path: string, headers: Record<string, string>, timeoutMs: number, user = aggregatorUser): Promise<Document> {
    const response = await this.#get(service, path, this.tls(service), headers, timeoutMs, user);
    try {
      return { status: response.status, contentType: header(response.headers, 'content-type') ?? '', etag: header(response.headers, 'etag') ?? '', body: await readAll(response.body, documentLimitBytes) };
    } finally {
      response.done();
    }
  }
}
