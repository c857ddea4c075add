/** The official tests of api-machinery/AdmissionWebhook by their names, against a webhook server like the suite's. */
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { jsonPatch, startWebhookServer, type Respond, type Review, type WebhookServer } from '../../edge/testing/webhook-server.ts';
import { startTestCluster, type Loose, type TestCluster } from '../../testing/cluster.ts';
import type { TestAnswer } from '../../testing/test-server.ts';

const host = createRealHost(silentLogger);
let cluster: TestCluster;
let hooks: WebhookServer;
const namespace = 'webhook-tests';
const group = 'stable.example.com';
const configurations = '/apis/admissionregistration.k8s.io/v1';
const made: string[] = [];

type Answer = TestAnswer & { readonly object: Loose };
type Kind = 'mutating' | 'validating';

const metadataOf = (review: Review): { labels?: Record<string, string>; annotations?: Record<string, string>; name: string } => (review.request.object ?? review.request.oldObject ?? {})['metadata'] ?? { name: '' };
const dataOf = (review: Review): Record<string, string> => (review.request.object ?? review.request.oldObject ?? {})['data'] ?? {};

/** Adds data of a stage that waits for the one before it. */
const stage = (number: 1 | 2): Respond => (review) => (dataOf(review)[number === 1 ? 'mutation-start' : 'mutation-stage-1'] === 'yes' ? jsonPatch({ op: 'add', path: `/data/mutation-stage-${number}`, value: 'yes' }) : {});
const deny = (message: string): Record<string, unknown> => ({ allowed: false, status: { message } });

/** As the suite's image behaves. */
const behaviour: Readonly<Record<string, Respond>> = {
  '/always-deny': () => deny('this webhook denies all requests'),
  '/always-allow-delay': () => undefined,
  '/add-label': (review) => (metadataOf(review).labels?.['added-label'] === 'yes' ? {} : jsonPatch(metadataOf(review).labels === undefined ? { op: 'add', path: '/metadata/labels', value: { 'added-label': 'yes' } } : { op: 'add', path: '/metadata/labels/added-label', value: 'yes' })),
  '/pods': (review) => (metadataOf(review).labels?.['webhook-e2e-test'] === 'webhook-disallow' ? deny('the pod contains unwanted label') : {}),
  '/pods/attach': (review) => (review.request.name === 'to-be-attached-pod' ? deny('attaching to pod \'to-be-attached-pod\' is not allowed') : {}),
  '/mutating-pods': (review) => (metadataOf(review).name === 'webhook-to-be-mutated' ? jsonPatch({ op: 'add', path: '/spec/initContainers', value: [{ image: 'webhook-added-image', name: 'webhook-added-init-container', resources: {} }] }) : {}),
  '/configmaps': (review) => (dataOf(review)['webhook-e2e-test'] === 'webhook-disallow' ? deny('the configmap contains unwanted key and value') : {}),
  '/mutating-configmaps': stage(1), '/mutating-configmaps-2': stage(2), '/mutating-custom-resource': stage(1), '/mutating-custom-resource-2': stage(2),
  '/custom-resource': (review) => (dataOf(review)['webhook-e2e-test'] === 'webhook-disallow' ? deny('the custom resource contains unwanted data') : {}),
  '/crd': (review) => (metadataOf(review).labels?.['webhook-e2e-test'] === 'webhook-disallow' ? deny('the crd contains unwanted label') : {}),
};

