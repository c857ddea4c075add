import type { HttpResponse, Logger } from '@coxswain/host';
import { sourceIps, userAgentOf } from '../audit/sources.ts';
import type { Flight } from './handler.ts';
import type { RequestMetrics } from './metrics.ts';
import { isLongRunning } from './inflight.ts';

/** As upstream's trace of a request. */
const slowMs = 500;

export interface Observing {
  readonly metrics: RequestMetrics;
  readonly log: Logger;
  /** A line for each request. */
  readonly logRequests: boolean;
}

function fieldsOf(flight: Flight, response: HttpResponse): Readonly<Record<string, unknown>> {
  const { request, info, notes, user, impersonated, times } = flight;
  return {
    verb: info.verb, uri: request.target, resp: response.status, auditId: notes.auditId, user: user?.name ?? '', ...(impersonated === undefined ? {} : { as: impersonated.name }),
    userAgent: userAgentOf(request), srcIp: sourceIps(request)[0] ?? '', protocol: request.httpVersion, ...times,
  };
}

/** Each part with when it began and how long it took, in milliseconds since the request came. */
function traceOf({ notes, startedMs, times }: Flight): string {
  const end = startedMs + (times.totalMs ?? 0);
  return (notes.trace?.steps ?? []).map((step) => `${step.name} ${(step.startMs - startedMs).toFixed(1)} +${((step.endMs < 0 ? end : step.endMs) - step.startMs).toFixed(1)}${step.failed ? ' failed' : ''}`).join('; ');
}

/** What is told of a request when it has been answered: numbers always, a line if it was slow or all are wanted. */
export function observe({ metrics, log, logRequests }: Observing, flight: Flight, response: HttpResponse): void {
  const { info, known, user, times } = flight;
  metrics.observe({ info, known: known === true, status: response.status, bytes: response.body instanceof Uint8Array ? response.body.length : undefined, userName: user?.name, times });
  if ((times.totalMs ?? 0) > slowMs && !isLongRunning(info)) log.warn('A request was slow', { ...fieldsOf(flight, response), trace: traceOf(flight) });
  else if (logRequests) log.info('HTTP', fieldsOf(flight, response));
}
