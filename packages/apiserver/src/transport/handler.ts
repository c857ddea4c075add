import { badRequest, parseDuration, StatusError } from '@coxswain/api';
import { AssertionFailure, type HeaderMap, type Host, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { EtcdError } from '@coxswain/etcd-lite/client';
import type { Auditor } from '../audit/auditor.ts';
import type { RequestAudit } from '../audit/record.ts';
import { isBearerIgnored } from '../authn/bearer.ts';
import { PlainInternalError } from '../authz/forbidden.ts';
import { compressed, type Gzip } from '../serving/compression.ts';
import type { FlowRequest } from '../flow-control/flow-control.ts';
import type { ChangeHistory } from '../why/history.ts';
import { requestInfoOf } from '../request-info/request-info.ts';
import type { ApiServerParts, RequestInfo, RequestNotes, UserInfo } from '../types.ts';
import { isStreamed, whenEnded } from './ended.ts';
import { isLongRunning, passing, type Admittance } from './inflight.ts';
import type { RequestMetrics, StageTimes } from './metrics.ts';
import { observe } from './observe.ts';
import type { PathTable } from './paths.ts';
import { statusResponse } from '../negotiation/respond.ts';
import { internalServerError, jsonResponse, pageNotFound, tooManyRequests } from './responses.ts';
import { Notes } from './notes.ts';
import { RequestTrace } from '../tracing/request-trace.ts';
import { describeError } from './describe-error.ts';

export interface Stages {
  readonly host: Host;
  readonly parts: Pick<ApiServerParts, 'authenticate' | 'impersonate' | 'authorize'>;
  readonly admittance: Admittance;
  /** Who watches what. */
  readonly watches?: { register(info: RequestInfo): () => undefined } | undefined;
  readonly paths: PathTable;
  readonly metrics: RequestMetrics;
  readonly tracer?: { begin(flight: Flight): void; observe(flight: Flight, response: HttpResponse): void } | undefined;
  /** Remembers who wrote what. */
  readonly history?: ChangeHistory | undefined;
  /** Answers for an object's history rather than for the object, where that is asked. The request may get the object. */
  readonly why?: ((flight: Flight) => HttpResponse | undefined) | undefined;
  /** A log line for each request. */
  readonly logRequests?: boolean | undefined;
  readonly audit?: Auditor | undefined;
  /** Absent: nothing is compressed. */
  readonly gzip?: Gzip | undefined;
  readonly requestTimeoutMs: number;
  /** undefined: not for another server. */
  aggregated?(request: HttpRequest, info: RequestInfo, user: UserInfo, notes: RequestNotes): Promise<HttpResponse> | undefined;
  /** undefined: no such resource. */
  serveResource(request: HttpRequest, info: RequestInfo, user: UserInfo, notes: RequestNotes): Promise<HttpResponse | undefined>;
}

/** One request on its way: what its stages find out, for those that record it. */
export interface Flight {
  readonly request: HttpRequest;
  readonly info: RequestInfo;
  readonly notes: Notes;
  readonly receivedMs: number;
  /** The same moment in the clock that only goes forward. */
  readonly startedMs: number;
  /** As it showed itself. */
  user?: UserInfo;
  /** In whose name it asked, if in another's. */
  impersonated?: UserInfo;
  record?: RequestAudit | undefined;
  /** Of the answer, whatever it is. */
  headers?: HeaderMap;
  /** It asks for something that there is. */
  known?: boolean;
  readonly times: StageTimes;
}

/** A class: an object with a getter of its own is slow to make. */
class Entrant implements FlowRequest {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly #request: HttpRequest;

  constructor(info: RequestInfo, user: UserInfo, request: HttpRequest) {
    this.info = info;
    this.user = user;
    this.#request = request;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}

async function identify(stages: Stages, flight: Flight): Promise<UserInfo> {
  const { request, info, notes, receivedMs } = flight;
  if (isBearerIgnored(request)) notes.warn('the provided Authorization header contains extra space before the bearer token, and is ignored');
  try {
    const user = await stages.parts.authenticate(request);
    flight.user = user;
    return user;
  } catch (error) {
    if (error instanceof StatusError && error.code === 401) await stages.audit?.unauthenticated(request, info, notes, receivedMs)?.refused(statusResponse(error, request, info.query));
    throw error;
  }
}

/** Probes work before (and without) authentication by whoever may reach the port only if they are authorized, as upstream's. */
async function serve(stages: Stages, flight: Flight): Promise<HttpResponse> {
  const { request, info, notes } = flight;
  const clock = stages.host.clock;
  const arrivedMs = clock.monotonicMs();
  const real = await identify(stages, flight);
  const knownMs = clock.monotonicMs();
  flight.times.authenticationMs = knownMs - arrivedMs;
  stages.tracer?.begin(flight);
  notes.trace?.add('authentication', arrivedMs, knownMs);
  const record = await stages.audit?.begin(request, info, real, notes, flight.receivedMs);
  if (record === 'refused') return internalServerError(request.target, 'failed to store audit event');
  flight.record = record;
  const user = await stages.parts.impersonate(request, real);
  if (user !== real) {
    flight.impersonated = user;
    record?.impersonated(user);
  }
  const entering = isLongRunning(info) && info.verb !== 'watch' ? passing : stages.admittance.enter(new Entrant(info, user, request));
  const waitsFromMs = entering instanceof Promise ? clock.monotonicMs() : 0;
  const entry = entering instanceof Promise ? await entering : entering;
  if (entering instanceof Promise) {
    const enteredMs = clock.monotonicMs();
    flight.times.queueMs = enteredMs - waitsFromMs;
    notes.trace?.add('waiting for its turn', waitsFromMs, enteredMs);
  }
  flight.headers = entry.headers;
  if (entry.kind === 'reject') return tooManyRequests(entry.retryAfterSeconds);
  try {
    const askedMs = clock.monotonicMs();
    const refused = await refusal(stages, flight, user);
    const decidedMs = clock.monotonicMs();
    flight.times.authorizationMs = decidedMs - askedMs;
    notes.trace?.add('authorization', askedMs, decidedMs);
    return refused ?? await work(stages, flight, user);
  } finally {
    entry.finish();
  }
}

/** What is forbidden is told with a header more than other errors. */
async function refusal(stages: Stages, { request, info, notes }: Flight, user: UserInfo): Promise<HttpResponse | undefined> {
  try {
    await stages.parts.authorize(info, user, notes);
    return undefined;
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 403) throw error;
    const response = statusResponse(error, request, info.query);
    return { ...response, headers: { ...response.headers, 'x-content-type-options': 'nosniff' } };
  }
}

async function work(stages: Stages, flight: Flight, user: UserInfo): Promise<HttpResponse> {
  const { request, info, notes } = flight;
  const why = stages.why?.(flight);
  if (why !== undefined) return why;
  const aggregated = stages.aggregated?.(request, info, user, notes);
  if (aggregated !== undefined) return aggregated;
  if (info.isResourceRequest) {
    const served = await stages.serveResource(request, info, user, notes);
    flight.known = served !== undefined;
    if (served !== undefined) return info.verb === 'watch' && stages.watches !== undefined ? whenEnded(served, stages.watches.register(info)) : served;
  }
  const path = stages.paths.find(info.path);
  if (path === undefined) return pageNotFound();
  flight.known = stages.paths.isExact(info.path);
  return path(request, info, user);
}

/** What a failure of the store or of ourselves looks like to a client. */
function statusOfFailure(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof EtcdError) {
    if (error.code === 14 || error.code === 4) {
      return new StatusError('Timeout', `Timeout: request did not complete within requested timeout - ${error.message}`, { retryAfterSeconds: 1 });
    }
    return new StatusError('', error.message);
  }
  return new StatusError('InternalError', 'This request caused apiserver to panic. Look in the logs for details.');
}

/** A client may ask for less than the server's own limit, not for more. Throws StatusError. */
function askedTimeoutMs(query: URLSearchParams, limitMs: number): number {
  const text = query.get('timeout') ?? '';
  if (text === '') return limitMs;
  const asked = nanosOf(text);
  return asked === 0n ? limitMs : Math.min(limitMs, Math.max(Number(asked / 1_000_000n), 0));
}

function nanosOf(text: string): bigint {
  try {
    return parseDuration(text);
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${error instanceof Error ? error.message : text}`);
  }
}

/** Reads and writes that take longer than a client waits; what they do to the store goes on. */
function inTime(stages: Stages, info: RequestInfo, serve: () => Promise<HttpResponse>): Promise<HttpResponse> {
  if (isLongRunning(info)) return serve();
  const timeoutMs = askedTimeoutMs(info.query, stages.requestTimeoutMs);
  return new Promise((resolve, reject) => {
    const late = stages.host.timers.after(timeoutMs, () => {
      reject(new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout', {}));
    });
    serve().then((response) => {
      late.cancel();
      resolve(response);
    }, (error: unknown) => {
      late.cancel();
      reject(error as Error);
    });
  });
}

async function answer(stages: Stages, flight: Flight): Promise<HttpResponse> {
  const { request, info } = flight;
  try {
    return await inTime(stages, info, () => serve(stages, flight));
  } catch (error) {
    if (error instanceof AssertionFailure) throw error;
    if (error instanceof PlainInternalError) return internalServerError(request.target, error.message);
    if (error instanceof StatusError) return statusResponse(error, request, info.query);
    stages.host.log.error('A request failed inside the server', { method: request.method, target: request.target, error: describeError(error, { stack: true }) });
    if (!(error instanceof EtcdError)) await flight.record?.panicked(error);
    return statusResponse(statusOfFailure(error), request, info.query);
  }
}

/** Nothing that breaks while a request is served breaks the server. */
async function answerAlways(stages: Stages, flight: Flight): Promise<HttpResponse> {
  const { request, info } = flight;
  try {
    const response = await answer(stages, flight);
    return flight.record === undefined ? response : await flight.record.answered(response, isLongRunning(info));
  } catch (error) {
    stages.host.log.error('An invariant broke while a request was served', { method: request.method, target: request.target, error: describeError(error, { stack: true }) });
    await flight.record?.panicked(error);
    return jsonResponse(500, statusOfFailure(error).status);
  }
}

/** A stream is under way until it ends. */
function ended(response: HttpResponse, end: () => void): HttpResponse {
  if (!isStreamed(response)) {
    end();
    return response;
  }
  return whenEnded(response, () => {
    end();
    return undefined;
  });
}

function withHeaders(response: HttpResponse, extra: HeaderMap): HttpResponse {
  return { ...response, headers: { ...extra, ...response.headers } };
}

/** The whole server as one function: every request is answered, nothing rejects. */
export function createHandler(stages: Stages): HttpHandler {
  return async (request) => {
    const startedMs = stages.host.clock.monotonicMs();
    const info = requestInfoOf(request.method, request.target);
    const notes = new Notes(auditIdOf(request, stages.host), new RequestTrace(stages.host.clock, stages.host.random));
    const flight: Flight = { request, info, notes, receivedMs: stages.host.clock.nowMs(), startedMs, times: {} };
    if (stages.history !== undefined && info.verb !== 'get') notes.wrote = (change) => stages.history?.record(change, flight);
    const end = stages.metrics.begin(info);
    const answered = await answerAlways(stages, flight);
    flight.times.totalMs = stages.host.clock.monotonicMs() - startedMs;
    observe({ metrics: stages.metrics, log: stages.host.log, logRequests: stages.logRequests === true }, flight, answered);
    stages.tracer?.observe(flight, answered);
    const own = flight.known === true && stages.gzip !== undefined ? compressed(answered, request, info, stages.gzip) : answered;
    const response = ended(own, end);
    const warning = notes.warningHeaders();
    return withHeaders(response, { ...flight.headers, 'audit-id': notes.auditId, 'cache-control': 'no-cache, private', ...(warning.length === 0 ? {} : { warning }) });
  };
}

function auditIdOf(request: HttpRequest, host: Host): string {
  const given = request.headers['audit-id'];
  return typeof given === 'string' && given !== '' && given.length <= 64 ? given : host.random.uuid();
}
