import { fromUtf8, utf8, type Clock, type Crypto } from '@coxswain/host';
import type { Secret } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import { resources } from '@coxswain/client';
import type { AuthenticationResult } from '../types.ts';
import type { TokenAuthenticator } from './bearer.ts';
import { user } from './users.ts';

const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const refuse = (reason: string): AuthenticationResult => ({ kind: 'invalid', reason });

function entry(secret: Secret, key: string): string {
  const value = secret.data?.[key];
  return value === undefined ? '' : fromUtf8(Uint8Array.fromBase64(value));
}

/** `ID.SECRET` of a Secret kube-system/bootstrap-token-ID. Every doubt refuses, without saying which. */
export function bootstrapTokenAuthenticator(host: { readonly clock: Clock; readonly crypto: Crypto }, lookup: Lookup): TokenAuthenticator {
  return {
    async authenticateToken(token) {
      const [, id, secretPart] = tokenPattern.exec(token) ?? [];
      if (id === undefined || secretPart === undefined) return { kind: 'none' };
      const secret = await lookup(resources.secrets, 'kube-system', `bootstrap-token-${id}`);
      if (secret === undefined) return refuse('no such bootstrap token');
      const problem = secretProblem(secret, id, host.clock.nowMs());
      if (problem !== undefined) return refuse(problem);
      if (!host.crypto.timingSafeEqual(host.crypto.hash('sha256', utf8(entry(secret, 'token-secret'))), host.crypto.hash('sha256', utf8(secretPart)))) {
        return refuse('wrong bootstrap token');
      }
      const groups = extraGroups(secret);
      return groups === undefined ? refuse('bad auth-extra-groups') : { kind: 'user', user: user(`system:bootstrap:${id}`, '', groups) };
    },
  };
}

function secretProblem(secret: Secret, id: string, nowMs: number): string | undefined {
  if (secret.metadata?.deletionTimestamp !== undefined) return 'the bootstrap token is being deleted';
  if (secret.type !== 'bootstrap.kubernetes.io/token') return 'not a bootstrap token';
  if (entry(secret, 'token-id') !== id || entry(secret, 'token-secret') === '') return 'malformed bootstrap token';
  const expiration = entry(secret, 'expiration');
  // An expiration that cannot be read has passed.
  if (expiration !== '' && !(Date.parse(expiration) > nowMs)) return 'the bootstrap token has expired';
  return entry(secret, 'usage-bootstrap-authentication') === 'true' ? undefined : 'the bootstrap token is not for authentication';
}

function extraGroups(secret: Secret): readonly string[] | undefined {
  const extra = entry(secret, 'auth-extra-groups').split(',').map((group) => group.trim()).filter((group) => group !== '');
  return extra.every((group) => groupPattern.test(group)) ? [...new Set(['system:bootstrappers', ...extra])] : undefined;
}