const call = (method: string, target: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => cluster.call(method, target, { body, headers }) as Promise<Answer>;
const merge = { 'content-type': 'application/merge-patch+json' };
const rule = (resource: string, operations = ['CREATE'], groups = [''], versions = ['v1']): object => ({ operations, apiGroups: groups, apiVersions: versions, resources: [resource] });

function hook(path: string, rules: readonly object[], extra: object = {}): object {
  return { name: `${path.replaceAll(/[^a-z0-9]/g, '')}.k8s.io`, clientConfig: hooks.clientConfig(path), rules, sideEffects: 'None', admissionReviewVersions: ['v1', 'v1beta1'], failurePolicy: 'Fail', timeoutSeconds: 10, ...extra };
}

/** Waits until it is in force. */
async function register(kind: Kind, name: string, webhooks: readonly object[], labels: Record<string, string> = {}): Promise<Answer> {
  const target = `${configurations}/${kind}webhookconfigurations`;
  const answer = await call('POST', target, { metadata: { name, labels }, webhooks });
  if (answer.status === 201) {
    made.push(`${target}/${name}`);
    await cluster.seen('admissionregistration.k8s.io', `${kind}webhookconfigurations`, '', name);
  }
  return answer;
}

async function remove(target: string): Promise<void> {
  const [, , , , resource = '', name = ''] = target.split('/');
  await call('DELETE', target);
  await cluster.seen('admissionregistration.k8s.io', resource, '', name, false);
}

const configMap = (name: string, data: Record<string, string> = {}): Promise<Answer> => call('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name }, data });
const pod = (name: string, extra: object = {}): Promise<Answer> => call('POST', `/api/v1/namespaces/${namespace}/pods`, { metadata: { name, ...extra }, spec: { containers: [{ name: 'c', image: 'i' }] } });
const messageOf = (answer: Answer): unknown => answer.json['message'];
const data = (answer: Answer): unknown => (answer.json as { data?: unknown }).data;

async function defineKind(plural: string, versions: readonly object[]): Promise<void> {
  const kind = plural.slice(0, 1).toUpperCase() + plural.slice(1, -1);
  await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { metadata: { name: `${plural}.${group}` }, spec: { group, scope: 'Namespaced', names: { plural, singular: plural.slice(0, -1), kind, listKind: `${kind}List` }, versions } });
  await expect.poll(async () => (await call('GET', `/apis/${group}/v1/namespaces/${namespace}/${plural}`)).status).toBe(200);
}

const anySchema = { openAPIV3Schema: { type: 'object', properties: { data: { type: 'object', additionalProperties: { type: 'string' } } } } };

beforeAll(async () => {
  cluster = await startTestCluster();
  hooks = await startWebhookServer(host);
  for (const [path, respond] of Object.entries(behaviour)) hooks.paths.set(path, respond);
  await call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  await call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } });
});
afterEach(async () => {
  for (const target of made.splice(0)) await remove(target);
  hooks.reviews.splice(0);
});
afterAll(async () => { await cluster.stop(); await hooks.close(); });

test.each([['mutating', 'Admission webhook, list mutating webhooks'], ['validating', 'Admission webhook, list validating webhooks']] as const)('%s: %s', async (kind, _name) => {
  const path = kind === 'mutating' ? '/mutating-configmaps' : '/configmaps';
  const names = Array.from({ length: 10 }, (_, index) => `list-${kind}-${index}`);
  for (const name of names) await register(kind, name, [hook(path, [rule('configmaps')])], { list: kind });
  const target = `${configurations}/${kind}webhookconfigurations`;
  const list = (await call('GET', `${target}?labelSelector=list=${kind}`)).json['items'] as unknown[];
  expect(list).toHaveLength(10);
  const tried = await configMap(`listed-${kind}`, { 'mutation-start': 'yes', 'webhook-e2e-test': 'webhook-disallow' });
  if (kind === 'mutating') expect(data(tried)).toMatchObject({ 'mutation-stage-1': 'yes' });
  else expect([tried.status, messageOf(tried)]).toEqual([400, 'admission webhook "configmaps.k8s.io" denied the request: the configmap contains unwanted key and value']);
  await call('DELETE', `${target}?labelSelector=list=${kind}`);
  for (const name of names) await cluster.seen('admissionregistration.k8s.io', `${kind}webhookconfigurations`, '', name, false);
  made.splice(0);
  const after = await configMap(`unlisted-${kind}`, { 'mutation-start': 'yes', 'webhook-e2e-test': 'webhook-disallow' });
  expect([after.status, data(after)]).toEqual([201, { 'mutation-start': 'yes', 'webhook-e2e-test': 'webhook-disallow' }]);
});

