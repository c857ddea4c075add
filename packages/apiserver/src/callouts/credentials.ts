import type { Callouts } from './types.ts';

/** What this server shows a webhook to be known by. */
export interface WebhookCredentials {
  readonly certPem?: string | undefined;
  readonly keyPem?: string | undefined;
  /** `authorization` and whom to impersonate; asked for at each call, because tokens in files change. */
  headers(): Promise<Readonly<Record<string, string>>>;
}

/** By users of a kubeconfig file: their names are `HOST:PORT`, `HOST`, `*.DOMAIN` or `*`. */
export type CredentialsByTarget = ReadonlyMap<string, WebhookCredentials>;

function byName(all: CredentialsByTarget, target: string): WebhookCredentials | undefined {
  const steps = target.split('.');
  return [target, ...steps.slice(1).map((_, at) => `*.${steps.slice(at + 1).join('.')}`)].map((name) => all.get(name)).find((found) => found !== undefined);
}

/** As the original looks: exactly, then by the nearest `*.DOMAIN`, then the same without the port 443, then `*`, then who is current. */
export function credentialsFor(all: CredentialsByTarget, current: string | undefined, target: string): WebhookCredentials | undefined {
  const withoutPort = target.endsWith(':443') ? byName(all, target.slice(0, -':443'.length)) : undefined;
  return byName(all, target) ?? withoutPort ?? all.get('*') ?? (current === undefined ? undefined : all.get(current));
}

export type FindCredentials = (target: string) => WebhookCredentials | undefined;

/** The same callouts, made by somebody whom the webhooks know. */
export function withCredentials(callouts: Callouts, credentials: FindCredentials | undefined): Callouts {
  return credentials === undefined ? callouts : { post: (config, body, options) => callouts.post(config, body, { ...options, credentials }) };
}
