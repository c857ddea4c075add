import { fromUtf8, readAll, type Host } from '@coxswain/host';
import type { Json, JsonObject } from '@coxswain/api';
import { parseJwt } from '../jwt.ts';
import type { JwtIssuer } from './config.ts';
import { Refusal } from './refusal.ts';
import { issuerOf, Verifier, type Claims } from './verifier.ts';

type HostPart = Pick<Host, 'clock' | 'crypto' | 'network' | 'timers'>;

const fetchTimeoutMs = 30_000;
const maxAnswerBytes = 1024 * 1024;
/** Issuers of claims whose keys are kept. */
const issuersKept = 16;

function record(value: unknown, problem: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal(problem);
  return value as JsonObject;
}

interface Endpoint {
  readonly url: string;
  readonly accessToken: string;
}

/** Where a claim is to be had that the token only names; undefined: nowhere. */
function endpointOf(claims: Claims, claim: string): Endpoint | undefined {
  if (claims[claim] !== undefined || claims['_claim_names'] === undefined) return undefined;
  const names = record(claims['_claim_names'], 'oidc: error parsing distributed claim names: not an object of strings');
  if (claims['_claim_sources'] === undefined) throw new Refusal('oidc: no claim sources');
  const sources = record(claims['_claim_sources'], 'oidc: could not parse claim sources: not an object');
  const source = Object.hasOwn(names, claim) ? names[claim] : undefined;
  if (source === undefined) return undefined;
  if (typeof source !== 'string' || !Object.hasOwn(sources, source)) throw new Refusal(`id token _claim_names contained a source ${typeof source === 'string' ? source : JSON.stringify(source)} missing in _claims_sources`);
  const { endpoint: url, access_token: accessToken } = record(sources[source], 'oidc: could not parse claim sources: a source is not an object');
  // Without an endpoint it may be an aggregated claim, which is not looked into.
  return typeof url !== 'string' || url === '' ? undefined : { url, accessToken: typeof accessToken === 'string' ? accessToken : '' };
}

/** Fetches the claim of groups from where the token says that it is (OpenID Connect Core 5.6.2). What comes must be signed too, for the same audiences. */
export class DistributedClaims {
  readonly #host: HostPart;
  readonly #issuer: JwtIssuer;
  readonly #claim: string;
  readonly #tls: { readonly caPem?: string };
  readonly #verifiers = new Map<string, Verifier>();

  constructor(host: HostPart, issuer: JwtIssuer, claim: string) {
    this.#host = host;
    this.#issuer = issuer;
    this.#claim = claim;
    this.#tls = issuer.caPem === undefined ? {} : { caPem: issuer.caPem };
  }

  async expand(claims: Claims): Promise<Claims> {
    const endpoint = endpointOf(claims, this.#claim);
    return endpoint === undefined ? claims : { ...claims, [this.#claim]: await this.#resolve(endpoint) };
  }

  async #resolve(endpoint: Endpoint): Promise<Json> {
    const claim = this.#claim;
    const token = await this.#fetch(endpoint);
    const parsed = parseJwt<Claims>(token);
    const issuer = parsed === undefined ? undefined : issuerOf(parsed.claims);
    if (issuer === undefined) throw new Refusal(`getting untrusted issuer from endpoint ${endpoint.url} failed for claim ${JSON.stringify(claim)}: malformed token`);
    let found: Claims | undefined;
    try {
      found = await this.#verifier(issuer).claimsOf(token);
    } catch (error) {
      throw new Refusal(`verify distributed claim token: ${(error as Error).message}`);
    }
    const value = found?.[claim];
    if (value === undefined) throw new Refusal(`jwt returned by distributed claim endpoint ${JSON.stringify(endpoint.url)} did not contain claim: ${claim}`);
    return value;
  }

  #verifier(url: string): Verifier {
    const known = this.#verifiers.get(url);
    const verifier = known ?? new Verifier(this.#host, { ...this.#issuer, url, discoveryUrl: undefined });
    this.#verifiers.delete(url);
    this.#verifiers.set(url, verifier);
    if (this.#verifiers.size > issuersKept) for (const oldest of this.#verifiers.keys()) { this.#verifiers.delete(oldest); break; }
    return verifier;
  }

  async #fetch({ url, accessToken }: Endpoint): Promise<string> {
    const timeout = new AbortController();
    const timer = this.#host.timers.after(fetchTimeoutMs, () => timeout.abort());
    try {
      if (!url.startsWith('https://')) throw new Error(`${url}: URL scheme must be https`);
      const response = await this.#host.network.fetch({ url, method: 'GET', headers: accessToken === '' ? {} : { authorization: `Bearer ${accessToken}` }, tls: this.#tls, signal: timeout.signal });
      const body = fromUtf8(await readAll(response.body, maxAnswerBytes));
      if (response.status < 200 || response.status > 226) throw new Error(`error while getting distributed claim JWT: ${response.status}`);
      return body.trim();
    } catch (error) {
      throw new Refusal(`while getting distributed claim ${JSON.stringify(this.#claim)}: ${(error as Error).message}`);
    } finally {
      timer.cancel();
    }
  }
}
