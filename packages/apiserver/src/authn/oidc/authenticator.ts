import type { JsonObject } from '@coxswain/api';
import { utf8, type Host, type SignatureAlgorithm } from '@coxswain/host';
import type { AuthenticationResult, UserInfo } from '../../types.ts';
import type { TokenAuthenticator } from '../bearer.ts';
import { parseJwt } from '../jwt.ts';
import { credentialIdKey, user } from '../users.ts';
import type { JwtIssuer, Mapping, Rule } from './config.ts';
import { KeySet } from './key-set.ts';

type Claims = JsonObject & { readonly iss?: string };

/** Why a token of this issuer is not taken; for TokenReview and the log, never for whoever shows it. */
class Refusal extends Error {}

function hasAudience(claims: Claims, audiences: readonly string[]): boolean {
  const given = typeof claims['aud'] === 'string' ? [claims['aud']] : Array.isArray(claims['aud']) ? claims['aud'] : [];
  return audiences.some((audience) => given.includes(audience));
}

/** `exp` must be there; five minutes of other clocks are forgiven to `nbf`. */
function checkTimes({ exp, nbf }: Claims, nowMs: number): void {
  if (typeof exp !== 'number' || exp * 1000 <= nowMs) throw new Refusal('oidc: verify token: oidc: token is expired');
  if (typeof nbf === 'number' && nbf * 1000 > nowMs + 300_000) throw new Refusal('oidc: verify token: oidc: current time before the nbf (not before) time');
}

function stringsOf(value: unknown, what: string): string[] {
  const list = value === null || value === undefined ? [] : Array.isArray(value) ? value : [value];
  if (!list.every((one): one is string => typeof one === 'string')) throw new Refusal(`oidc: error evaluating ${what} claim expression: expression must return a string or a list of strings`);
  return list.filter((one) => one !== '');
}

