import { utf8, type Host, type SignatureAlgorithm } from '@coxswain/host';
import type { JsonObject } from '@coxswain/api';
import { parseJwt } from '../jwt.ts';
import type { JwtIssuer } from './config.ts';
import { KeySet } from './key-set.ts';
import { Refusal } from './refusal.ts';

export type Claims = JsonObject & { readonly iss?: string };

const googleIssuer = 'https://accounts.google.com';

/** Who is said to have issued the claims, unverified. Google has two names for itself. */
export function issuerOf({ iss }: Claims): string | undefined {
  return iss === 'accounts.google.com' ? googleIssuer : iss;
}

function hasAudience(claims: Claims, audiences: readonly string[]): boolean {
  const given = typeof claims['aud'] === 'string' ? [claims['aud']] : Array.isArray(claims['aud']) ? claims['aud'] : [];
  return audiences.some((audience) => given.includes(audience));
}

/** `exp` must be there; five minutes of other clocks are forgiven to `nbf`. */
function checkTimes({ exp, nbf }: Claims, nowMs: number): void {
  if (typeof exp !== 'number' || exp * 1000 <= nowMs) throw new Refusal('oidc: token is expired');
  if (typeof nbf === 'number' && nbf * 1000 > nowMs + 300_000) throw new Refusal('oidc: current time before the nbf (not before) time');
}

/** Looks whether a token is one of an issuer, for us, now, and signed by it. */
export class Verifier {
  readonly keys: KeySet;
  readonly #host: Pick<Host, 'clock' | 'crypto'>;
  readonly #issuer: JwtIssuer;

  constructor(host: Pick<Host, 'clock' | 'crypto' | 'network' | 'timers'>, issuer: JwtIssuer) {
    this.#host = host;
    this.#issuer = issuer;
    this.keys = new KeySet(host, issuer);
  }

  /** undefined: it is another issuer's, or none. Throws Refusal. */
  async claimsOf(token: string): Promise<Claims | undefined> {
    const parsed = parseJwt<Claims>(token);
    if (parsed === undefined || issuerOf(parsed.claims) !== this.#issuer.url) return undefined;
    const { audiences } = this.#issuer;
    if (!hasAudience(parsed.claims, audiences)) throw new Refusal(`oidc: expected audience in ${JSON.stringify(audiences)} got ${JSON.stringify(parsed.claims['aud'])}`);
    checkTimes(parsed.claims, this.#host.clock.nowMs());
    await this.#checkSignature(token, parsed.header);
    return parsed.claims;
  }

  async #checkSignature(token: string, header: { readonly alg: string; readonly kid?: string }): Promise<void> {
    const { signingAlgorithms } = this.#issuer;
    const algorithm = signingAlgorithms.find((one) => one === header.alg) as SignatureAlgorithm | undefined;
    if (algorithm === undefined) throw new Refusal(`oidc: id token signed with unsupported algorithm, expected [${signingAlgorithms.join(' ')}] got ${JSON.stringify(header.alg)}`);
    const end = token.lastIndexOf('.');
    const signature = Uint8Array.fromBase64(token.slice(end + 1), { alphabet: 'base64url' });
    const candidates = await this.keys.find(header.kid, algorithm);
    if (!candidates.some((pem) => this.#host.crypto.verify(algorithm, pem, utf8(token.slice(0, end)), signature))) throw new Refusal('failed to verify signature: failed to verify id token signature');
  }
}
