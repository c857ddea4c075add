import type { Clock } from '@coxswain/host';
import type { Histogram, Metrics } from '@coxswain/service';
import { EtcdError, grpcCode } from '../client/errors.ts';
import type { Method, StreamMethod, UnaryMethod } from './methods.ts';

/** gRPC's codes as its metrics spell them. */
const codeNames: Readonly<Record<keyof typeof grpcCode, string>> = {
  ok: 'OK', cancelled: 'Canceled', unknown: 'Unknown', invalidArgument: 'InvalidArgument', deadlineExceeded: 'DeadlineExceeded', notFound: 'NotFound', alreadyExists: 'AlreadyExists',
  permissionDenied: 'PermissionDenied', resourceExhausted: 'ResourceExhausted', failedPrecondition: 'FailedPrecondition', aborted: 'Aborted', outOfRange: 'OutOfRange',
  unimplemented: 'Unimplemented', internal: 'Internal', unavailable: 'Unavailable', dataLoss: 'DataLoss', unauthenticated: 'Unauthenticated',
};
const nameOfCode: ReadonlyMap<number, string> = new Map(Object.entries(grpcCode).map(([name, code]) => [code, codeNames[name as keyof typeof grpcCode]]));
/** Of prometheus.DefBuckets. */
const handlingBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const prefixBytes = 5;

/** What one method has seen. Plain numbers: they are on the way of every call. */
class CallCount {
  started = 0;
  messagesReceived = 0;
  messagesSent = 0;
  readonly handled = new Map<string, number>();
  readonly labels: Readonly<Record<string, string>>;

  constructor(path: string, type: string) {
    const [service, method] = path.slice(1).split('/') as [string, string];
    this.labels = { grpc_type: type, grpc_service: service, grpc_method: method };
  }

  ended(error: unknown): void {
    const name = error === undefined ? 'OK' : nameOfCode.get(error instanceof EtcdError ? error.code : grpcCode.unknown) ?? 'Unknown';
    this.handled.set(name, (this.handled.get(name) ?? 0) + 1);
  }
}

/** Calls that stream answers to a single request; other streams go both ways. */
const serverStreams: ReadonlySet<string> = new Set(['KV/RangeStream', 'Maintenance/Snapshot', 'Election/Observe', 'Health/Watch']);

function typeOf(path: string, method: Method): string {
  if (method.kind === 'unary') return 'unary';
  return serverStreams.has(path.slice(path.lastIndexOf('.') + 1)) ? 'server_stream' : 'bidi_stream';
}

/** Counts of calls as go-grpc-prometheus has them, by service and method. */
export class CallMetrics {
  readonly #clock: Clock;
  readonly #counts = new Map<string, CallCount>();
  readonly #handling: Histogram | undefined;
  receivedBytes = 0;
  sentBytes = 0;

  /** `extensive`: how long calls take, too. */
  constructor(clock: Clock, metrics: Metrics, extensive: boolean) {
    this.#clock = clock;
    this.#handling = extensive
      ? metrics.histogram('grpc_server_handling_seconds', 'Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.', handlingBuckets, ['grpc_type', 'grpc_service', 'grpc_method'])
      : undefined;
  }

  counted(methods: Readonly<Record<string, Method>>): Readonly<Record<string, Method>> {
    return Object.fromEntries(Object.entries(methods).map(([path, method]) => {
      const count = new CallCount(path, typeOf(path, method));
      this.#counts.set(path, count);
      return [path, method.kind === 'unary' ? this.#unary(count, method) : this.#stream(count, method)];
    }));
  }

  #unary(count: CallCount, method: UnaryMethod): UnaryMethod {
    const ended = (startMs: number, error: unknown): void => {
      count.ended(error);
      this.#handling?.observe((this.#clock.monotonicMs() - startMs) / 1000, count.labels);
    };
    return {
      kind: 'unary',
      handle: (request, call) => {
        count.started += 1;
        count.messagesReceived += 1;
        this.receivedBytes += request.length;
        const startMs = this.#handling === undefined ? 0 : this.#clock.monotonicMs();
        const answer = method.handle(request, call);
        answer.then((data) => {
          count.messagesSent += 1;
          this.sentBytes += data.length;
          ended(startMs, undefined);
        }, (error: unknown) => { ended(startMs, error); });
        return answer;
      },
    };
  }

  #stream(count: CallCount, method: StreamMethod): StreamMethod {
    const requested = (request: Uint8Array): Uint8Array => {
      count.messagesReceived += 1;
      this.receivedBytes += request.length;
      return request;
    };
    const sent = (frames: Uint8Array): void => {
      for (let at = 0; at + prefixBytes <= frames.length;) {
        const length = ((frames[at + 1] as number) << 24 | (frames[at + 2] as number) << 16 | (frames[at + 3] as number) << 8 | (frames[at + 4] as number)) >>> 0;
        count.messagesSent += 1;
        this.sentBytes += length;
        at += prefixBytes + length;
      }
    };
    return {
      kind: 'stream',
      async *handle(context) {
        count.started += 1;
        const requests = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
          for await (const request of context.requests) yield requested(request);
        };
        let failure: unknown;
        try {
          for await (const frames of method.handle({ ...context, requests: requests() })) {
            sent(frames);
            yield frames;
          }
        } catch (error) {
          failure = error;
          throw error;
        } finally {
          count.ended(failure ?? (context.signal.aborted ? new EtcdError(grpcCode.cancelled, '') : undefined));
        }
      },
    };
  }

  /** How often a method was called. */
  started(path: string): number {
    return this.#counts.get(path)?.started ?? 0;
  }

  /** Each number with its labels, for the counter of that name. */
  *samples(): Generator<{ readonly name: CallCounter; readonly labels: Readonly<Record<string, string>>; readonly value: number }, void, undefined> {
    for (const { labels, started, messagesReceived, messagesSent, handled } of this.#counts.values()) {
      yield { name: 'grpc_server_started_total', labels, value: started };
      yield { name: 'grpc_server_msg_received_total', labels, value: messagesReceived };
      yield { name: 'grpc_server_msg_sent_total', labels, value: messagesSent };
      for (const [code, value] of handled) yield { name: 'grpc_server_handled_total', labels: { ...labels, grpc_code: code }, value };
    }
  }
}

export type CallCounter = 'grpc_server_started_total' | 'grpc_server_msg_received_total' | 'grpc_server_msg_sent_total' | 'grpc_server_handled_total';
