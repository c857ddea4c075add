import { scannedValue } from '@coxswain/api';
import { ComputeError, inlineCompute, silentLogger, utf8, type Compute, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { afterEach, expect, test } from 'vitest';
import { assembleParts } from '../parts.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import type { AuditBackend } from './backend.ts';
import { patchJson, responseObject } from './bodies.ts';
import { eventJson } from './event.ts';
import { parseAuditPolicy } from './policy-file.ts';

interface Event { readonly stage: string; readonly requestObject?: unknown; readonly responseObject?: { readonly data: Record<string, string> } }

const base = '/api/v1/namespaces/default/configmaps';
const running: TestServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

/** The last event's text is told; turns given to others and tasks of threads are counted. */
async function audited(rule: string, compute: Compute = inlineCompute): Promise<{ server: TestServer; counts: { turns: number; computed: number }; last: () => Event; lastLine: () => string; metrics: () => Promise<string> }> {
  const real = createRealHost(silentLogger);
  const counts = { turns: 0, computed: 0 };
  const host: Host = {
    ...real,
    timers: { ...real.timers, after: real.timers.after.bind(real.timers), sleep: (delayMs, signal) => { counts.turns += delayMs === 0 ? 1 : 0; return real.timers.sleep(delayMs, signal); } },
    compute: { run: (task, input, signal) => { counts.computed += 1; return compute.run(task, input, signal); } },
  };
  let line = '';
  const backend: AuditBackend = { process: (events) => { for (const event of events) line = eventJson(event); return Promise.resolve(true); }, stop: () => Promise.resolve() };
  const metrics = createMetrics();
  const policy = parseAuditPolicy('p', `apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: None, users: ["system:apiserver"]}, ${rule}]`);
  const server = await startTestServer({ metrics, assemble: (tools) => assembleParts(testPartsConfig(), tools) }, host, { audit: { policy, backends: [() => backend] } });
  running.push(server);
  return { server, counts, last: () => JSON.parse(line) as Event, lastLine: () => line, metrics: () => metrics.render() };
}

const large = (bytes: number): Record<string, string> => Object.fromEntries(Array.from({ length: bytes / 1000 }, (_, at) => [`k${at}`, 'v'.repeat(990)]));
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
const as = (headers: Record<string, string>): Record<string, string> => ({ authorization: 'Bearer tok', ...headers });

test('a long patch is recorded as what it was read as for the request: nobody reads it at once', () => {
  expect(patchJson(utf8('this is not looked at'), () => scannedValue({ data: { k: '<' } }))).toBe('{"data":{"k":"\\u003c"}}');
});

test('a large patch is recorded whole', async () => {
  const { server, last } = await audited('{level: Request}');
  await server.call({ method: 'POST', target: base, headers: as({}), body: configMap });
  const { status } = await server.call({ method: 'PATCH', target: `${base}/a`, headers: as({ 'content-type': 'application/merge-patch+json' }), body: { data: large(700_000) } });
  expect([status, last().requestObject]).toEqual([200, { data: large(700_000) }]);
});

test('a patch with numbers past 2^53 is recorded with each of their digits', async () => {
  const { server, lastLine } = await audited('{level: Request}');
  await server.call({ method: 'POST', target: base, headers: as({}), body: configMap });
  const { status } = await server.call({ method: 'PATCH', target: `${base}/a`, headers: as({ 'content-type': 'application/merge-patch+json' }), raw: '{"unknown":12345678901234567891}' });
  expect(status).toBe(200);
  expect(lastLine()).toContain('"requestObject":{"unknown":12345678901234567891}');
});

test('a large answer in YAML is read by a thread, one without managed fields in slices', async () => {
  const { server, counts, last } = await audited('{level: RequestResponse, omitManagedFields: true}');
  await server.call({ method: 'POST', target: base, headers: as({}), body: { ...configMap, data: large(600_000) } });
  const turns = counts.turns;
  await server.call({ method: 'GET', target: `${base}/a`, headers: as({ accept: 'application/json' }) });
  expect(counts.turns - turns).toBeGreaterThanOrEqual(Math.floor(600_000 / (64 * 1024)));
  expect(last().responseObject?.data).toEqual(large(600_000));
  expect(counts.computed).toBe(0);
  await server.call({ method: 'GET', target: `${base}/a`, headers: as({ accept: 'application/yaml' }) });
  expect([counts.computed, last().responseObject?.data]).toEqual([1, large(600_000)]);
});

test('where answers are not recorded, only what may be a Status is read', async () => {
  const { server, counts, last } = await audited('{level: Metadata}');
  await server.call({ method: 'POST', target: base, headers: as({}), body: { ...configMap, data: large(100_000) } });
  const get = (target: string, accept: string): Promise<unknown> => server.call({ method: 'GET', target, headers: as({ accept }) });
  const forms = ['application/json', 'application/json;pretty=1', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
  const turns = counts.turns;
  for (const accept of forms) {
    await get(`${base}/a`, accept);
    expect(last(), accept).toMatchObject({ stage: 'ResponseComplete', responseStatus: { metadata: {}, code: 200 } });
  }
  expect([counts.turns - turns, counts.computed]).toEqual([0, 0]);
  for (const accept of forms) {
    await get(`${base}/missing`, accept);
    expect(last(), accept).toMatchObject({ responseStatus: { status: 'Failure', reason: 'NotFound', message: 'configmaps "missing" not found', details: { name: 'missing', kind: 'configmaps' }, code: 404 } });
  }
  await server.call({ method: 'DELETE', target: `${base}/a`, headers: as({}) });
  expect(last()).toMatchObject({ responseStatus: { status: 'Success', code: 200 } });
});

test.each([
  ['{"kind":"Status","apiVersion":"v1"', true], ['{\n  "kind": "Status",', true], ['{"apiVersion":"v1","kind":"Status"', true], ['{"apiVersion":"v1","code":404', true],
  ['{"kind":"ConfigMapList","apiVersion":"v1","items":[', false], ['{\n  "kind": "StatusList",', false], ['{"apiVersion":"example.com/v1","kind":"Status"', false], ['{"apiVersion":"example.com/v1","items":[', false],
])('%j may be how a Status begins: %j', (body, expected) => {
  expect(responseObject(createRealHost(silentLogger), { status: 200, headers: { 'content-type': 'application/json' }, body: utf8(body) })?.mayBeStatus).toBe(expected);
});

test('what no thread has time to read is left out, counted', async () => {
  const { server, last, metrics } = await audited('{level: RequestResponse}', { run: () => Promise.reject(new ComputeError('full', 'x')) });
  await server.call({ method: 'POST', target: base, headers: as({}), body: { ...configMap, data: large(100_000) } });
  expect((await server.call({ method: 'GET', target: `${base}/a`, headers: as({ accept: 'application/yaml' }) })).status).toBe(200);
  expect(last()).toMatchObject({ stage: 'ResponseComplete', responseStatus: { code: 200 } });
  expect(last()).not.toHaveProperty('responseObject');
  expect(await metrics()).toContain('apiserver_audit_error_total{plugin="response"} 1');
});
