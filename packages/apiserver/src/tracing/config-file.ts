import { readConfigFile } from '../config-file/fields.ts';

/** --tracing-config-file. Throws UsageError. */
export function parseTracingConfig(file: string, text: string): { readonly endpoint: string; readonly samplingRatePerMillion: number } {
  const fields = readConfigFile(file, text, { kind: 'TracingConfiguration', apiVersions: ['apiserver.config.k8s.io/v1beta1', 'apiserver.config.k8s.io/v1alpha1', 'apiserver.k8s.io/v1beta1'] });
  const endpoint = fields.text('endpoint', 'localhost:4317');
  const rate = fields.number('samplingRatePerMillion') ?? 0;
  if (!Number.isInteger(rate) || rate < 0) throw fields.wrong('samplingRatePerMillion', `Invalid value: ${rate}: sampling rate must be positive`);
  if (rate > 1_000_000) throw fields.wrong('samplingRatePerMillion', `Invalid value: ${rate}: sampling rate per million must be less than or equal to one million`);
  if (!/^[^\s/]+:\d+$/.test(endpoint)) throw fields.wrong('endpoint', `Invalid value: ${JSON.stringify(endpoint)}: must be host:port of a collector that takes OTLP over gRPC without TLS`);
  fields.done();
  return { endpoint, samplingRatePerMillion: rate };
}
