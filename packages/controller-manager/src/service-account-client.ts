import { isAlreadyExists, isNotFound, resources, type Client } from '@coxswain/client';
import { type Host, parseRfc3339 } from '@coxswain/host';
import type { TokenRequest } from 'kubernetes-types/authentication/v1';

const namespace = 'kube-system';
const lifetimeSeconds = 3600;

/**
 * Tokens of a controller's own service account, so that each writes with its own rights only. The account is made if it is missing;
 * the token is renewed after four fifths of its life.
 */
export function accountToken(host: Host, client: Client, account: string): () => Promise<string> {
  let current: { readonly token: string; readonly renewAtMs: number } | undefined;
  let pending: Promise<string> | undefined;
  const renew = async (): Promise<string> => {
    const { token, lifeMs } = await requestToken(host, client, account);
    current = { token, renewAtMs: host.clock.monotonicMs() + lifeMs * 0.8 };
    return token;
  };
  return async () => {
    if (current !== undefined && host.clock.monotonicMs() < current.renewAtMs) return current.token;
    pending ??= renew().finally(() => { pending = undefined; });
    return await pending;
  };
}

async function requestToken(host: Host, client: Client, account: string): Promise<{ readonly token: string; readonly lifeMs: number }> {
  const ask = (): Promise<unknown> => client.createSubresource(resources.serviceaccounts, { namespace, name: account }, 'token', {
    apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [], expirationSeconds: lifetimeSeconds },
  });
  const answer = await ask().catch(async (error: unknown) => {
    if (!isNotFound(error)) throw error;
    await client.create(resources.serviceaccounts, { metadata: { namespace, name: account } }).catch((failed: unknown) => { if (!isAlreadyExists(failed)) throw failed; });
    return await ask();
  }) as TokenRequest;
  const lifeMs = parseRfc3339(answer.status?.expirationTimestamp ?? '') - host.clock.nowMs();
  return { token: answer.status?.token ?? '', lifeMs: Number.isNaN(lifeMs) ? lifetimeSeconds * 1000 : lifeMs };
}
