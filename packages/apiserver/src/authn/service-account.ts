import type { Clock, Crypto } from '@coxswain/host';
import type { KubeObject, ResourceType } from '@coxswain/client';
import type { Lookup } from '../live-lookup.ts';
import { resources } from '@coxswain/client';
import type { AuthenticationResult } from '../types.ts';
import type { TokenAuthenticator } from './bearer.ts';
import { parseJwt, verifyJwt, type JwtKey } from './jwt.ts';
import type { BoundReference, ServiceAccountClaims } from './service-account-claims.ts';
import { credentialIdKey, serviceAccountGroups, serviceAccountName, user } from './users.ts';

export interface ServiceAccountTokenOptions {
  /** The first one issues; all are accepted. */
  readonly issuers: readonly string[];
  readonly keys: readonly JwtKey[];
  readonly apiAudiences: readonly string[];
}

/** Clocks differ, and what is bound may be deleted gracefully: as long as this. */
const leewayMs = 60_000;
const verifiedTokensKept = 8192;

const refuse = (reason: string): AuthenticationResult => ({ kind: 'invalid', reason });

/**
 * A token lives as long as what it is bound to: account, pod, secret and node are looked up each time, only the signature's
 * check is remembered.
 */
export function serviceAccountAuthenticator(host: { readonly clock: Clock; readonly crypto: Crypto }, lookup: Lookup, options: ServiceAccountTokenOptions): TokenAuthenticator {
  const verified = new Map<string, ServiceAccountClaims>();

  function claimsOf(token: string): ServiceAccountClaims | AuthenticationResult {
    const known = verified.get(token);
    if (known !== undefined) return known;
    const parsed = parseJwt<ServiceAccountClaims>(token);
    if (parsed === undefined || !options.issuers.includes(parsed.claims.iss)) return { kind: 'none' };
    if (!verifyJwt(host.crypto, options.keys, token)) return refuse('square/go-jose: error in cryptographic primitive');
    if (verified.size >= verifiedTokensKept) verified.delete(verified.keys().next().value as string);
    verified.set(token, parsed.claims);
    return parsed.claims;
  }

  return {
    async authenticateToken(token, wanted) {
      const claims = claimsOf(token);
      if ('kind' in claims) return claims;
      const audiences = wanted.filter((audience) => audiencesOf(claims, options).includes(audience));
      if (audiences.length === 0) return refuse(`token audiences ${goList(audiencesOf(claims, options))} is invalid for the target audiences ${goList(wanted)}`);
      const problem = timeProblem(claims, host.clock.nowMs()) ?? await bindingProblem(claims, lookup, host.clock.nowMs());
      return problem === undefined ? { kind: 'user', user: userOf(claims), audiences } : refuse(problem);
    },
  };
}

/** As Go's %q prints lists. */
function goList(list: readonly string[]): string {
  return `[${list.map((one) => JSON.stringify(one)).join(' ')}]`;
}

function audiencesOf(claims: ServiceAccountClaims, options: ServiceAccountTokenOptions): readonly string[] {
  return Array.isArray(claims.aud) && claims.aud.length > 0 ? claims.aud : options.apiAudiences;
}

function timeProblem(claims: ServiceAccountClaims, nowMs: number): string | undefined {
  if (typeof claims.exp !== 'number' || claims.exp * 1000 + leewayMs < nowMs) return 'service account token has expired';
  if (typeof claims.nbf !== 'number' || claims.nbf * 1000 - leewayMs > nowMs) return 'service account token is not valid yet';
  if (typeof claims.iat === 'number' && claims.iat * 1000 - leewayMs > nowMs) return 'service account token is issued in the future';
  return undefined;
}

async function bindingProblem(claims: ServiceAccountClaims, lookup: Lookup, nowMs: number): Promise<string | undefined> {
  const bound = claims['kubernetes.io'];
  if (typeof bound?.namespace !== 'string' || typeof bound.serviceaccount?.name !== 'string') return 'service account token claims could not be validated due to unexpected validation error';
  const check = (type: ResourceType, namespace: string, reference: { readonly name: string; readonly uid?: string } | undefined, words: Words): Promise<string | undefined> =>
    reference === undefined ? Promise.resolve(undefined) : referenceProblem(lookup, nowMs, { type, namespace, reference, words });
  const account = `${bound.namespace}/${bound.serviceaccount.name}`;
  return await check(resources.serviceaccounts, bound.namespace, bound.serviceaccount, {
    gone: `serviceaccounts ${JSON.stringify(bound.serviceaccount.name)} not found`, other: (uid, claimed) => `service account UID (${uid}) does not match claim (${claimed})`, deleted: `service account ${account} has been deleted`,
  })
    ?? await check(resources.secrets, bound.namespace, bound.secret, boundTo('secret', 'service account secret ref'))
    ?? await check(resources.pods, bound.namespace, bound.pod, boundTo('pod', 'service account pod ref'))
    // With a pod the node is a hint; alone it binds.
    ?? await check(resources.nodes, '', bound.pod === undefined ? bound.node : undefined, boundTo('node', 'service account node ref'));
}

interface Words {
  readonly gone: string;
  readonly other: (uid: string, claimed: string) => string;
  readonly deleted: string;
}

function boundTo(kind: 'secret' | 'pod' | 'node', claim: string): Words {
  const gone = 'service account token has been invalidated';
  return { gone, deleted: gone, other: (uid, claimed) => `${kind} UID (${uid}) does not match ${claim} claim (${claimed})` };
}

interface Bound {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly reference: { readonly name: string; readonly uid?: string };
  readonly words: Words;
}

async function referenceProblem(lookup: Lookup, nowMs: number, { type, namespace, reference, words }: Bound): Promise<string | undefined> {
  const object = await lookup<KubeObject>(type, namespace, reference.name, (found) => found.metadata?.uid === reference.uid);
  if (object === undefined) return words.gone;
  const { uid, deletionTimestamp } = object.metadata ?? {};
  if (uid !== reference.uid) return words.other(uid ?? '', reference.uid ?? '');
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + leewayMs < nowMs ? words.deleted : undefined;
}

function userOf(claims: ServiceAccountClaims): ReturnType<typeof user> {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
  const key = (name: string, value: string | undefined): Record<string, readonly string[]> => (value === undefined ? {} : { [`authentication.kubernetes.io/${name}`]: [value] });
  const about = (name: string, reference: Partial<BoundReference> | undefined): Record<string, readonly string[]> => ({ ...key(`${name}-name`, reference?.name), ...key(`${name}-uid`, reference?.uid) });
  return user(serviceAccountName(namespace, serviceaccount.name), serviceaccount.uid, serviceAccountGroups(namespace), {
    ...(claims.jti === undefined ? {} : { [credentialIdKey]: [`JTI=${claims.jti}`] }),
    ...about('node', node),
    ...about('pod', pod),
  });
}