/** Until the cache of configurations has the rules' operations. */
async function withOperations(kind: Kind, name: string, operations: readonly string[], write: () => Promise<Answer>): Promise<void> {
  expect((await write()).status).toBe(200);
  const cached = (): unknown => cluster.servers[0]?.cache.get('admissionregistration.k8s.io', `${kind}webhookconfigurations`, '', name)?.['webhooks'];
  await expect.poll(cached, { interval: 5 }).toMatchObject([{ rules: [{ operations }] }]);
}

test.each([['mutating', 'Admission webhook, update mutating webhook'], ['validating', 'Admission webhook, update validating webhook']] as const)('%s: %s', async (kind, _name) => {
  const path = kind === 'mutating' ? '/mutating-configmaps' : '/configmaps';
  const name = `update-${kind}`;
  await register(kind, name, [hook(path, [rule('configmaps')])]);
  const target = `${configurations}/${kind}webhookconfigurations/${name}`;
  const works = async (tried: Answer): Promise<boolean> => (kind === 'mutating' ? JSON.stringify(data(tried)).includes('stage-1') : tried.status === 400);
  const given = { 'mutation-start': 'yes', 'webhook-e2e-test': 'webhook-disallow' };
  expect(await works(await configMap(`${name}-0`, given))).toBe(true);
  await withOperations(kind, name, ['UPDATE'], async () => {
    const current = (await call('GET', target)).json as { webhooks: { rules: object[] }[] };
    return call('PUT', target, { ...current, webhooks: current.webhooks.map((one) => ({ ...one, rules: [rule('configmaps', ['UPDATE'])] })) });
  });
  expect(await works(await configMap(`${name}-1`, given))).toBe(false);
  await withOperations(kind, name, ['CREATE'], () => call('PATCH', target, [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }], { 'content-type': 'application/json-patch+json' }));
  expect(await works(await configMap(`${name}-2`, given))).toBe(true);
});

test('Admission webhook, deny attach', async () => {
  await pod('to-be-attached-pod');
  await register('validating', 'attach', [hook('/pods/attach', [rule('pods/attach', ['CONNECT'])])]);
  const answer = await call('POST', `/api/v1/namespaces/${namespace}/pods/to-be-attached-pod/attach?container=c&stdin=true`);
  expect([answer.status, messageOf(answer)]).toEqual([400, 'admission webhook "podsattach.k8s.io" denied the request: attaching to pod \'to-be-attached-pod\' is not allowed']);
});

test('Admission webhook, deny custom resource create and delete', async () => {
  await defineKind('denieds', [{ name: 'v1', served: true, storage: true, schema: anySchema }]);
  await register('validating', 'custom', [hook('/custom-resource', [rule('denieds', ['CREATE', 'UPDATE', 'DELETE'], [group])])]);
  const target = `/apis/${group}/v1/namespaces/${namespace}/denieds`;
  const make = (name: string, content: Record<string, string>): Promise<Answer> => call('POST', target, { apiVersion: `${group}/v1`, kind: 'Denied', metadata: { name }, data: content });
  const bad = { 'webhook-e2e-test': 'webhook-disallow' };
  const denied = 'admission webhook "customresource.k8s.io" denied the request: the custom resource contains unwanted data';
  expect(messageOf(await make('a', bad))).toBe(denied);
  expect((await make('a', { 'webhook-e2e-test': 'webhook-nope' })).status).toBe(201);
  expect(messageOf(await call('PATCH', `${target}/a`, { data: bad }, merge))).toBe(denied);
  await remove(made.pop() ?? '');
  expect((await call('PATCH', `${target}/a`, { data: bad }, merge)).status).toBe(200);
  await register('validating', 'custom', [hook('/custom-resource', [rule('denieds', ['CREATE', 'UPDATE', 'DELETE'], [group])])]);
  expect(messageOf(await call('DELETE', `${target}/a`))).toBe(denied);
  expect((await call('PATCH', `${target}/a`, { data: { 'webhook-e2e-test': 'webhook-allow' } }, merge)).status).toBe(200);
  expect((await call('DELETE', `${target}/a`)).status).toBe(200);
});

