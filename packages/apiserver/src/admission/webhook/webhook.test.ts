import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { jsonPatch, startWebhookServer, type Respond, type WebhookServer } from '../../edge/testing/webhook-server.ts';
import { startTestCluster, type Loose, type TestCluster } from '../../testing/cluster.ts';

const host = createRealHost(silentLogger);
let cluster: TestCluster;
let hooks: WebhookServer;
const made: string[] = [];
let count = 0;

const every = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['configmaps', 'pods/*', 'deployments/scale', 'events'] }];

function hook(path: string, extra: object = {}): object {
  return { name: `${path.slice(1)}.k8s.io`, clientConfig: hooks.clientConfig(path), rules: every, sideEffects: 'None', admissionReviewVersions: ['v1'], namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team' } }, ...extra };
}

async function register(kind: 'mutating' | 'validating', webhooks: readonly object[], name = 'hooks'): Promise<void> {
  const target = `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;
  const { status, json } = await cluster.call('POST', target, { body: { metadata: { name }, webhooks } });
  expect(json['message']).toBeUndefined();
  expect(status).toBe(201);
  made.push(`${kind}webhookconfigurations/${name}`);
  await cluster.seen('admissionregistration.k8s.io', `${kind}webhookconfigurations`, '', name);
}

async function configMap(data: Record<string, string> = { a: 'b' }, query = ''): Promise<Awaited<ReturnType<TestCluster['call']>>> {
  count += 1;
  return cluster.call('POST', `/api/v1/namespaces/team/configmaps${query}`, { body: { metadata: { name: `cm-${count}` }, data } });
}

beforeAll(async () => {
  cluster = await startTestCluster();
  hooks = await startWebhookServer(host);
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'team' } } });
  await cluster.call('POST', '/api/v1/namespaces/team/serviceaccounts', { body: { metadata: { name: 'default' } } });
});
afterEach(async () => {
  for (const one of made.splice(0)) {
    const [resource = '', name = ''] = one.split('/');
    await cluster.call('DELETE', `/apis/admissionregistration.k8s.io/v1/${resource}/${name}`);
    await cluster.seen('admissionregistration.k8s.io', resource, '', name, false);
  }
  hooks.reviews.splice(0);
});
afterAll(async () => { await cluster.stop(); await hooks.close(); });

const review = (response: object, rest: object = {}): string => JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response, ...rest });
const called = 'failed calling webhook "h.k8s.io": failed to call webhook: ';
const received = 'failed calling webhook "h.k8s.io": received invalid webhook response: ';

/** What the original answers in each case. */
const failures: readonly [string, 'mutating' | 'validating', Respond, string][] = [
  ['no response', 'validating', () => review({}, { response: undefined }), `${received}webhook response was absent`],
  ['another uid', 'mutating', () => ({ uid: 'x' }), `${received}expected response.uid="UID", got "x"`],
  ['an older version', 'mutating', ({ request }) => review({ uid: request.uid, allowed: true }, { apiVersion: 'admission.k8s.io/v1beta1' }), `${called}converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion`],
  ['another kind', 'validating', () => review({}, { kind: 'Foo' }), `${called}no kind "Foo" is registered for version "admission.k8s.io/v1" in scheme "pkg/runtime/scheme.go:100"`],
  ['no kind', 'validating', ({ request }) => JSON.stringify({ response: { uid: request.uid, allowed: true } }), `${received}expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=`],
  ['nothing', 'validating', () => '', `${called}0-length response with status code: 200 and content type: application/json`],
  ['text for a flag', 'validating', () => ({ allowed: 'yes' }), `${called}json: cannot unmarshal string into Go struct field AdmissionResponse.response.allowed of type bool`],
  ['text for a code', 'validating', () => ({ allowed: false, status: { code: 'x' } }), `${called}json: cannot unmarshal string into Go struct field Status.response.status.code of type int32`],
  ['a patch by one that validates', 'validating', () => jsonPatch(), `${received}validating webhook may not return response.patch`],
  ['a patch without type', 'mutating', () => ({ patch: jsonPatch({}).patch }), `${received}webhook returned response.patch but not response.patchType`],
  ['a type without patch', 'mutating', () => ({ patchType: 'JSONPatch' }), `${received}webhook returned response.patchType but not response.patch`],
  ['another type of patch', 'mutating', () => ({ ...jsonPatch({ op: 'add', path: '/data/x', value: 'y' }), patchType: 'Merge' }), 'failed calling webhook "h.k8s.io": unsupported patch type "Merge"'],
  ['a patch that is no base64', 'mutating', () => ({ patch: '%%%', patchType: 'JSONPatch' }), `${called}illegal base64 data at input byte 0`],
];

test.each(failures)('an answer with %s fails closed, and open if told to', async (_what, kind, respond, message) => {
  hooks.paths.set('/h', respond);
  await register(kind, [hook('/h')]);
  const answer = await configMap();
  expect([answer.status, answer.json['reason']]).toEqual([500, 'InternalError']);
  expect(String(answer.json['message']).replace(/[0-9a-f-]{36}/, 'UID')).toBe(`Internal error occurred: ${message}`);
  await cluster.call('PATCH', `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/hooks`, { body: [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }], headers: { 'content-type': 'application/json-patch+json' } });
  await expect.poll(async () => (await configMap()).status, { interval: 5 }).toBe(201);
});

/** These are no failures to call: the policy does not matter. */
test.each([
  ['that is no JSON', { patch: btoa('nonsense'), patchType: 'JSONPatch' }, "invalid character 'o' in literal null (expecting 'u')"],
  ['that adds nowhere', jsonPatch({ op: 'add', path: '/nowhere/x', value: 'y' }), 'add operation does not apply: doc is missing path: "/nowhere/x": missing value'],
  ['that removes what is not there', jsonPatch({ op: 'remove', path: '/data/nope' }), "error in remove for path: '/data/nope': Unable to remove nonexistent key: nope: missing value"],
  ['of the wrong type', jsonPatch({ op: 'add', path: '/data/n', value: 5 }), 'json: cannot unmarshal number into Go struct field ConfigMap.data of type string'],
])('a patch %s is refused', async (_what, response, message) => {
  hooks.paths.set('/h', () => response);
  await register('mutating', [hook('/h', { failurePolicy: 'Ignore' })]);
  const answer = await configMap();
  expect([answer.status, answer.json['message']]).toEqual([500, `Internal error occurred: ${message}`]);
});

test('a refusal has the webhook\'s code, reason and details', async () => {
  hooks.paths.set('/h', () => ({ allowed: false, status: { message: 'no way', reason: 'Because', code: 418, details: { name: 'x' } } }));
  await register('validating', [hook('/h')]);
  const { status, json } = await configMap();
  expect([status, json['reason'], json['message'], json['details'], json['code']]).toEqual([418, 'Because', 'admission webhook "h.k8s.io" denied the request: no way', { name: 'x' }, 418]);
});

test('warnings come with the answer, and managed fields that a webhook broke are put back', async () => {
  hooks.paths.set('/h', () => ({ warnings: ['careful'], ...jsonPatch({ op: 'add', path: '/metadata/managedFields', value: [{ manager: 'x' }] }) }));
  await register('mutating', [hook('/h')]);
  const answer = await configMap();
  expect(answer.warning).toContain('299 - "careful"');
  expect(answer.warning).toContain('.metadata.managedFields was in an invalid state after admission');
  expect((answer.object.metadata['managedFields'] as { manager: string }[]).map((entry) => entry.manager)).toEqual(['unknown']);
});

test('dry runs go only to webhooks without side effects of them', async () => {
  hooks.paths.set('/h', () => ({}));
  await register('validating', [hook('/h', { sideEffects: 'NoneOnDryRun' })]);
  expect((await configMap({}, '?dryRun=All')).status).toBe(201);
  expect(hooks.reviews.map(({ review: { request } }) => request.dryRun)).toEqual([true]);
});

test('one that wants it is called again after others have changed the object', async () => {
  const order: string[] = [];
  hooks.paths.set('/first', (_review, path) => { order.push(path); return {}; });
  hooks.paths.set('/second', ({ request }, path) => { order.push(path); return request.object !== null && 'x' in (request.object['data'] ?? {}) ? {} : jsonPatch({ op: 'add', path: '/data/x', value: 'y' }); });
  hooks.paths.set('/third', (_review, path) => { order.push(path); return {}; });
  await register('mutating', [hook('/first', { reinvocationPolicy: 'IfNeeded' }), hook('/second'), hook('/third', { reinvocationPolicy: 'IfNeeded' })]);
  expect((await configMap()).status).toBe(201);
  expect(order).toEqual(['/first', '/second', '/third', '/first']);
});

test('in-tree plugins see what a webhook added', async () => {
  hooks.paths.set('/h', ({ request }) => (request.object?.['spec']?.['priorityClassName'] === undefined ? jsonPatch({ op: 'add', path: '/spec/priorityClassName', value: 'system-node-critical' }, { op: 'remove', path: '/spec/priority' }, { op: 'remove', path: '/spec/preemptionPolicy' }) : {}));
  await register('mutating', [hook('/h', { rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }] })]);
  const { object } = await cluster.call('POST', '/api/v1/namespaces/team/pods', { body: { metadata: { name: 'critical' }, spec: { containers: [{ name: 'c', image: 'i' }] } } });
  expect([object.spec['priorityClassName'], object.spec['priority']]).toEqual(['system-node-critical', 2_000_001_000]);
});

test('webhooks are called in order of their configurations\' names; validating ones all', async () => {
  const order: string[] = [];
  for (const path of ['/a', '/b']) hooks.paths.set(path, () => { order.push(path); return {}; });
  await register('mutating', [hook('/b')], 'zz');
  await register('mutating', [hook('/a')], 'aa');
  await configMap();
  expect(order).toEqual(['/a', '/b']);
});

test('subresources and connections are shown as upstream shows them', async () => {
  hooks.paths.set('/h', () => ({}));
  await cluster.call('POST', '/apis/apps/v1/namespaces/team/deployments', { body: { metadata: { name: 'd' }, spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } } });
  await cluster.call('POST', '/api/v1/namespaces/team/pods', { body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } } });
  await register('validating', [hook('/h')]);
  await cluster.call('PATCH', '/apis/apps/v1/namespaces/team/deployments/d/scale', { body: { spec: { replicas: 4 } }, headers: { 'content-type': 'application/merge-patch+json' } });
  await cluster.call('POST', '/api/v1/namespaces/team/pods/p/exec?command=ls&command=-l&stdout=true&container=c');
  await cluster.call('POST', '/api/v1/namespaces/team/pods/p/portforward?ports=80,81');
  await cluster.call('GET', '/api/v1/namespaces/team/pods/p:80/proxy/a/b?x=y');
  await cluster.call('POST', '/api/v1/namespaces/team/pods/p/eviction', { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } } });
  const shown = hooks.reviews.map(({ review: { request } }) => [request.operation, request.subResource, request.name, request.object]);
  const scale = shown[0]?.[3] as unknown as Loose;
  expect(shown[0]?.slice(0, 3)).toEqual(['UPDATE', 'scale', 'd']);
  expect([scale['kind'], scale['apiVersion'], scale.spec]).toEqual(['Scale', 'autoscaling/v1', { replicas: 4 }]);
  expect(shown.slice(1, 4)).toEqual([
    ['CONNECT', 'exec', 'p', { kind: 'PodExecOptions', apiVersion: 'v1', stdout: true, container: 'c', command: ['ls', '-l'] }],
    ['CONNECT', 'portforward', 'p', { kind: 'PodPortForwardOptions', apiVersion: 'v1', ports: [80, 81] }],
    ['CONNECT', 'proxy', 'p:80', { kind: 'PodProxyOptions', apiVersion: 'v1', path: '/a/b' }],
  ]);
  // The deletion that follows is the server's own: nobody is asked about it again.
  expect(shown.slice(4).map((one) => one.slice(0, 3))).toEqual([['CREATE', 'eviction', 'p']]);
});

test('an event goes to webhooks of its other group as that group has it, and deletions show what goes', async () => {
  hooks.paths.set('/h', () => ({}));
  await register('validating', [hook('/h', { rules: [{ operations: ['CREATE', 'DELETE'], apiGroups: ['events.k8s.io'], apiVersions: ['v1'], resources: ['events'] }], matchPolicy: 'Equivalent' })]);
  await cluster.call('POST', '/api/v1/namespaces/team/events', { body: { metadata: { name: 'e' }, involvedObject: { namespace: 'team', kind: 'Pod', name: 'x' }, reason: 'r', message: 'm', type: 'Normal' } });
  await cluster.call('DELETE', '/api/v1/namespaces/team/events?fieldSelector=metadata.name=e');
  const [created, deleted] = hooks.reviews.map(({ review: { request } }) => request);
  expect([created?.kind, created?.object?.['apiVersion'], created?.object?.['note']]).toEqual([{ group: 'events.k8s.io', version: 'v1', kind: 'Event' }, 'events.k8s.io/v1', 'm']);
  expect([deleted?.operation, deleted?.name, deleted?.object, deleted?.oldObject?.['note']]).toEqual(['DELETE', undefined, null, 'm']);
});
