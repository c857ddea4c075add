import type { Host, HttpHandler, HttpRequest, HttpResponse } from '@coxswain/host';
import { answerHealth, type Metrics } from '@coxswain/service';
import { messageOf } from '../api-types.ts';
import type { KubeletServerConfig } from '../config.ts';
import type { KubeletView } from '../kubelet.ts';
import { json, plain } from './answers.ts';
import { KubeletAuth } from './auth.ts';
import { containerLogs } from './container-logs.ts';
import { scrapeResources } from './resource-metrics.ts';
import { StatsCollector } from './stats.ts';
import { execOrAttach, portForward, runInContainer } from './streams.ts';

type Route = (request: HttpRequest, parts: readonly string[], query: URLSearchParams) => Promise<HttpResponse>;

function routes(view: KubeletView, host: Host): Readonly<Record<string, Route>> {
  const stats = new StatsCollector(view, host);
  const list = async (): Promise<HttpResponse> => json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: view.pods() });
  return {
    pods: list, runningpods: list,
    containerLogs: (request, parts, query) => containerLogs(view, host, request, parts, query),
    exec: (request, parts, query) => execOrAttach(view, host, request, parts, query, 'exec'),
    attach: (request, parts, query) => execOrAttach(view, host, request, parts, query, 'attach'),
    portForward: (request, parts, query) => portForward(view, host, request, parts, query),
    run: (_request, parts, query) => runInContainer(view, parts, query),
    metrics: async (_request, parts) => (parts[0] === 'resource' ? plain(200, await scrapeResources(view, host)) : plain(404, '404 page not found\n')),
    stats: async (_request, parts) => (parts[0] === 'summary' ? json(await stats.summary()) : plain(404, '404 page not found\n')),
  };
}

/** The kubelet's own API: every path but none is for the authenticated and authorized only. */
export function kubeletHandler(view: KubeletView, host: Host, config: KubeletServerConfig, metrics: Metrics): HttpHandler {
  const auth = new KubeletAuth(view.client, host, config, view.config.nodeName);
  const table = routes(view, host);
  const health = { livez: { syncloop: async () => view.health() }, metrics };
  return async (request) => {
    try {
      // One reading of the path, for who may and for what is done: `/stats/../exec` must not be two things.
      const url = new URL(request.target, 'http://kubelet');
      const verdict = await auth.check(request, url.pathname);
      if (verdict.kind === 'unauthorized') return plain(401, 'Unauthorized');
      if (verdict.kind === 'forbidden') return plain(403, verdict.message);
      const answer = answerHealth(health, `${url.pathname}${url.search}`);
      if (answer !== undefined) return await answer;
      const [, first = '', ...parts] = url.pathname.split('/').map((part) => decodeURIComponent(part));
      const route = Object.hasOwn(table, first) ? table[first] : undefined;
      return route === undefined ? plain(404, '404 page not found\n') : await route(request, parts.filter((part) => part !== ''), url.searchParams);
    } catch (error) {
      host.log.warn('request to the kubelet failed', { target: request.target, error: messageOf(error) });
      return plain(500, messageOf(error));
    }
  };
}

/** Health only, for the machine itself. */
export function healthzHandler(view: KubeletView, metrics: Metrics): HttpHandler {
  return async (request) => await (answerHealth({ livez: { syncloop: async () => view.health() }, metrics }, request.target) ?? Promise.resolve(plain(404, '404 page not found\n')));
}