test('Admission webhook, deny create', async () => {
  await register('validating', 'deny', [hook('/pods', [rule('pods')]), hook('/configmaps', [rule('configmaps', ['CREATE', 'UPDATE', 'DELETE'])], { namespaceSelector: { matchExpressions: [{ key: 'skip-webhook-admission', operator: 'NotIn', values: ['yes'] }] } })]);
  expect(messageOf(await pod('disallowed', { labels: { 'webhook-e2e-test': 'webhook-disallow' } }))).toBe('admission webhook "pods.k8s.io" denied the request: the pod contains unwanted label');
  const bad = { 'webhook-e2e-test': 'webhook-disallow' };
  const denied = 'admission webhook "configmaps.k8s.io" denied the request: the configmap contains unwanted key and value';
  expect(messageOf(await configMap('disallowed', bad))).toBe(denied);
  expect((await configMap('allowed', { admit: 'this' })).status).toBe(201);
  const target = `/api/v1/namespaces/${namespace}/configmaps/allowed`;
  expect(messageOf(await call('PUT', target, { metadata: { name: 'allowed' }, data: bad }))).toBe(denied);
  expect(messageOf(await call('PATCH', target, { data: bad }, merge))).toBe(denied);
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'exempted', labels: { 'skip-webhook-admission': 'yes' } } });
  expect((await call('POST', '/api/v1/namespaces/exempted/configmaps', { metadata: { name: 'disallowed' }, data: bad })).status).toBe(201);
});

test('Admission webhook, deny custom resource definition', async () => {
  await register('validating', 'definitions', [hook('/crd', [rule('customresourcedefinitions', ['CREATE'], ['apiextensions.k8s.io'], ['*'])])]);
  const body = { metadata: { name: `nevers.${group}`, labels: { 'webhook-e2e-test': 'webhook-disallow' } }, spec: { group, scope: 'Namespaced', names: { plural: 'nevers', kind: 'Never' }, versions: [{ name: 'v1', served: true, storage: true, schema: anySchema }] } };
  expect(messageOf(await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body))).toBe('admission webhook "crd.k8s.io" denied the request: the crd contains unwanted label');
});

test('Admission webhook, honor timeout', async () => {
  const slow = (extra: object): object => hook('/always-allow-delay', [rule('configmaps')], extra);
  await register('validating', 'slow', [slow({ timeoutSeconds: 1 })]);
  const late = await configMap('late');
  expect([late.status, messageOf(late)]).toEqual([500, `Internal error occurred: failed calling webhook "alwaysallowdelay.k8s.io": failed to call webhook: Post "https://localhost:${hooks.port}/always-allow-delay?timeout=1s": context deadline exceeded`]);
  await remove(made.pop() ?? '');
  await register('validating', 'slow-ignored', [slow({ timeoutSeconds: 1, failurePolicy: 'Ignore' })]);
  expect((await configMap('late-ignored')).status).toBe(201);
  const { object } = await register('mutating', 'defaulted', [hook('/add-label', [rule('secrets')], { timeoutSeconds: undefined })]);
  expect((object as unknown as { webhooks: { timeoutSeconds: number }[] }).webhooks[0]?.timeoutSeconds).toBe(10);
});

