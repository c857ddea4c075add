import { StatusError } from '@coxswain/api';
import { AssertionFailure, type HeaderMap, type Host, type HttpHandler, type HttpRequest, type HttpResponse, type TimerHandle } from '@coxswain/host';
import { EtcdError } from '@coxswain/etcd-lite/client';
import { requestInfoOf } from '../request-info/request-info.ts';
import type { ApiServerParts, RequestInfo, RequestNotes, UserInfo } from '../types.ts';
import { isLongRunning, type InflightLimit } from './inflight.ts';
import type { RequestMetrics } from './metrics.ts';
import type { PathTable } from './paths.ts';
import { jsonResponse, pageNotFound, statusResponse } from './responses.ts';
import { Notes } from './notes.ts';
import { describeError } from './describe-error.ts';

export interface Stages {
  readonly host: Host;
  readonly parts: Pick<ApiServerParts, 'authenticate' | 'impersonate' | 'authorize'>;
  readonly inflight: InflightLimit;
  readonly paths: PathTable;
  readonly metrics: RequestMetrics;
  readonly requestTimeoutMs: number;
  /** undefined: no such resource. */
  serveResource(request: HttpRequest, info: RequestInfo, user: UserInfo, notes: RequestNotes): Promise<HttpResponse | undefined>;
}

/** Probes work before (and without) authentication by whoever may reach the port only if they are authorized, as upstream's. */
async function serve(stages: Stages, request: HttpRequest, info: RequestInfo, notes: Notes): Promise<HttpResponse> {
  const real = await stages.parts.authenticate(request);
  const user = await stages.parts.impersonate(request, real);
  const leave = stages.inflight.enter(info, user.groups);
  try {
    await stages.parts.authorize(info, user);
    const path = stages.paths.find(info.path);
    if (!info.isResourceRequest) return path === undefined ? pageNotFound() : await path(request, info, user);
    const served = await stages.serveResource(request, info, user, notes);
    if (served !== undefined) return served;
    return path === undefined ? pageNotFound() : await path(request, info, user);
  } finally {
    leave();
  }
}

/** What a failure of the store or of ourselves looks like to a client. */
export function statusOfFailure(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof EtcdError) {
    if (error.code === 14 || error.code === 4) {
      return new StatusError('Timeout', `Timeout: request did not complete within requested timeout - ${error.message}`, { retryAfterSeconds: 1 });
    }
    return new StatusError('', error.message);
  }
  return new StatusError('InternalError', 'This request caused apiserver to panic. Look in the logs for details.');
}

/** Reads and writes that take longer than a client waits; what they do to the store goes on. */
async function inTime(stages: Stages, info: RequestInfo, serving: Promise<HttpResponse>): Promise<HttpResponse> {
  if (isLongRunning(info)) return serving;
  let late: TimerHandle | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    late = stages.host.timers.after(stages.requestTimeoutMs, () => {
      reject(new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout', {}));
    });
  });
  try {
    return await Promise.race([serving, timeout]);
  } finally {
    late?.cancel();
  }
}

async function answer(stages: Stages, request: HttpRequest, info: RequestInfo, notes: Notes): Promise<HttpResponse> {
  try {
    return await inTime(stages, info, serve(stages, request, info, notes));
  } catch (error) {
    if (error instanceof AssertionFailure) throw error;
    const status = statusOfFailure(error);
    if (!(error instanceof StatusError)) stages.host.log.error('A request failed inside the server', { method: request.method, target: request.target, error: describeError(error, { stack: true }) });
    return statusResponse(status);
  }
}

function withHeaders(response: HttpResponse, extra: HeaderMap): HttpResponse {
  return { ...response, headers: { ...extra, ...response.headers } };
}

/** The whole server as one function: every request is answered, nothing rejects. */
export function createHandler(stages: Stages): HttpHandler {
  return async (request) => {
    const startedMs = stages.host.clock.monotonicMs();
    const info = requestInfoOf(request.method, request.target);
    const notes = new Notes(auditIdOf(request, stages.host));
    let response: HttpResponse;
    try {
      response = await answer(stages, request, info, notes);
    } catch (error) {
      stages.host.log.error('An invariant broke while a request was served', { method: request.method, target: request.target, error: describeError(error, { stack: true }) });
      response = jsonResponse(500, statusOfFailure(error).status);
    }
    stages.metrics.observe(info, response.status, stages.host.clock.monotonicMs() - startedMs);
    const warning = notes.warningHeaders();
    return withHeaders(response, { 'audit-id': notes.auditId, 'cache-control': 'no-cache, private', ...(warning.length === 0 ? {} : { warning }) });
  };
}

function auditIdOf(request: HttpRequest, host: Host): string {
  const given = request.headers['audit-id'];
  return typeof given === 'string' && given !== '' && given.length <= 64 ? given : host.random.uuid();
}
