import { hostname } from 'node:os';
import { Client, credentials } from '@grpc/grpc-js';
import type { FlagValues } from '@coxswain/service';
import { parseTracingConfig } from '../tracing/config-file.ts';
import type { TracingConfig } from '../tracing/tracer.ts';
import { readFlagFile } from './config-from-flags.ts';

const timeoutMs = 10_000;

/** OTLP over gRPC, as the original sends it. */
export function otlpExporter(endpoint: string): Pick<TracingConfig, 'export' | 'close'> {
  const client = new Client(endpoint, credentials.createInsecure());
  return {
    export: (request) => new Promise((resolve, reject) => {
      client.makeUnaryRequest<Uint8Array, Uint8Array>(
        '/opentelemetry.proto.collector.trace.v1.TraceService/Export', (value) => Buffer.from(value), (value) => value, request, { deadline: Date.now() + timeoutMs },
        (error) => { if (error === null) resolve(); else reject(error); },
      );
    }),
    close: () => client.close(),
  };
}

export function tracingConfig(values: FlagValues): TracingConfig | undefined {
  const text = readFlagFile(values, 'tracing-config-file');
  if (text === undefined) return undefined;
  const { endpoint, samplingRatePerMillion } = parseTracingConfig(values.string('tracing-config-file'), text);
  return { samplingRatePerMillion, resource: { 'service.name': 'apiserver', 'service.instance.id': hostname() }, ...otlpExporter(endpoint) };
}