test('Admission webhook, discovery document', async () => {
  const groups = (await call('GET', '/apis')).json['groups'] as { name: string; versions: unknown[] }[];
  expect(groups.find((one) => one.name === 'admissionregistration.k8s.io')?.versions).toContainEqual({ groupVersion: 'admissionregistration.k8s.io/v1', version: 'v1' });
  expect((await call('GET', '/apis/admissionregistration.k8s.io')).json['versions']).toContainEqual({ groupVersion: 'admissionregistration.k8s.io/v1', version: 'v1' });
  const names = ((await call('GET', '/apis/admissionregistration.k8s.io/v1')).json['resources'] as { name: string }[]).map((resource) => resource.name);
  expect(names).toEqual(expect.arrayContaining(['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']));
});

test('Admission webhook, ordered mutation', async () => {
  await register('mutating', 'ordered', [hook('/mutating-configmaps', [rule('configmaps')]), hook('/mutating-configmaps-2', [rule('configmaps')])]);
  expect(data(await configMap('ordered', { 'mutation-start': 'yes' }))).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' });
});

test('Admission webhook, mutation with defaulting', async () => {
  await register('mutating', 'pods', [hook('/mutating-pods', [rule('pods')])]);
  const [init] = (await pod('webhook-to-be-mutated')).object.spec['initContainers'] as Record<string, unknown>[];
  expect(init).toMatchObject({ name: 'webhook-added-init-container', image: 'webhook-added-image', terminationMessagePolicy: 'File', terminationMessagePath: '/dev/termination-log', imagePullPolicy: 'Always' });
});

test('Admission webhook, mutate custom resource', async () => {
  await defineKind('mutables', [{ name: 'v1', served: true, storage: true, schema: anySchema }]);
  await register('mutating', 'custom-mutation', ['', '-2'].map((suffix) => hook(`/mutating-custom-resource${suffix}`, [rule('mutables', ['CREATE'], [group])])));
  const answer = await call('POST', `/apis/${group}/v1/namespaces/${namespace}/mutables`, { apiVersion: `${group}/v1`, kind: 'Mutable', metadata: { name: 'a' }, data: { 'mutation-start': 'yes' } });
  expect(data(answer)).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' });
});

test('Admission webhook, mutate custom resource with different stored version', async () => {
  const version = (name: string, storage: boolean): object => ({ name, served: true, storage, schema: anySchema });
  await defineKind('storeds', [version('v1', true), version('v2', false)]);
  await register('mutating', 'custom-versions', [hook('/mutating-custom-resource', [rule('storeds', ['CREATE', 'UPDATE'], [group], ['v1'])], { matchPolicy: 'Equivalent' })]);
  const target = `/apis/${group}/v2/namespaces/${namespace}/storeds`;
  await expect.poll(async () => (await call('GET', target)).status).toBe(200);
  const answer = await call('POST', target, { apiVersion: `${group}/v2`, kind: 'Stored', metadata: { name: 'a' }, data: { 'mutation-start': 'yes' } });
  expect([answer.json['apiVersion'], data(answer)]).toEqual([`${group}/v2`, { 'mutation-start': 'yes', 'mutation-stage-1': 'yes' }]);
  const [seen] = hooks.reviews;
  expect([seen?.review.request.kind.version, seen?.review.request.requestKind.version, seen?.review.request.object?.['apiVersion']]).toEqual(['v1', 'v2', `${group}/v1`]);
});

test('Admission webhook, mutate custom resource with pruning', async () => {
  const properties = { data: { type: 'object', properties: { 'mutation-start': { type: 'string' }, 'mutation-stage-1': { type: 'string' } } } };
  await defineKind('pruneds', [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } }]);
  await register('mutating', 'custom-pruning', ['', '-2'].map((suffix) => hook(`/mutating-custom-resource${suffix}`, [rule('pruneds', ['CREATE'], [group])])));
  const answer = await call('POST', `/apis/${group}/v1/namespaces/${namespace}/pruneds`, { apiVersion: `${group}/v1`, kind: 'Pruned', metadata: { name: 'a' }, data: { 'mutation-start': 'yes' } });
  expect(data(answer)).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
});

