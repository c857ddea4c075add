import type { AccessAttributes, DelegatedAuth } from '@coxswain/client';
import { utf8, type Host, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { answerHealth, type HealthOptions } from '@coxswain/service';
import type { RunningScheduler } from './start.ts';

export interface SchedulerServerParts {
  readonly host: Host;
  readonly health: HealthOptions;
  readonly scheduler: Pick<RunningScheduler, 'explain'>;
  readonly auth: Pick<DelegatedAuth, 'check'>;
}

const explainPath = /^\/explain\/namespaces\/([a-z0-9.-]+)\/pods\/([a-z0-9.-]+)$/;
const openPaths: ReadonlySet<string> = new Set(['healthz', 'livez', 'readyz']);

function plain(status: number, text: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body: utf8(`${text}\n`) };
}

/** Who may get `pods/explain` may see why a pod was placed as it was; other paths are asked for by their name. */
function attributesOf(path: string): AccessAttributes {
  const pod = explainPath.exec(path);
  if (pod === null) return { nonResourceAttributes: { path, verb: 'get' } };
  const [, namespace = '', name = ''] = pod;
  return { resourceAttributes: { verb: 'get', version: 'v1', resource: 'pods', subresource: 'explain', namespace, name } };
}

async function refusal({ auth, host }: SchedulerServerParts, request: HttpRequest, path: string): Promise<HttpResponse | undefined> {
  try {
    const verdict = await auth.check(request, attributesOf(path));
    if (verdict.kind === 'unauthorized') return plain(401, 'Unauthorized');
    return verdict.kind === 'forbidden' ? plain(403, `User "${verdict.user}" cannot get path "${path}"`) : undefined;
  } catch (error) {
    host.log.warn('could not ask who may see this', { path, error: String(error) });
    return plain(503, 'the API server that knows who may see this does not answer');
  }
}

function explained({ scheduler }: SchedulerServerParts, path: string, query: URLSearchParams): HttpResponse | undefined {
  const pod = explainPath.exec(path);
  if (pod === null) return undefined;
  const items = scheduler.explain(pod[1] as string, pod[2] as string, { everyNode: query.get('nodes') === 'all' });
  return { status: 200, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify({ kind: 'PodExplanationList', items })) };
}

/** Health for everybody; metrics and explanations for those who may. To be served over TLS only. */
export function schedulerHandler(parts: SchedulerServerParts): HttpHandler {
  return async (request) => {
    const [path = '', query = ''] = request.target.split(/\?(.*)/s, 2);
    if (request.method !== 'GET') return plain(405, 'only GET');
    if (!openPaths.has(path.split('/')[1] ?? '')) {
      const refused = await refusal(parts, request, path);
      if (refused !== undefined) return refused;
    }
    return explained(parts, path, new URLSearchParams(query)) ?? await answerHealth(parts.health, request.target) ?? plain(404, '404 page not found');
  };
}
