import type { Client } from '@coxswain/client';
import { header, type Host, type HttpRequest } from '@coxswain/host';
import { subjectAccessReviews, tokenReviews } from '../api-types.ts';
import type { KubeletServerConfig } from '../config.ts';

interface User { readonly name: string; readonly uid: string; readonly groups: readonly string[]; readonly extra?: unknown }

export type AuthResult =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'forbidden'; readonly message: string };

/** Sorts a request by what the API server's roles speak of: `nodes/stats`, `nodes/metrics`, `nodes/log`, else `nodes/proxy`. */
export function nodeSubresource(path: string): string {
  const first = path.split('/')[1];
  if (first === 'stats' || first === 'metrics' || first === 'spec') return first;
  return first === 'logs' ? 'log' : 'proxy';
}

const verbs: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

interface Cached<T> { readonly value: T; readonly untilMs: number }

/** Who asks (client certificate, else token by TokenReview) and whether they may (SubjectAccessReview); answers are kept a while. */
export class KubeletAuth {
  readonly #client: Client;
  readonly #host: Host;
  readonly #config: KubeletServerConfig;
  readonly #nodeName: string;
  readonly #users = new Map<string, Cached<User | undefined>>();
  readonly #decisions = new Map<string, Cached<boolean>>();

  constructor(client: Client, host: Host, config: KubeletServerConfig, nodeName: string) {
    this.#client = client;
    this.#host = host;
    this.#config = config;
    this.#nodeName = nodeName;
  }

  /** `path`: the same that the answer is chosen by. */
  async check(request: HttpRequest, path: string): Promise<AuthResult> {
    const user = await this.#user(request);
    if (user === undefined) return { kind: 'unauthorized' };
    if (this.#config.authorization === 'AlwaysAllow') return { kind: 'allowed' };
    const subresource = nodeSubresource(path);
    // Upgrades come as GET from WebSocket clients and as POST from SPDY ones; both run something.
    const verb = verbs[request.method] ?? '';
    if (await this.#allowed(user, verb, subresource)) return { kind: 'allowed' };
    return { kind: 'forbidden', message: `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource=${subresource})` };
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

  async #allowed(user: User, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([user.name, user.groups, verb, subresource]);
    const keepMs = (allowed: boolean): number => (allowed ? this.#config.authorizedCacheMs : this.#config.unauthorizedCacheMs);
    return await this.#cached(this.#decisions, key, keepMs, async () => {
      const review = await this.#client.create(subjectAccessReviews, {
        apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview',
        spec: {
          user: user.name, uid: user.uid, groups: user.groups, ...(user.extra === undefined ? {} : { extra: user.extra }),
          resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: this.#nodeName },
        },
      } as object) as { status?: { allowed?: boolean } };
      return review.status?.allowed === true;
    });
  }

  async #cached<T>(cache: Map<string, Cached<T>>, key: string, keepMs: (value: T) => number, ask: () => Promise<T>): Promise<T> {
    const nowMs = this.#host.clock.monotonicMs();
    const known = cache.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.value;
    const value = await ask();
    if (cache.size > 2000) cache.clear();
    cache.set(key, { value, untilMs: nowMs + keepMs(value) });
    return value;
  }
}