test('Admission webhook, admission control not allowed on webhook configuration objects', async () => {
  const own = [rule('*', ['*'], ['admissionregistration.k8s.io'], ['*'])];
  await register('validating', 'deny-configurations', [hook('/always-deny', own)]);
  await register('mutating', 'label-configurations', [hook('/add-label', own)]);
  for (const kind of ['validating', 'mutating'] as const) {
    const answer = await register(kind, `dummy-${kind}`, [hook('/always-deny', [rule('nothings')])]);
    expect([answer.status, answer.object.metadata['labels']]).toEqual([201, undefined]);
    expect((await call('DELETE', `${configurations}/${kind}webhookconfigurations/dummy-${kind}`)).status).toBe(200);
  }
});

test('Admission webhook, fail closed', async () => {
  const broken = { clientConfig: { ...hooks.clientConfig('/configmaps'), caBundle: undefined }, namespaceSelector: { matchLabels: { 'fail-closed': 'yes' } } };
  await register('validating', 'closed', [hook('/configmaps', [rule('configmaps')], broken)]);
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'closed', labels: { 'fail-closed': 'yes' } } });
  const answer = await call('POST', '/api/v1/namespaces/closed/configmaps', { metadata: { name: 'foo' } });
  expect([answer.status, answer.json['reason'], messageOf(answer)]).toEqual([500, 'InternalError',
    `Internal error occurred: failed calling webhook "configmaps.k8s.io": failed to call webhook: Post "https://localhost:${hooks.port}/configmaps?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`]);
});

const skipByName = { name: 'skip-by-name', expression: 'object.metadata.name != "skip-me"' };

test.each([
  ['mutating', 'Mutating Admission webhook, create and update mutating webhook configuration with matchConditions'],
  ['validating', 'Validating Admission webhook, create and update validating webhook configuration with matchConditions'],
] as const)('%s: %s', async (kind, _name) => {
  const path = kind === 'mutating' ? '/mutating-configmaps' : '/configmaps';
  const first = [{ name: 'expression-1', expression: "object.metadata.namespace == 'production'" }];
  await register(kind, `conditions-${kind}`, [hook(path, [rule('configmaps')], { matchConditions: first })]);
  const target = `${configurations}/${kind}webhookconfigurations/conditions-${kind}`;
  const stored = async (): Promise<unknown> => ((await call('GET', target)).json['webhooks'] as { matchConditions: unknown }[])[0]?.matchConditions;
  expect(await stored()).toEqual(first);
  const matchConditions = [...first, { name: 'expression-2', expression: "object.metadata.namespace == 'staging'" }];
  const current = (await call('GET', target)).json as { webhooks: object[] };
  expect((await call('PUT', target, { ...current, webhooks: current.webhooks.map((one) => ({ ...one, matchConditions })) })).status).toBe(200);
  expect(await stored()).toEqual(matchConditions);
});

test.each([
  ['mutating', 'Mutating Admission webhook, reject mutating webhook configurations with invalid matchConditions'], ['validating', 'Validing Admission webhook, reject validating webhook configurations with invalid matchConditions'],
] as const)('%s: %s', async (kind, _name) => {
  const answer = await register(kind, 'invalid-conditions', [hook('/configmaps', [rule('configmaps')], { matchConditions: [{ name: 'invalid-expression-1', expression: '... [] bad expression' }] })]);
  expect([answer.status, answer.json['reason']]).toEqual([422, 'Invalid']);
  expect(messageOf(answer)).toContain(`webhooks[0].matchConditions[0].expression: Invalid value: "... [] bad expression": compilation failed`);
});

test('Mutating Admission webhook, mutating webhook excluding object with specific name', async () => {
  await register('mutating', 'excluding', [hook('/mutating-configmaps', [rule('configmaps')], { matchConditions: [skipByName] })]);
  expect(data(await configMap('skip-me', { 'mutation-start': 'yes' }))).toEqual({ 'mutation-start': 'yes' });
  expect(data(await configMap('mutate-me', { 'mutation-start': 'yes' }))).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
});
