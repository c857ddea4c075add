import { header, type Host, type HttpRequest } from '@coxswain/host';
import type { Client, ResourceType } from './types.ts';

const tokenReviews: ResourceType = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews', kind: 'TokenReview', namespaced: false };
const subjectAccessReviews: ResourceType = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespaced: false };

interface User { readonly name: string; readonly uid: string; readonly groups: readonly string[]; readonly extra?: unknown }

/** What the user wants to do, in the words of a SubjectAccessReview. */
export type AccessAttributes =
  | { readonly resourceAttributes: Readonly<Record<string, string>> }
  | { readonly nonResourceAttributes: { readonly path: string; readonly verb: string } };

export type AccessVerdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'forbidden'; readonly user: string };

export interface DelegatedAuthConfig {
  /** Ask the API server about bearer tokens. */
  readonly webhookAuthentication: boolean;
  /** Requests without credentials are system:anonymous; else they are refused. */
  readonly anonymous: boolean;
  readonly authorization: 'Webhook' | 'AlwaysAllow';
  readonly authenticationCacheMs: number;
  readonly authorizedCacheMs: number;
  readonly unauthorizedCacheMs: number;
}

/** As upstream's components do it. */
export const defaultDelegatedAuth: DelegatedAuthConfig = {
  webhookAuthentication: true, anonymous: false, authorization: 'Webhook', authenticationCacheMs: 10_000, authorizedCacheMs: 10_000, unauthorizedCacheMs: 10_000,
};

interface Cached<T> { readonly value: T; readonly untilMs: number }

const maxCached = 2000;

/**
 * For a component's own port: who asks (client certificate, else token by TokenReview) and whether they may (SubjectAccessReview).
 * Answers are kept a while. Rejects if the API server cannot be asked.
 */
export class DelegatedAuth {
  readonly #client: Client;
  readonly #permits: Client;
  readonly #host: Host;
  readonly #config: DelegatedAuthConfig;
  readonly #users = new Map<string, Cached<User | undefined>>();
  readonly #decisions = new Map<string, Cached<boolean>>();

  /** `permits`: who is asked what somebody may, if not who is asked who they are. */
  constructor(client: Client, host: Host, config: DelegatedAuthConfig, permits = client) {
    this.#client = client;
    this.#permits = permits;
    this.#host = host;
    this.#config = config;
  }

  async check(request: HttpRequest, wanted: AccessAttributes): Promise<AccessVerdict> {
    const user = await this.#user(request);
    if (user === undefined) return { kind: 'unauthorized' };
    const allowed = this.#config.authorization === 'AlwaysAllow' || await this.#allowed(user, wanted);
    return allowed ? { kind: 'allowed' } : { kind: 'forbidden', user: user.name };
  }

  async #user(request: HttpRequest): Promise<User | undefined> {
    const certificate = request.peer.certificate;
    if (certificate !== undefined) return { name: certificate.commonName, uid: '', groups: [...certificate.organizations, 'system:authenticated'] };
    const token = /^Bearer (.+)$/i.exec(header(request.headers, 'authorization') ?? '')?.[1];
    if (token !== undefined && this.#config.webhookAuthentication) return await this.#byToken(token);
    return token === undefined && this.#config.anonymous ? { name: 'system:anonymous', uid: '', groups: ['system:unauthenticated'] } : undefined;
  }

  async #byToken(token: string): Promise<User | undefined> {
    return await this.#cached(this.#users, token, () => this.#config.authenticationCacheMs, async () => {
      const review = await this.#client.create(tokenReviews, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } } as object) as {
        status?: { authenticated?: boolean; user?: { username?: string; uid?: string; groups?: string[]; extra?: unknown } };
      };
      const user = review.status?.user;
      if (review.status?.authenticated !== true || user === undefined) return undefined;
      return { name: user.username ?? '', uid: user.uid ?? '', groups: user.groups ?? [], extra: user.extra };
    });
  }

  async #allowed(user: User, wanted: AccessAttributes): Promise<boolean> {
    const key = JSON.stringify([user.name, user.groups, user.extra ?? null, wanted]);
    const keepMs = (allowed: boolean): number => (allowed ? this.#config.authorizedCacheMs : this.#config.unauthorizedCacheMs);
    return await this.#cached(this.#decisions, key, keepMs, async () => {
      const review = await this.#permits.create(subjectAccessReviews, {
        apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview',
        spec: { user: user.name, uid: user.uid, groups: user.groups, ...(user.extra === undefined ? {} : { extra: user.extra }), ...wanted },
      } as object) as { status?: { allowed?: boolean } };
      return review.status?.allowed === true;
    });
  }

  async #cached<T>(cache: Map<string, Cached<T>>, key: string, keepMs: (value: T) => number, ask: () => Promise<T>): Promise<T> {
    const nowMs = this.#host.clock.monotonicMs();
    const known = cache.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.value;
    const value = await ask();
    if (cache.size > maxCached) cache.clear();
    cache.set(key, { value, untilMs: nowMs + keepMs(value) });
    return value;
  }
}
