import type { Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { serviceAccounts } from '../api-types.ts';
import { specOf, uidOf } from '../pod/pod-facts.ts';

interface Token { readonly value: string; readonly refreshAtMs: number }

const dayMs = 24 * 3600 * 1000;

/** Bound service account tokens by TokenRequest; a token is replaced at 80 % of its life, and after a day at the latest. */
export class ServiceAccountTokens {
  readonly #client: Client;
  readonly #host: Host;
  readonly #tokens = new Map<string, Token>();

  constructor(client: Client, host: Host) {
    this.#client = client;
    this.#host = host;
  }

  async token(pod: Pod, audience: string, expirationSeconds: number): Promise<string> {
    const key = `${uidOf(pod)}/${audience}/${expirationSeconds}`;
    const known = this.#tokens.get(key);
    if (known !== undefined && this.#host.clock.nowMs() < known.refreshAtMs) return known.value;
    try {
      const token = await this.#request(pod, audience, expirationSeconds);
      this.#tokens.set(key, token);
      return token.value;
    } catch (error) {
      // The old one is good for another fifth of its life.
      if (known === undefined) throw error;
      this.#host.log.warn('service account token is not refreshed', { pod: pod.metadata?.name, error: (error as Error).message });
      return known.value;
    }
  }

  forget(podUid: string): void {
    for (const key of this.#tokens.keys()) if (key.startsWith(`${podUid}/`)) this.#tokens.delete(key);
  }

  async #request(pod: Pod, audience: string, expirationSeconds: number): Promise<Token> {
    const namespace = pod.metadata?.namespace ?? '';
    const name = specOf(pod).serviceAccountName ?? 'default';
    const nowMs = this.#host.clock.nowMs();
    const answer = await this.#client.createSubresource(serviceAccounts, { namespace, name }, 'token', {
      apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {},
      spec: {
        audiences: audience === '' ? [] : [audience], expirationSeconds,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.metadata?.name, uid: uidOf(pod) },
      },
    }) as { status?: { token?: string; expirationTimestamp?: string } };
    const value = answer.status?.token ?? '';
    const expiresMs = Date.parse(answer.status?.expirationTimestamp ?? '');
    const lifeMs = Number.isNaN(expiresMs) ? expirationSeconds * 1000 : expiresMs - nowMs;
    return { value, refreshAtMs: nowMs + Math.min(lifeMs * 0.8, dayMs) };
  }
}
