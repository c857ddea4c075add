import { UsageError } from '@coxswain/service';
import type { Host } from '@coxswain/host';
import { unionTokens, type TokenAuthenticator } from '../bearer.ts';
import { oidcAuthenticator, type OidcAuthenticator } from './authenticator.ts';
import type { AuthenticationConfig } from './config.ts';

/** How long a new set of issuers may take until all of them have been reached. */
const reachWithinMs = 60_000;
const tryEveryMs = 10_000;

/** Issuers that may become others while the server runs. */
export class LiveIssuers implements TokenAuthenticator {
  readonly #host: Pick<Host, 'clock' | 'crypto' | 'network' | 'timers'>;
  readonly #anonymous: string;
  readonly #apiAudiences: readonly string[];
  #current: TokenAuthenticator;

  constructor(host: Pick<Host, 'clock' | 'crypto' | 'network' | 'timers'>, config: AuthenticationConfig | undefined, apiAudiences: readonly string[]) {
    this.#host = host;
    this.#apiAudiences = apiAudiences;
    this.#anonymous = JSON.stringify(config?.anonymous ?? null);
    this.#current = unionTokens(this.#made(config));
  }

  #made(config: AuthenticationConfig | undefined): OidcAuthenticator[] {
    return (config?.issuers ?? []).map((issuer) => oidcAuthenticator(this.#host, issuer, this.#apiAudiences));
  }

  authenticateToken(token: string, audiences: readonly string[]): ReturnType<TokenAuthenticator['authenticateToken']> {
    return this.#current.authenticateToken(token, audiences);
  }

  /** Issuers that cannot be reached do not take the place of those that can. */
  async replace(config: AuthenticationConfig, signal: AbortSignal): Promise<void> {
    if (JSON.stringify(config.anonymous ?? null) !== this.#anonymous) throw new UsageError('anonymous: Forbidden: changed from initial configuration file');
    const next = this.#made(config);
    await this.#reached(next, this.#host.clock.monotonicMs() + reachWithinMs, signal);
    this.#current = unionTokens(next);
  }

  async #reached(issuers: readonly OidcAuthenticator[], untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock, timers } = this.#host;
    for (;;) {
      const problems = (await Promise.all(issuers.map((issuer) => issuer.problem()))).filter((problem) => problem !== undefined);
      if (problems.length === 0) return;
      if (signal.aborted || clock.monotonicMs() + tryEveryMs > untilMs) throw new Error(problems.join(', '));
      await timers.sleep(tryEveryMs, signal);
    }
  }
}