function evaluated(mapping: { readonly expression: { readonly evaluate: (value: JsonObject) => unknown } }, value: JsonObject, what: string): unknown {
  try {
    return mapping.expression.evaluate(value);
  } catch (error) {
    throw new Refusal(`oidc: error evaluating ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function textBy(mapping: Mapping, claims: Claims, what: 'username' | 'uid'): string {
  if (mapping.kind === 'expression') {
    const value = evaluated(mapping, claims, `${what} claim expression`);
    if (typeof value !== 'string') throw new Refusal(`oidc: error evaluating ${what} claim expression: ${what} claim expression must return a string`);
    if (value === '' && what === 'username') throw new Refusal('oidc: empty username via CEL expression is not allowed');
    return value;
  }
  const value = claims[mapping.claim];
  const called = what === 'username' ? 'username claims' : 'uid claim';
  if (value === undefined) throw new Refusal(`oidc: parse ${called} ${JSON.stringify(mapping.claim)}: claim not present`);
  if (typeof value !== 'string') throw new Refusal(`oidc: parse ${called} ${JSON.stringify(mapping.claim)}: not a string`);
  if (what === 'username' && mapping.claim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) throw new Refusal('oidc: email not verified');
  return mapping.prefix + value;
}

function groupsBy(mapping: Mapping | undefined, claims: Claims): string[] {
  if (mapping === undefined) return [];
  if (mapping.kind === 'expression') return stringsOf(evaluated(mapping, claims, 'group claim expression'), 'group');
  const value = claims[mapping.claim];
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((one) => typeof one === 'string')) throw new Refusal(`oidc: parse groups claim ${JSON.stringify(mapping.claim)}: not a string or a list of strings`);
  return list.map((group) => mapping.prefix + group);
}

function extraOf(issuer: JwtIssuer, claims: Claims): UserInfo['extra'] {
  const extra: Record<string, readonly string[]> = typeof claims['jti'] === 'string' && claims['jti'] !== '' ? { [credentialIdKey]: [`JTI=${claims['jti']}`] } : {};
  for (const mapping of issuer.extra) {
    const values = stringsOf(evaluated(mapping, claims, 'extra claim expression'), 'extra');
    if (values.length > 0) extra[mapping.key] = values;
  }
  return extra;
}

function checkRules(rules: readonly Rule[], value: JsonObject, what: string): void {
  for (const rule of rules) {
    const holds = evaluated(rule, value, what);
    if (typeof holds !== 'boolean') throw new Refusal(`oidc: error evaluating ${what}: validation expression must return a boolean`);
    if (!holds) throw new Refusal(`oidc: error evaluating ${what}: validation expression '${rule.expression.text}' failed: ${rule.message}`);
  }
}

function userOf(issuer: JwtIssuer, claims: Claims): UserInfo {
  const found = user(textBy(issuer.username, claims, 'username'), issuer.uid === undefined ? '' : textBy(issuer.uid, claims, 'uid'), groupsBy(issuer.groups, claims), extraOf(issuer, claims));
  for (const { claim, value } of issuer.requiredClaims) {
    if (claims[claim] === undefined) throw new Refusal(`oidc: required claim ${claim} not present in ID token`);
    if (claims[claim] !== value) throw new Refusal(`oidc: required claim ${claim} value does not match. Got = ${JSON.stringify(claims[claim])}, want = ${value}`);
  }
  checkRules(issuer.claimRules, claims, 'claim validation expression');
  const { name, uid, groups, extra } = found;
  const seen = { username: name, ...(uid === '' ? {} : { uid }), ...(groups.length === 0 ? {} : { groups: [...groups] }), ...(Object.keys(extra).length === 0 ? {} : { extra: extra as unknown as JsonObject }) };
  checkRules(issuer.userRules, seen, 'user info validation rule');
  return found;
}

export interface OidcAuthenticator extends TokenAuthenticator {
  /** What keeps its keys from being known; undefined: nothing. */
  problem(): Promise<string | undefined>;
}

/** Tokens of one issuer; those of others are not its business. */
export function oidcAuthenticator(host: Pick<Host, 'clock' | 'crypto' | 'network' | 'timers'>, issuer: JwtIssuer, apiAudiences: readonly string[]): OidcAuthenticator {
  const keys = new KeySet(host, issuer);

  async function verify(token: string, header: { readonly alg: string; readonly kid?: string }): Promise<void> {
    const algorithm = issuer.signingAlgorithms.find((one) => one === header.alg) as SignatureAlgorithm | undefined;
    if (algorithm === undefined) throw new Refusal(`oidc: verify token: oidc: id token signed with unsupported algorithm, expected [${issuer.signingAlgorithms.join(' ')}] got ${JSON.stringify(header.alg)}`);
    const end = token.lastIndexOf('.');
    const signature = Uint8Array.fromBase64(token.slice(end + 1), { alphabet: 'base64url' });
    const candidates = await keys.find(header.kid, algorithm);
    if (!candidates.some((pem) => host.crypto.verify(algorithm, pem, utf8(token.slice(0, end)), signature))) throw new Refusal('oidc: verify token: failed to verify signature: failed to verify id token signature');
  }

  return {
    problem: () => keys.problem(),
    async authenticateToken(token, wanted): Promise<AuthenticationResult> {
      const parsed = parseJwt<Claims>(token);
      if (parsed === undefined || parsed.claims.iss !== issuer.url) return { kind: 'none' };
      try {
        if (!hasAudience(parsed.claims, issuer.audiences)) throw new Refusal(`oidc: verify token: oidc: expected audience in ${JSON.stringify(issuer.audiences)} got ${JSON.stringify(parsed.claims['aud'])}`);
        checkTimes(parsed.claims, host.clock.nowMs());
        await verify(token, parsed.header);
        const found = userOf(issuer, parsed.claims);
        // Such a token is for this server only.
        const audiences = wanted.filter((audience) => apiAudiences.includes(audience));
        return wanted.length > 0 && audiences.length === 0 ? { kind: 'none' } : { kind: 'user', user: found, audiences };
      } catch (error) {
        return { kind: 'invalid', reason: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}
