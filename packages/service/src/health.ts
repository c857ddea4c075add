import { utf8, type HttpHandler, type HttpResponse } from '@coxswain/host';
import type { Metrics } from './metrics.ts';

/** Resolves undefined if all is well, or the reason why not. */
export type HealthCheck = () => Promise<string | undefined>;

export interface HealthOptions {
  /** By name; `ping` is always there. */
  readonly livez?: Readonly<Record<string, HealthCheck>>;
  /** In addition to those of livez. */
  readonly readyz?: Readonly<Record<string, HealthCheck>>;
  readonly metrics?: Metrics;
}

function text(status: number, body: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body: utf8(body) };
}

async function runChecks(path: string, checks: Readonly<Record<string, HealthCheck>>, query: URLSearchParams): Promise<HttpResponse> {
  const excluded = new Set(query.getAll('exclude'));
  const lines: string[] = [];
  let failed = 0;
  for (const [name, check] of Object.entries({ ping: async () => undefined, ...checks })) {
    if (excluded.has(name)) { lines.push(`[+]${name} excluded: ok`); continue; }
    const reason = await check().catch((error: unknown) => String(error));
    if (reason !== undefined) failed += 1;
    lines.push(reason === undefined ? `[+]${name} ok` : `[-]${name} failed: ${reason}`);
  }
  const name = path.slice(1).split('/')[0] as string;
  if (failed > 0) return text(500, `${lines.join('\n')}\n${name} check failed\n`);
  return query.has('verbose') ? text(200, `${lines.join('\n')}\n${name} check passed\n`) : text(200, 'ok');
}

function single(checks: Readonly<Record<string, HealthCheck>>, name: string): Readonly<Record<string, HealthCheck>> | undefined {
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (check !== undefined) return { [name]: check };
  return name === 'ping' ? {} : undefined;
}

/** /healthz /livez /readyz (and one check by path: /readyz/etcd), /metrics. Undefined: not one of these paths. */
export function answerHealth(options: HealthOptions, target: string): Promise<HttpResponse> | undefined {
  // As it stands: an URL would resolve `/healthz/../metrics`, for which somebody may have been let in who may see only the first.
  const [path = '', query = ''] = target.split(/\?(.*)/s, 2);
  const [, endpoint, ...rest] = path.split('/');
  if (endpoint === 'metrics' && rest.length === 0 && options.metrics !== undefined) {
    return options.metrics.render().then((body) => ({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: utf8(body) }));
  }
  if (endpoint !== 'healthz' && endpoint !== 'livez' && endpoint !== 'readyz') return undefined;
  const checks = endpoint === 'livez' ? { ...options.livez } : { ...options.livez, ...options.readyz };
  const chosen = rest.length === 0 ? checks : single(checks, rest.join('/'));
  return chosen === undefined ? Promise.resolve(text(404, '404 page not found\n')) : runChecks(path, chosen, new URLSearchParams(query));
}

/** A server of nothing but health and metrics. */
export function healthHandler(options: HealthOptions): HttpHandler {
  return async (request) => (await answerHealth(options, request.target)) ?? text(404, '404 page not found\n');
}
