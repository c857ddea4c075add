import type { KubeconfigResult } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { queryText } from './callouts.ts';
import { exchange } from './exchange.ts';
import { CalloutError, type KubeconfigCallout } from './types.ts';

/** The cluster's `server` is the whole URL of the webhook, path and all. Credentials that are functions are asked for each call. */
export function kubeconfigCallout(host: Pick<Host, 'network' | 'timers'>, kubeconfig: KubeconfigResult): KubeconfigCallout {
  return {
    post: async (body, options) => {
      const shownUrl = `${kubeconfig.server}${queryText(options.query)}`;
      let bearer: string | undefined;
      try {
        bearer = typeof kubeconfig.bearerToken === 'function' ? await kubeconfig.bearerToken() : kubeconfig.bearerToken;
      } catch (error) {
        throw new CalloutError('connect', `Post ${JSON.stringify(shownUrl)}: getting credentials: ${error instanceof Error ? error.message : String(error)}`);
      }
      const headers: Record<string, string> = bearer === undefined || bearer === '' ? {} : { authorization: `Bearer ${bearer}` };
      return exchange(host, { shownUrl, url: new URL(shownUrl), tls: kubeconfig.tls, headers }, body, options);
    },
  };
}

export interface RetryPolicy {
  readonly initialDelayMs: number;
  readonly attempts: number;
}

/** `call` again while it fails in a way that may pass: each wait is 1.5 times the last one, 20 % by chance. */
export async function withRetries<T>(host: Pick<Host, 'timers' | 'random'>, policy: RetryPolicy, call: () => Promise<T>): Promise<T> {
  let delayMs = policy.initialDelayMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CalloutError) || !error.retriable || attempt >= policy.attempts) throw error;
      await host.timers.sleep(delayMs * (1 + 0.2 * host.random.float()));
      delayMs *= 1.5;
    }
  }
}
