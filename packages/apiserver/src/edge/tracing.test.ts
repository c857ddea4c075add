import { Server, ServerCredentials } from '@grpc/grpc-js';
import { createRealHost } from '@coxswain/host/edge';
import { silentLogger } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { readFields } from '../encryption/wire.ts';
import { answerOf, httpRequest, startTestServer } from '../testing/test-server.ts';
import { parseTracingConfig } from '../tracing/config-file.ts';
import { parentOf, Tracer } from '../tracing/tracer.ts';
import { otlpExporter } from './tracing-config.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('a sampled trace goes on in a span that a collector gets over gRPC', async () => {
  const collector = new Server();
  let got: (request: Uint8Array) => void = () => {};
  const received = new Promise<Uint8Array>((resolve) => { got = resolve; });
  collector.addService({ Export: { path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export', requestStream: false, responseStream: false, requestSerialize: (value: Uint8Array) => Buffer.from(value), requestDeserialize: (value: Buffer) => value, responseSerialize: (value: Uint8Array) => Buffer.from(value), responseDeserialize: (value: Buffer) => value } },
    { Export: (call: { request: Uint8Array }, done: (error: null, value: Uint8Array) => void) => { got(call.request); done(null, new Uint8Array(0)); } });
  const port = await new Promise<number>((resolve, reject) => { collector.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => { if (error === null) resolve(bound); else reject(error); }); });
  const real = createRealHost(silentLogger);
  // The batch does not wait five seconds here.
  const host = { ...real, timers: { ...real.timers, after: real.timers.after.bind(real.timers), sleep: (ms: number, signal?: AbortSignal) => real.timers.sleep(ms === 5000 ? 20 : ms, signal) } };
  const server = await startTestServer(undefined, host, { tracing: { samplingRatePerMillion: 0, resource: { 'service.name': 'apiserver' }, ...otlpExporter(`127.0.0.1:${port}`) } });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await answerOf(await server.server.handle(httpRequest({ method: 'GET', target: '/api/v1/namespaces/default', headers: {} })));
  await answerOf(await server.server.handle(httpRequest({ method: 'GET', target: '/api/v1/namespaces/default', headers: { traceparent } })));
  const [span, ...steps] = readFields(readFields(readFields(await received).bytes(1)).bytes(2)).all(2).map(readFields) as [ReturnType<typeof readFields>, ...ReturnType<typeof readFields>[]];
  expect([hex(span.bytes(1)), hex(span.bytes(4)), span.text(5), span.number(6)]).toEqual(['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', 'GET /namespaces', 2]);
  expect(steps.map((step) => [step.text(5), hex(step.bytes(4))])).toEqual(['authentication', 'authorization', 'etcdserverpb.KV/Range'].map((name) => [name, hex(span.bytes(2))]));
  await server.stop();
  await new Promise<void>((resolve) => { collector.tryShutdown(() => resolve()); });
});

test('spans that find no room or no collector are dropped and counted', async () => {
  const sim = new Simulation({ seed: 1 });
  const { host } = sim.start('a', 'a');
  let down = true;
  let sent = 0;
  const tracer = new Tracer({ samplingRatePerMillion: 1_000_000, resource: {}, close: () => {}, export: () => { if (down) return Promise.reject(new Error('down')); sent += 1; return Promise.resolve(); } }, host);
  const flight = { request: httpRequest({ method: 'GET', target: '/' }), info: { isResourceRequest: false, path: '/' }, notes: { auditId: 'a' }, receivedMs: 0, startedMs: 0, times: {} } as unknown as Parameters<Tracer['observe']>[0];
  for (let n = 0; n < 3000; n += 1) tracer.observe(flight, { status: 200, headers: {} });
  expect(tracer.dropped).toBe(3000 - 2048);
  tracer.start();
  await sim.runUntil(host.timers.sleep(5100), 6000, 'a failure');
  expect(tracer.dropped).toBe(3000 - 2048 + 512);
  down = false;
  await sim.runUntil(host.timers.sleep(5100), 6000, 'the rest');
  expect(sent).toBe(3);
  tracer.stop();
});

test('the file, and what a client may say', () => {
  const text = (rest: string): string => `{apiVersion: apiserver.config.k8s.io/v1beta1, kind: TracingConfiguration${rest}}`;
  expect(parseTracingConfig('t', text(', endpoint: "c:4317", samplingRatePerMillion: 100'))).toEqual({ endpoint: 'c:4317', samplingRatePerMillion: 100 });
  expect(() => parseTracingConfig('t', text(', samplingRatePerMillion: 1000001'))).toThrow('must be less than or equal to one million');
  expect(() => parseTracingConfig('t', text(', endpoint: "http://c"'))).toThrow('t: endpoint: Invalid value');
  expect(parentOf('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00')?.sampled).toBe(false);
  expect([parentOf(''), parentOf('00-00000000000000000000000000000000-b7ad6b7169203331-01'), parentOf('nonsense')]).toEqual([undefined, undefined, undefined]);
});
