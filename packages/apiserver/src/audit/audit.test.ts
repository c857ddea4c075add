import { fastPathCodecs, fastPathMethods } from '@coxswain/client/fast-path';
import { grpcContentType, grpcFrame } from '@coxswain/etcd-lite/wire';
import { utf8, type HeaderMap } from '@coxswain/host';
import { createMetrics } from '@coxswain/service/edge';
import { afterEach, expect, test } from 'vitest';
import { answerOf, httpRequest, startTestServer, type TestServer } from '../testing/test-server.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { assembleParts } from '../parts.ts';
import type { AuditBackend } from './backend.ts';
import { eventJson, eventLegacy, type AuditEvent } from './event.ts';
import { parseAuditPolicy } from './policy-file.ts';

type Event = Record<string, unknown> & { annotations: Record<string, string> };

const running: TestServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

const everything = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, users: ["system:apiserver"]}, {level: RequestResponse}]';
const base = '/api/v1/namespaces/default/configmaps';

async function audited(policy = everything, process: (events: readonly AuditEvent[]) => boolean = () => true): Promise<{ server: TestServer; lines: string[]; seen: () => Event[]; text: () => Promise<string> }> {
  const lines: string[] = [];
  const backend: AuditBackend = {
    process: (events) => {
      lines.push(...events.map(eventJson));
      return Promise.resolve(process(events));
    },
    stop: () => Promise.resolve(),
  };
  const metrics = createMetrics();
  const server = await startTestServer({ metrics, assemble: (tools) => assembleParts(testPartsConfig(), tools) }, undefined, { audit: { policy: parseAuditPolicy('p', policy), backends: [() => backend] } });
  running.push(server);
  return { server, lines, seen: () => lines.splice(0).map((line) => JSON.parse(line) as Event), text: () => metrics.render() };
}

const as = (token: string, headers: HeaderMap = {}): Record<string, string> => ({ authorization: `Bearer ${token}`, 'user-agent': 'curl/7.88.1', ...headers as Record<string, string> });

test('a create is two events of the original\'s shape', async () => {
  const { server, lines } = await audited();
  await server.call({ method: 'POST', target: base, headers: as('tok', { 'audit-id': 'id-1' }), body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'flow-a' }, data: { k: 'v<&>' } } });
  const times = /"requestReceivedTimestamp":"[^"]+Z","stageTimestamp":"[^"]+Z"/;
  const who = '"requestURI":"/api/v1/namespaces/default/configmaps","verb":"create","user":{"username":"admin","uid":"admin","groups":["system:masters","system:authenticated"]},"sourceIPs":["127.0.0.1"],"userAgent":"curl/7.88.1"';
  expect(lines[0]?.replace(times, 'T')).toBe(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"id-1","stage":"RequestReceived",${who},"objectRef":{"resource":"configmaps","namespace":"default","apiVersion":"v1"},T}`);
  const settled = lines[1]?.replace(times, 'T').replace(/"managedFields":\[.*?\]\}/, 'M}').replace(/"uid":"[^"]{36}","resourceVersion":"\d+","creationTimestamp":"[^"]+"/, 'U');
  expect(settled).toBe(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"id-1","stage":"ResponseComplete",${who},"objectRef":{"resource":"configmaps","namespace":"default","name":"flow-a","apiVersion":"v1"}`
    + ',"responseStatus":{"metadata":{},"code":201},"requestObject":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"flow-a","creationTimestamp":null},"data":{"k":"v\\u003c\\u0026\\u003e"}}'
    + ',"responseObject":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"flow-a","namespace":"default",U,M},"data":{"k":"v\\u003c\\u0026\\u003e"}},T,"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}');
});

test('what is written over the fast path is recorded with its answer, though who writes it reads none', async () => {
  const { server, seen } = await audited();
  const event = { metadata: { name: 'e' }, involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' }, reason: 'Preempted' };
  const items = [{ namespace: 'default', name: 'e', event: { apiVersion: 'v1', body: utf8(JSON.stringify(event)) } }];
  await server.call({ method: 'POST', target: fastPathMethods.write, raw: grpcFrame(fastPathCodecs.writeRequest.encode({ items, refusalsOnly: true })), headers: as('tok', { 'content-type': grpcContentType }) });
  const recorded = seen().find(({ stage }) => stage === 'ResponseComplete');
  expect(recorded).toMatchObject({ verb: 'create', responseStatus: { code: 201 }, responseObject: { kind: 'Event', apiVersion: 'v1', metadata: { name: 'e', namespace: 'default' }, reason: 'Preempted' } });
});

test('refusals say who was refused and why', async () => {
  const { server, seen } = await audited();
  await server.call({ method: 'GET', target: base, headers: as('nobody-token') });
  await server.call({ method: 'GET', target: base, headers: as('wrong') });
  await server.call({ method: 'GET', target: `${base}/flow-a`, headers: as('tok', { 'impersonate-user': 'bob', 'impersonate-group': 'g1' }) });
  const [, forbidden, unauthorized, , impersonated] = seen();
  expect(forbidden).toMatchObject({ stage: 'ResponseComplete', annotations: { 'authorization.k8s.io/decision': 'forbid' }, responseStatus: { metadata: {}, status: 'Failure', reason: 'Forbidden', details: { kind: 'configmaps' }, code: 403 }, responseObject: { kind: 'Status', code: 403 } });
  expect(unauthorized).toMatchObject({ stage: 'ResponseStarted', user: {}, responseStatus: { status: 'Failure', message: 'Unauthorized', reason: 'Unauthorized', code: 401 } });
  expect(impersonated).toMatchObject({ user: { username: 'admin' }, impersonatedUser: { username: 'bob', groups: ['g1', 'system:authenticated'] }, responseStatus: { code: 403 } });
});

test('patches, deletes and proxies leave what they brought', async () => {
  const { server, seen } = await audited();
  await server.call({ method: 'POST', target: base, headers: as('tok'), body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } } });
  await server.call({ method: 'PATCH', target: `${base}/a`, headers: as('tok', { 'content-type': 'application/merge-patch+json' }), body: { data: { k: '2' } } });
  await server.call({ method: 'DELETE', target: `${base}/a`, headers: as('tok'), body: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 3 } });
  await server.call({ method: 'GET', target: '/version', headers: as('tok', { 'x-forwarded-for': '1.2.3.4,5.6.7.8', 'x-real-ip': '9.9.9.9' }) });
  const done = seen().filter((event) => event['stage'] === 'ResponseComplete');
  expect(done[1]).toMatchObject({ verb: 'patch', requestObject: { data: { k: '2' } } });
  expect(done[2]).toMatchObject({ requestObject: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/__internal', gracePeriodSeconds: 3 }, responseStatus: { status: 'Success', code: 200 } });
  expect(done[3]?.['sourceIPs']).toEqual(['1.2.3.4', '5.6.7.8', '9.9.9.9', '127.0.0.1']);
  expect(done[3]).not.toHaveProperty('objectRef');
  expect(done[3]).not.toHaveProperty('responseObject');
});

