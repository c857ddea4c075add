import { resources } from '@coxswain/client';
import { fromUtf8, rfc3339Seconds, utf8, type Clock, type Crypto } from '@coxswain/host';
import type { Secret, ServiceAccount } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import { typed } from '../typed.ts';
import type { AuthenticationResult, ObjectMutator } from '../types.ts';
import type { TokenAuthenticator } from './bearer.ts';
import { parseJwt, verifyJwt, type JwtKey } from './jwt.ts';
import { parseServiceAccountName, serviceAccountGroups, serviceAccountName, user } from './users.ts';

const issuer = 'kubernetes/serviceaccount';
const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since';

interface LegacyClaims {
  readonly iss: string;
  readonly sub?: string;
  readonly 'kubernetes.io/serviceaccount/namespace'?: string;
  readonly 'kubernetes.io/serviceaccount/secret.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.uid'?: string;
}

interface Named {
  readonly namespace: string;
  readonly secret: string;
  readonly account: string;
  readonly uid: string;
}

export interface LegacyTokenOptions {
  readonly keys: readonly JwtKey[];
  readonly apiAudiences: readonly string[];
  /** False: a signature is enough. */
  readonly lookup: boolean;
}

const refuse = (reason: string): AuthenticationResult => ({ kind: 'invalid', reason });

/** What the token names, or what it lacks. */
function namedBy(claims: LegacyClaims): Named | string {
  const prefix = 'kubernetes.io/serviceaccount/';
  const { sub, [`${prefix}namespace`]: namespace, [`${prefix}secret.name`]: secret, [`${prefix}service-account.name`]: account, [`${prefix}service-account.uid`]: uid } = claims as unknown as Readonly<Record<string, string | undefined>>;
  if (!sub) return 'sub claim is missing';
  if (!namespace) return 'namespace claim is missing';
  if (!secret) return 'secretName claim is missing';
  if (!account) return 'serviceAccountName claim is missing';
  if (!uid) return 'serviceAccountUID claim is missing';
  const subject = parseServiceAccountName(sub);
  return subject?.namespace === namespace && subject.name === account ? { namespace, secret, account, uid } : 'sub claim is invalid';
}

/**
 * Tokens that stand in Secrets of type kubernetes.io/service-account-token: without expiry, alive as long as the Secret holds them.
 * The day of their last use is written to the Secret, so that the unused can be found.
 */
export function legacyTokenAuthenticator(host: { readonly clock: Clock; readonly crypto: Crypto }, lookup: Lookup, objects: ObjectMutator, options: LegacyTokenOptions): TokenAuthenticator {
  async function problemOf(token: string, { namespace, secret: secretName, account: name, uid }: Named): Promise<string | undefined> {
    const secret = await lookup<Secret>(resources.secrets, namespace, secretName, (found) => found.metadata?.deletionTimestamp === undefined);
    if (secret === undefined || secret.metadata?.deletionTimestamp !== undefined) return 'Token has been invalidated';
    const copy = fromUtf8(Uint8Array.fromBase64(secret.data?.['token'] ?? ''));
    const digest = (text: string): Uint8Array => host.crypto.hash('sha256', utf8(text));
    if (!host.crypto.timingSafeEqual(digest(copy), digest(token))) return 'Token does not match server\'s copy';
    const account = await lookup<ServiceAccount>(resources.serviceaccounts, namespace, name, (found) => found.metadata?.uid === uid);
    if (account === undefined) return `serviceaccounts ${JSON.stringify(name)} not found`;
    if (account.metadata?.deletionTimestamp !== undefined) return `ServiceAccount ${namespace}/${name} has been deleted`;
    if (account.metadata?.uid !== uid) return `ServiceAccount UID (${account.metadata?.uid ?? ''}) does not match claim (${uid})`;
    await noteUse(secret);
    if (!secret.metadata?.labels?.[invalidSinceLabel]) return undefined;
    return `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${invalidSinceLabel}' label from the secret to temporarily allow use of this token`;
  }

  /** Once a day. That it cannot be written must not keep anybody out. */
  async function noteUse({ metadata }: Secret): Promise<void> {
    const today = rfc3339Seconds(host.clock.nowMs()).slice(0, 10);
    if (metadata?.labels?.[lastUsedLabel] === today) return;
    try {
      await objects.mutate('', 'secrets', { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }, (object) => {
        const secret = typed<Secret>(object);
        if (secret.metadata?.uid === metadata?.uid && secret.metadata !== undefined) secret.metadata.labels = { ...secret.metadata.labels, [lastUsedLabel]: today };
      });
    } catch {
      // Tried again with the next use.
    }
  }

  return {
    async authenticateToken(token, wanted): Promise<AuthenticationResult> {
      const parsed = parseJwt<LegacyClaims>(token);
      if (parsed?.claims.iss !== issuer) return { kind: 'none' };
      if (!verifyJwt(host.crypto, options.keys, token)) return refuse('square/go-jose: error in cryptographic primitive');
      const audiences = wanted.filter((audience) => options.apiAudiences.includes(audience));
      if (audiences.length === 0) return refuse(`token audiences ${JSON.stringify(options.apiAudiences)} is invalid for the target audiences ${JSON.stringify(wanted)}`);
      const named = namedBy(parsed.claims);
      if (typeof named === 'string') return refuse(named);
      const problem = options.lookup ? await problemOf(token, named) : undefined;
      return problem === undefined ? { kind: 'user', user: user(serviceAccountName(named.namespace, named.account), named.uid, serviceAccountGroups(named.namespace)), audiences } : refuse(problem);
    },
  };
}
