import { append, header, type Host, type HttpResponse } from '@coxswain/host';
import type { Flight } from '../transport/handler.ts';
import { describeError } from '../transport/describe-error.ts';
import type { Step, TraceIds } from './request-trace.ts';
import { exportRequest, type Span } from './span.ts';

export interface TracingConfig {
  readonly samplingRatePerMillion: number;
  /** What says whose spans they are: `service.name`, `service.instance.id`. */
  readonly resource: Readonly<Record<string, string>>;
  /** Sends an ExportTraceServiceRequest. */
  export(request: Uint8Array): Promise<void>;
  close(): void;
}

const maxWaiting = 2048;
const maxBatch = 512;
const everyMs = 5000;

const noParent = new Uint8Array(0);

interface Parent {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly sampled: boolean;
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** W3C trace context. */
export function parentOf(traceparent: string): Parent | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/.exec(traceparent);
  if (match === null || /^0+$/.test(match[1] as string) || /^0+$/.test(match[2] as string)) return undefined;
  return { traceId: fromHex(match[1] as string), spanId: fromHex(match[2] as string), sampled: (Number.parseInt(match[3] as string, 16) & 1) === 1 };
}

/** Spans of requests, sampled, sent in batches. What cannot be sent or waits too long is dropped and counted. */
export class Tracer {
  readonly #config: TracingConfig;
  readonly #host: Host;
  readonly #stop = new AbortController();
  #waiting: Span[] = [];
  dropped = 0;

  constructor(config: TracingConfig, host: Host) {
    this.#config = config;
    this.#host = host;
  }

  start(): void {
    void this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#host.timers.sleep(everyMs, signal);
      await this.#flush();
    }
    this.#config.close();
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxBatch);
      try {
        await this.#config.export(exportRequest(this.#config.resource, batch));
      } catch (error) {
        this.dropped += batch.length;
        this.#host.log.warn('Spans were not exported', { spans: batch.length, dropped: this.dropped, error: describeError(error) });
        return;
      }
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** A trace that was begun elsewhere is gone on with if whoever asks is known and it is sampled there. Whoever is asked from now on is told of it. */
  begin({ notes, user, request }: Flight): void {
    if (notes.trace !== undefined) notes.trace.ids = this.#idsFor(user === undefined ? undefined : parentOf(header(request.headers, 'traceparent') ?? ''));
  }

  #idsFor(parent: Parent | undefined): TraceIds {
    const { random } = this.#host;
    const sampled = parent?.sampled ?? random.float() * 1e6 < this.#config.samplingRatePerMillion;
    return { traceId: parent?.traceId ?? random.bytes(16), spanId: random.bytes(8), parentSpanId: parent?.spanId ?? noParent, sampled };
  }

  observe(flight: Flight, response: HttpResponse): void {
    const { notes: { trace } } = flight;
    // Nobody is known who asked.
    const ids = trace?.ids ?? this.#idsFor(undefined);
    if (!ids.sampled) return;
    const spans = [this.#requestSpan(flight, response, ids), ...(trace?.steps ?? []).map((step) => this.#stepSpan(flight, step, ids))];
    const room = maxWaiting - this.#waiting.length;
    this.dropped += Math.max(0, spans.length - room);
    append(this.#waiting, spans.slice(0, Math.max(0, room)));
  }

  /** What was asked of others goes on beyond this server; `endMs` below 0: still, when the request was over. */
  #stepSpan({ receivedMs, startedMs, times }: Flight, { name, kind, spanId, startMs, endMs, failed }: Step, { traceId, spanId: parentSpanId }: TraceIds): Span {
    const wall = receivedMs - startedMs;
    return { traceId, spanId: spanId.length === 0 ? this.#host.random.bytes(8) : spanId, parentSpanId, kind: kind.span, name, startMs: wall + startMs, endMs: wall + (endMs < 0 ? startedMs + (times.totalMs ?? 0) : endMs), failed, attributes: kind.attributes() };
  }

  #requestSpan({ request, info, notes, receivedMs, times }: Flight, response: HttpResponse, { traceId, spanId, parentSpanId }: TraceIds): Span {
    const stages = Object.fromEntries(Object.entries(times).map(([stage, ms]) => [`apiserver.${stage}`, String(ms)]));
    return {
      traceId, spanId, parentSpanId, kind: 'server', name: `${request.method} ${info.isResourceRequest ? `/${info.resource}` : info.path}`,
      startMs: receivedMs, endMs: receivedMs + (times.totalMs ?? 0), failed: response.status >= 500,
      attributes: { 'http.request.method': request.method, 'url.path': info.path, 'http.response.status_code': response.status, 'user_agent.original': header(request.headers, 'user-agent') ?? '', 'audit-id': notes.auditId, ...stages },
    };
  }
}
