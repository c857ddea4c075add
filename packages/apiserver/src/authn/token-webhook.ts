import type { JsonObject } from '@coxswain/api';
import type { KubeconfigResult } from '@coxswain/client';
import { utf8, type Host } from '@coxswain/host';
import { kubeconfigCallout, withRetries } from '../callouts/kubeconfig-callout.ts';
import { TtlCache } from '../ttl-cache.ts';
import type { AuthenticationResult } from '../types.ts';
import type { TokenAuthenticator } from './bearer.ts';
import { user } from './users.ts';

export interface TokenWebhookConfig {
  readonly kubeconfig: KubeconfigResult;
  /** Of TokenReview. */
  readonly version: 'v1' | 'v1beta1';
  readonly cacheTtlMs: number;
}

const timeoutMs = 30_000;
const retries = { initialDelayMs: 500, attempts: 5 };
const answersKept = 8192;

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[]; readonly extra?: Readonly<Record<string, readonly string[]>> };
}

function resultOf(answer: JsonObject, wanted: readonly string[], implicit: readonly string[]): AuthenticationResult {
  const status = (answer['status'] ?? {}) as unknown as ReviewStatus;
  const given = (status.audiences ?? []).length > 0 ? status.audiences ?? [] : implicit;
  const audiences = wanted.filter((audience) => given.includes(audience));
  if (wanted.length > 0 && audiences.length === 0) return { kind: 'none' };
  if (status.authenticated !== true) return status.error ? { kind: 'invalid', reason: status.error } : { kind: 'none' };
  const { username = '', uid = '', groups = [], extra = {} } = status.user ?? {};
  return { kind: 'user', user: user(username, uid, groups, extra), audiences };
}

/** Asks somebody outside whose a token is. Answers are kept under the token's digest; a webhook that fails has not answered. */
export function webhookTokenAuthenticator(host: Pick<Host, 'clock' | 'crypto' | 'network' | 'timers' | 'random'>, config: TokenWebhookConfig, apiAudiences: readonly string[]): TokenAuthenticator {
  const callout = kubeconfigCallout(host, config.kubeconfig);
  const known = new TtlCache<AuthenticationResult>(host.clock, answersKept);

  function ask(token: string, audiences: readonly string[]): Promise<JsonObject> {
    const review = { kind: 'TokenReview', apiVersion: `authentication.k8s.io/${config.version}`, metadata: { creationTimestamp: null }, spec: { token, ...(audiences.length === 0 ? {} : { audiences: [...audiences] }) }, status: { user: {} } };
    return withRetries(host, retries, () => callout.post(review, { timeoutMs }));
  }

  return {
    async authenticateToken(token, audiences): Promise<AuthenticationResult> {
      const key = `${host.crypto.hash('sha256', utf8(token)).toHex()} ${JSON.stringify(audiences)}`;
      const kept = known.get(key);
      if (kept !== undefined) return kept;
      try {
        const result = resultOf(await ask(token, audiences), audiences, apiAudiences);
        known.set(key, result, config.cacheTtlMs);
        return result;
      } catch (error) {
        return { kind: 'invalid', reason: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}
