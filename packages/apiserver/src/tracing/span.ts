import { concatBytes, utf8 } from '@coxswain/host';
import { bytesField, numberField, textField } from '../encryption/wire.ts';

/** One request, or a part of the work on it, as a span of OpenTelemetry. */
export interface Span {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  /** Empty: it is the first of its trace. */
  readonly parentSpanId: Uint8Array;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
}

const kinds: Readonly<Record<Span['kind'], number>> = { internal: 1, server: 2, client: 3 };
const errorCode = 2;

function nested(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return bytesField(field, concatBytes([new Uint8Array(0), ...parts]));
}

function fixed64(field: number, value: bigint): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = field * 8 + 1;
  new DataView(bytes.buffer).setBigUint64(1, value, true);
  return bytes;
}

function attribute(field: number, key: string, value: string | number): Uint8Array {
  return nested(field, [textField(1, key), nested(2, [typeof value === 'string' ? bytesOrEmpty(1, value) : numberField(3, value)])]);
}

/** An empty text is a value, too. */
function bytesOrEmpty(field: number, value: string): Uint8Array {
  return value === '' ? new Uint8Array([field * 8 + 2, 0]) : bytesField(field, utf8(value));
}

function nanos(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}

function spanMessage(span: Span): Uint8Array {
  return nested(2, [
    bytesField(1, span.traceId), bytesField(2, span.spanId), bytesField(4, span.parentSpanId), textField(5, span.name), numberField(6, kinds[span.kind]),
    fixed64(7, nanos(span.startMs)), fixed64(8, nanos(span.endMs)), ...Object.entries(span.attributes).map(([key, value]) => attribute(9, key, value)),
    ...(span.failed ? [nested(15, [numberField(3, errorCode)])] : []),
  ]);
}

/** ExportTraceServiceRequest of OTLP. */
export function exportRequest(resource: Readonly<Record<string, string>>, spans: readonly Span[]): Uint8Array {
  const attributes = Object.entries(resource).map(([key, value]) => attribute(1, key, value));
  return nested(1, [nested(1, attributes), nested(2, [nested(1, [textField(1, 'coxswain/apiserver')]), ...spans.map(spanMessage)])]);
}
