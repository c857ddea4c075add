import type { JsonObject } from '@coxswain/api';
import type { Host } from '@coxswain/host';
import type { AuthenticationResult, UserInfo } from '../../types.ts';
import type { TokenAuthenticator } from '../bearer.ts';
import { credentialIdKey, user } from '../users.ts';
import type { JwtIssuer, Mapping, Rule } from './config.ts';
import { DistributedClaims } from './distributed-claims.ts';
import { Refusal } from './refusal.ts';
import { Verifier, type Claims } from './verifier.ts';

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
  const verifier = new Verifier(host, issuer);
  // As the original: where groups are a claim, and no other claim.
  const distributed = issuer.groups?.kind === 'claim' ? new DistributedClaims(host, issuer, issuer.groups.claim) : undefined;

  async function claimsOf(token: string): Promise<Claims | undefined> {
    try {
      return await verifier.claimsOf(token);
    } catch (error) {
      throw error instanceof Refusal ? new Refusal(`oidc: verify token: ${error.message}`) : error;
    }
  }

  async function expanded(claims: Claims): Promise<Claims> {
    try {
      return await distributed?.expand(claims) ?? claims;
    } catch (error) {
      throw new Refusal(`oidc: could not expand distributed claims: ${(error as Error).message}`);
    }
  }

  return {
    problem: () => verifier.keys.problem(),
    async authenticateToken(token, wanted): Promise<AuthenticationResult> {
      try {
        const claims = await claimsOf(token);
        if (claims === undefined) return { kind: 'none' };
        const found = userOf(issuer, await expanded(claims));
        // Such a token is for this server only.
        const audiences = wanted.filter((audience) => apiAudiences.includes(audience));
        return wanted.length > 0 && audiences.length === 0 ? { kind: 'none' } : { kind: 'user', user: found, audiences };
      } catch (error) {
        return { kind: 'invalid', reason: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}
