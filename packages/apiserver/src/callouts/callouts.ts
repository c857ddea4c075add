import { fromUtf8, type ClientTls, type Host } from '@coxswain/host';
import type { Client } from '@coxswain/client';
import type { JsonObject } from '@coxswain/api';
import { askOurselves, exchange, type Exchange } from './exchange.ts';
import type { FindCredentials, WebhookCredentials } from './credentials.ts';
import { statusText } from './failures.ts';
import type { Lookup } from '../live-lookup.ts';
import { clusterAddressResolver, endpointResolver, type ServiceResolver } from './service-resolver.ts';
import { CalloutError, type CalloutOptions, type Callouts, type WebhookClientConfig } from './types.ts';

/** Connections are kept for an identity: it must be the same object for the same trust. */
class Identities {
  readonly #known = new Map<string, ClientTls>();

  of(caPem: string | undefined, serverName: string | undefined, own: WebhookCredentials | undefined): ClientTls {
    const { certPem, keyPem } = own ?? {};
    const key = `${serverName ?? ''}\n${caPem ?? ''}\n${certPem ?? ''}`;
    const known = this.#known.get(key);
    const made = known ?? { ...(caPem === undefined ? {} : { caPem }), ...(serverName === undefined ? {} : { serverName }), ...(certPem === undefined || keyPem === undefined ? {} : { certPem, keyPem }) };
    // The one not used for longest goes first.
    this.#known.delete(key);
    this.#known.set(key, made);
    if (this.#known.size > maxIdentities) for (const oldest of this.#known.keys()) { this.#known.delete(oldest); break; }
    return made;
  }
}

const maxIdentities = 256;

export function caPemOf(caBundle: string | undefined): string | undefined {
  if (caBundle === undefined || caBundle === '') return undefined;
  let pem: string;
  try {
    pem = fromUtf8(Uint8Array.fromBase64(caBundle));
  } catch {
    pem = '';
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new CalloutError('tls', 'unable to load root certificates: unable to parse bytes as PEM block');
  return pem;
}

export function queryText(query: Readonly<Record<string, string>> | undefined): string {
  const text = new URLSearchParams(query ?? {}).toString();
  return text === '' ? '' : `?${text}`;
}

export function originOf(address: string, port: number): string {
  return `https://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** The API's own Service, default/kubernetes, for webhooks that are aggregated APIs. */
export interface OwnApi {
  /** Privileged: so only what others serve may be asked through it. */
  readonly client: Client;
  /** Whether the path goes to another server. */
  readonly isAggregated: (path: string) => boolean;
}

export interface CalloutsOptions {
  readonly own?: OwnApi | undefined;
  readonly host: Pick<Host, 'network' | 'timers'>;
  readonly services: ServiceResolver;
}

export function createCallouts({ host, services, own }: CalloutsOptions): Callouts {
  const identities = new Identities();

  async function ofService(service: NonNullable<WebhookClientConfig['service']>, caPem: string | undefined, query: string, find: FindCredentials | undefined): Promise<Exchange> {
    const { namespace, name, path = '', port = 443 } = service;
    const serverName = `${name}.${namespace}.svc`;
    const rest = `${path === '' || path.startsWith('/') ? path : `/${path}`}${query}`;
    const hostHeader = `${serverName}:${port}`;
    const shownUrl = `https://${hostHeader}${rest}`;
    const own = find?.(hostHeader);
    try {
      const location = await services.resolve(namespace, name, port);
      return { shownUrl, hostHeader, url: new URL(`${originOf(location.address, location.port)}${rest}`), tls: identities.of(caPem, serverName, own), headers: await own?.headers() };
    } catch (error) {
      throw new CalloutError('resolve', `Post ${JSON.stringify(shownUrl)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async function ofUrl(text: string, caPem: string | undefined, query: string, find: FindCredentials | undefined): Promise<Exchange> {
    if (!URL.canParse(text)) throw new CalloutError('resolve', `Unparsable URL: parse ${JSON.stringify(text)}`);
    const url = new URL(text);
    // The query that a URL has is not passed on, as upstream does not.
    url.search = query;
    const own = find?.(url.port === '' ? `${url.hostname}:443` : url.host);
    try {
      return { shownUrl: url.href, url, tls: identities.of(caPem, undefined, own), headers: await own?.headers() };
    } catch (error) {
      throw new CalloutError('connect', `Post ${JSON.stringify(url.href)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Whoever may write a webhook's configuration must not thereby ask this server in the server's name. */
  function askOwn({ client, isAggregated }: OwnApi, path: string, query: string, body: JsonObject, options: CalloutOptions): Promise<JsonObject> {
    const rooted = path.startsWith('/') ? path : `/${path}`;
    if (/[?#]/.test(rooted) || !isAggregated(rooted)) throw new CalloutError('status', statusText(404, ''), 404);
    return askOurselves(host, client, `${rooted}${query}`, body, options);
  }

  return {
    post: async (config, body, options) => {
      const caPem = caPemOf(config.caBundle);
      const query = queryText(options.query);
      if (own !== undefined && isOwnService(config.service)) return askOwn(own, config.service?.path ?? '', query, body, options);
      if (config.service !== undefined) return exchange(host, await ofService(config.service, caPem, query, options.credentials), body, options);
      if (config.url === undefined || config.url === '') throw new CalloutError('resolve', 'webhook configuration must have either service or URL');
      return exchange(host, await ofUrl(config.url, caPem, query, options.credentials), body, options);
    },
  };
}

function isOwnService(service: WebhookClientConfig['service']): boolean {
  return service?.namespace === 'default' && service.name === 'kubernetes' && (service.port ?? 443) === 443;
}

/** --enable-aggregator-routing decides. */
export function serverResolver(host: Pick<Host, 'random'>, lookup: Lookup, toEndpoints: boolean): ServiceResolver {
  return toEndpoints ? endpointResolver(lookup, host.random) : clusterAddressResolver(lookup);
}
