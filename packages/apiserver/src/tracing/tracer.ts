import { header, type Host, type HttpResponse } from '@coxswain/host';
import type { Flight } from '../transport/handler.ts';
import { describeError } from '../transport/describe-error.ts';
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

  /** A trace that was begun elsewhere is gone on with if whoever asks is known and it is sampled there. */
  observe(flight: Flight, response: HttpResponse): void {
    const { request, info, notes, user, receivedMs, times } = flight;
    const parent = user === undefined ? undefined : parentOf(header(request.headers, 'traceparent') ?? '');
    const sampled = parent?.sampled ?? this.#host.random.float() * 1e6 < this.#config.samplingRatePerMillion;
    if (!sampled) return;
    if (this.#waiting.length >= maxWaiting) {
      this.dropped += 1;
      return;
    }
    const { random } = this.#host;
    const stages = Object.fromEntries(Object.entries(times).map(([stage, ms]) => [`apiserver.${stage}`, String(ms)]));
    this.#waiting.push({
      traceId: parent?.traceId ?? random.bytes(16), spanId: random.bytes(8), parentSpanId: parent?.spanId ?? new Uint8Array(0), name: `${request.method} ${info.isResourceRequest ? `/${info.resource}` : info.path}`,
      startMs: receivedMs, endMs: receivedMs + (times.totalMs ?? 0), failed: response.status >= 500,
      attributes: { 'http.request.method': request.method, 'url.path': info.path, 'http.response.status_code': response.status, 'user_agent.original': header(request.headers, 'user-agent') ?? '', 'audit-id': notes.auditId, ...stages },
    });
  }
}
