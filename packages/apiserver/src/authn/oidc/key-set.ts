import { fromUtf8, readAll, type Host, type SignatureAlgorithm } from '@coxswain/host';
import type { JwtIssuer } from './config.ts';
import { fits, publicKeyPem, type Jwk } from './jwk.ts';

const fetchTimeoutMs = 30_000;
/** After a failure, and between two fetches for keys that nobody knows: whoever invents key ids must not make us ask each time. */
const againAfterMs = 10_000;
const maxDocumentBytes = 1024 * 1024;

type HostPart = Pick<Host, 'clock' | 'network' | 'timers'>;

async function fetchJson(host: HostPart, url: string, issuer: JwtIssuer, tls: object): Promise<Record<string, unknown>> {
  const timeout = new AbortController();
  const timer = host.timers.after(fetchTimeoutMs, () => timeout.abort());
  try {
    const response = await host.network.fetch({ url, method: 'GET', headers: { accept: 'application/json' }, tls, signal: timeout.signal });
    const body = await readAll(response.body, maxDocumentBytes);
    if (response.status !== 200) throw new Error(`${response.status}: ${fromUtf8(body).slice(0, 200)}`);
    const value: unknown = JSON.parse(fromUtf8(body));
    if (typeof value !== 'object' || value === null) throw new Error('not an object');
    return value as Record<string, unknown>;
  } catch (error) {
    throw new Error(`oidc: ${issuer.url}: ${url}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    timer.cancel();
  }
}

/** An issuer's keys: found by its discovery document, kept, and fetched again when a token names one that is not among them. */
export class KeySet {
  readonly #host: HostPart;
  readonly #issuer: JwtIssuer;
  readonly #tls: { readonly caPem?: string };
  #jwksUri: string | undefined;
  #keys: readonly Jwk[] = [];
  #notBeforeMs = -Infinity;
  #problem = 'oidc: authenticator not initialized';
  #fetching: Promise<void> | undefined;

  constructor(host: HostPart, issuer: JwtIssuer) {
    this.#host = host;
    this.#issuer = issuer;
    // One object, so that connections to the issuer are kept.
    this.#tls = issuer.caPem === undefined ? {} : { caPem: issuer.caPem };
  }

  async #discover(): Promise<string> {
    const { url, discoveryUrl } = this.#issuer;
    const at = discoveryUrl ?? `${url.replace(/\/+$/, '')}/.well-known/openid-configuration`;
    const document = await fetchJson(this.#host, at, this.#issuer, this.#tls);
    if (document['issuer'] !== url) throw new Error(`oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${JSON.stringify(document['issuer'])}`);
    if (typeof document['jwks_uri'] !== 'string' || !document['jwks_uri'].startsWith('https://')) throw new Error(`oidc: ${url}: jwks_uri must be an https URL`);
    return document['jwks_uri'];
  }

  async #fetch(): Promise<void> {
    this.#notBeforeMs = this.#host.clock.monotonicMs() + againAfterMs;
    try {
      this.#jwksUri ??= await this.#discover();
      const { keys } = await fetchJson(this.#host, this.#jwksUri, this.#issuer, this.#tls);
      this.#keys = Array.isArray(keys) ? keys as Jwk[] : [];
      this.#problem = '';
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
  }

  #matching(keyId: string | undefined, algorithm: SignatureAlgorithm): Jwk[] {
    return this.#keys.filter((key) => fits(key, algorithm) && (keyId === undefined || key.kid === undefined || key.kid === keyId));
  }

  #refreshed(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => { this.#fetching = undefined; });
    return this.#fetching;
  }

  /** Of the last try, which is made now if it has not succeeded. */
  async problem(): Promise<string | undefined> {
    if (this.#problem !== '') await this.#refreshed();
    return this.#problem === '' ? undefined : this.#problem;
  }

  /** PEMs of the keys that may have signed. Empty: none. Throws while the issuer was never reached. */
  async find(keyId: string | undefined, algorithm: SignatureAlgorithm): Promise<string[]> {
    if (this.#matching(keyId, algorithm).length === 0 && (this.#fetching !== undefined || this.#host.clock.monotonicMs() >= this.#notBeforeMs)) {
      await this.#refreshed();
    }
    if (this.#keys.length === 0 && this.#problem !== '') throw new Error(this.#problem);
    return this.#matching(keyId, algorithm).map(publicKeyPem);
  }
}