test('a protobuf or YAML answer is recorded as JSON', async () => {
  const { server, seen } = await audited();
  for (const accept of ['application/vnd.kubernetes.protobuf', 'application/yaml', 'application/json;as=Table;g=meta.k8s.io;v=v1']) {
    await server.call({ method: 'GET', target: '/api/v1/namespaces/default', headers: as('tok', { accept }) });
  }
  const done = seen().filter((event) => event['stage'] === 'ResponseComplete').map((event) => event['responseObject']);
  expect(done[0]).toMatchObject({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'default' } });
  expect(done[1]).toEqual(done[0]);
  expect(done[2]).toMatchObject({ kind: 'Table' });
});

test('a watch is started, and complete when it ends', async () => {
  const { server, seen } = await audited();
  const stop = new AbortController();
  const response = await server.server.handle(httpRequest({ method: 'GET', target: `${base}?watch=1&timeoutSeconds=1`, headers: as('tok'), signal: stop.signal }));
  expect(seen().map((event) => event['stage'])).toEqual(['RequestReceived', 'ResponseStarted']);
  stop.abort();
  await answerOf(response);
  const [last, ...none] = seen();
  expect(none).toEqual([]);
  expect(last).toMatchObject({ stage: 'ResponseComplete', verb: 'watch', responseStatus: { metadata: {}, code: 200 } });
});

test('levels and omitted managed fields', async () => {
  const rules = (rule: string): string => `apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, users: ["system:apiserver"]}, ${rule}]`;
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
  const last = async (rule: string): Promise<Event | undefined> => {
    const { server, seen } = await audited(rules(rule));
    await server.call({ method: 'POST', target: base, headers: as('tok'), body });
    return seen().at(-1);
  };
  const metadata = await last('{level: Metadata, omitStages: [RequestReceived]}');
  expect(metadata).toMatchObject({ objectRef: { name: 'a' } });
  expect(metadata).not.toHaveProperty('requestObject');
  const request = await last('{level: Request}');
  expect(request).toHaveProperty('requestObject');
  expect(request).not.toHaveProperty('responseObject');
  const bare = await last('{level: RequestResponse, omitManagedFields: true}');
  expect(bare?.['responseObject']).toMatchObject({ metadata: { name: 'a' } });
  expect(bare?.['responseObject']).not.toHaveProperty(['metadata', 'managedFields']);
  expect(await last('{level: None}')).toBeUndefined();
});

test('blocking-strict: what cannot be recorded is not done', async () => {
  let full = false;
  const { server, text } = await audited(everything, (events) => !full || events[0]?.stage !== 'RequestReceived');
  full = true;
  const answer = await server.call({ method: 'DELETE', target: '/api/v1/namespaces/default', headers: as('tok') });
  expect(answer.status).toBe(500);
  expect(answer.text).toBe('Internal Server Error: "/api/v1/namespaces/default": failed to store audit event\n');
  full = false;
  expect((await server.call({ method: 'GET', target: '/api/v1/namespaces/default', headers: as('tok') })).json['status']).toEqual({ phase: 'Active' });
  expect(await text()).toContain('apiserver_audit_requests_rejected_total 1');
});

test('the legacy line', () => {
  const event: AuditEvent = {
    level: 'Metadata', auditId: 'i', stage: 'RequestReceived', requestUri: '/x', verb: 'get', user: { name: 'bob', uid: '', groups: ['a', 'b'], extra: {} }, impersonatedUser: undefined, sourceIps: [], userAgent: 'curl', objectRef: undefined,
    responseStatus: undefined, requestObject: undefined, responseObject: undefined, receivedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 60), stageMs: 0, annotations: new Map(),
  };
  expect(eventLegacy(event)).toBe('2026-01-02T03:04:05.06Z AUDIT: id="i" stage="RequestReceived" ip="<unknown>" method="get" user="bob" groups="\\"a\\",\\"b\\"" as="<self>" asgroups="<lookup>" user-agent="curl" namespace="<none>" uri="/x" response="<deferred>"');
});
