/** The official tests of api-machinery/CRD, CRD publish OpenAPI, FieldValidation (of custom resources) and Discovery by their names. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '@coxswain/api';
import { at } from '../registry/object.ts';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';
import type { TestAnswer } from '../testing/test-server.ts';
import { crontabs, defineKind, definitions, definitionSeen, removeKind, watchOf } from './testing.ts';

let cluster: TestCluster;
const made = new Set<string>();
beforeAll(async () => { cluster = await startTestCluster(); });
afterAll(() => cluster.stop());
afterEach(async () => {
  for (const name of made) {
    await cluster.call('DELETE', `${definitions}/${name}`);
    await removeKind(cluster, name);
  }
  made.clear();
});

type Answer = TestAnswer & { readonly object: Loose };
const name = 'crontabs.stable.example.com';
const base = '/apis/stable.example.com/v1/namespaces/default/crontabs';
const merge = { 'content-type': 'application/merge-patch+json' };
const apply = { 'content-type': 'application/apply-patch+yaml' };
const call = (method: string, target: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => cluster.call(method, target, { body, headers });

async function define(definition: JsonObject): Promise<void> {
  made.add(String(at(definition, 'metadata', 'name') as string));
  await defineKind(cluster, definition);
}

async function change(patch: unknown, of = name): Promise<void> {
  const answer = await call('PATCH', `${definitions}/${of}`, patch, merge);
  expect(answer.status).toBe(200);
  await definitionSeen(cluster, of, answer.object.metadata['resourceVersion']);
}

const cron = (object: string, spec: unknown, more: object = {}): unknown => ({ apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { name: object }, spec, ...more });
const versions = (...list: readonly (readonly [string, boolean, boolean])[]): JsonObject => ({
  versions: list.map(([version, served, storage]) => ({ name: version, served, storage, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { [version]: { type: 'string' } } } } } } })),
});

test('CustomResourceDefinition Watch watch on custom resource definition objects', async () => {
  await define(crontabs());
  const watch = await watchOf(cluster, `${base}?watch=1&fieldSelector=metadata.name%3Da`);
  await call('POST', base, cron('a', {}));
  await call('POST', base, cron('b', {}));
  await call('PATCH', `${base}/a`, { spec: { cron: 'x' } }, merge);
  await call('DELETE', `${base}/a`);
  expect([await watch.next(), await watch.next(), await watch.next()].map((event) => [event?.type, at(event?.object ?? {}, 'metadata', 'name')])).toEqual([['ADDED', 'a'], ['MODIFIED', 'a'], ['DELETED', 'a']]);
});

test('Simple CustomResourceDefinition creating/deleting custom resource definition objects works', async () => {
  await define(crontabs());
  expect((await call('DELETE', `${definitions}/${name}`)).status).toBe(200);
  await removeKind(cluster, name);
  expect((await call('GET', `${definitions}/${name}`)).status).toBe(404);
});

test('Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works', async () => {
  await define(crontabs());
  const { object } = await call('GET', `${definitions}/${name}/status`);
  const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from an e2e test', lastTransitionTime: null };
  const updated = await call('PUT', `${definitions}/${name}/status`, { ...object, status: { ...object.status, conditions: [...(object.status['conditions'] as object[]), condition] } });
  expect(updated.object.status['conditions']).toContainEqual(condition);
  const patched = await call('PATCH', `${definitions}/${name}/status`, { metadata: { annotations: { patched: 'yes' } } }, merge);
  expect(patched.object.metadata['annotations']).toEqual({ patched: 'yes' });
});

test('Simple CustomResourceDefinition listing custom resource definition objects works', async () => {
  for (const group of ['a.example.com', 'b.example.com']) {
    const definition = crontabs({}, { group });
    await define({ ...definition, metadata: { name: `crontabs.${group}`, labels: { test: 'list' } } });
  }
  expect((await call('GET', `${definitions}?labelSelector=test%3Dlist`)).object['items']).toHaveLength(2);
  expect((await call('DELETE', `${definitions}?labelSelector=test%3Dlist`)).status).toBe(200);
});

test('custom resource defaulting for requests and from storage works', async () => {
  await define(crontabs({ properties: { a: { type: 'string', default: 'A' }, b: { type: 'string' } } }));
  expect((await call('POST', base, cron('a', {}))).object.spec).toEqual({ a: 'A' });
  const schema = { type: 'object', properties: { spec: { type: 'object', properties: { a: { type: 'string', default: 'A' }, b: { type: 'string', default: 'B' } } } } };
  await change({ spec: { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] } });
  expect((await call('GET', `${base}/a`)).object.spec).toEqual({ a: 'A', b: 'B' });
});

test('should include custom resource definition resources in discovery documents', async () => {
  expect((await call('GET', '/apis')).object).toMatchObject({ groups: expect.arrayContaining([expect.objectContaining({ name: 'apiextensions.k8s.io' })]) as unknown });
  expect((await call('GET', '/apis/apiextensions.k8s.io')).object).toMatchObject({ versions: [{ groupVersion: 'apiextensions.k8s.io/v1', version: 'v1' }] });
  expect((await call('GET', '/apis/apiextensions.k8s.io/v1')).object).toMatchObject({ resources: expect.arrayContaining([expect.objectContaining({ name: 'customresourcedefinitions' })]) as unknown });
});

test('CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector', async () => {
  const definition = crontabs();
  ((definition['spec'] as JsonObject)['versions'] as JsonObject[])[0] = { ...((definition['spec'] as JsonObject)['versions'] as JsonObject[])[0], selectableFields: [{ jsonPath: '.spec.cron' }, { jsonPath: '.spec.replicas' }] };
  await define(definition);
  const watch = await watchOf(cluster, `${base}?watch=1&fieldSelector=spec.cron%3Dx`);
  await call('POST', base, cron('a', { cron: 'x', replicas: 1 }));
  await call('POST', base, cron('b', { cron: 'y', replicas: 1 }));
  expect(((await call('GET', `${base}?fieldSelector=spec.cron%3Dx,spec.replicas%3D1`)).object['items'] as Loose[]).map((item) => item.metadata.name)).toEqual(['a']);
  await call('PATCH', `${base}/a`, { spec: { cron: 'z' } }, merge);
  await call('PATCH', `${base}/b`, { spec: { cron: 'x' } }, merge);
  expect([await watch.next(), await watch.next(), await watch.next()].map((event) => [event?.type, at(event?.object ?? {}, 'metadata', 'name')])).toEqual([['ADDED', 'a'], ['DELETED', 'a'], ['ADDED', 'b']]);
});

const v2 = async (): Promise<Record<string, JsonObject | undefined>> => (await call('GET', '/openapi/v2')).object['definitions'] as never;
const v3 = async (group: string): Promise<JsonObject | undefined> => at((await call('GET', `/openapi/v3/apis/${group}`)).object as never, 'components', 'schemas') as JsonObject | undefined;
const kind = 'com.example.stable.v1.CronTab';

test('CustomResourcePublishOpenAPI works for CRD with validation schema', async () => {
  await define(crontabs());
  expect(at((await v2())[kind] ?? {}, 'properties', 'spec', 'properties', 'cron')).toEqual({ type: 'string' });
  expect(at((await v3('stable.example.com/v1')) ?? {}, kind, 'properties', 'spec', 'properties', 'cron')).toEqual({ type: 'string' });
});

test.each([['without validation schema', { 'x-kubernetes-preserve-unknown-fields': true, type: 'object' }], ['preserving unknown fields at the schema root', { 'x-kubernetes-preserve-unknown-fields': true, type: 'object', properties: { spec: { type: 'object' } } }]])('CustomResourcePublishOpenAPI works for CRD %s', async (_what, schema) => {
  await define(crontabs({}, { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] }));
  expect(Object.keys((await v2())[kind] ?? {}).sort()).toEqual(['type', 'x-kubernetes-group-version-kind', 'x-kubernetes-selectable-fields']);
});

test('CustomResourcePublishOpenAPI works for CRD preserving unknown fields in an embedded object', async () => {
  await define(crontabs({ properties: { free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { a: { type: 'string' } } } } }));
  expect(at((await v2())[kind] ?? {}, 'properties', 'spec', 'properties', 'free')).toEqual({ 'x-kubernetes-preserve-unknown-fields': true });
});

test.each([
  ['multiple CRDs of different groups', crontabs({}, { group: 'other.example.com' }), 'com.example.other.v1.CronTab'],
  ['multiple CRDs of same group but different versions', crontabs({}, { names: { plural: 'twos', kind: 'Two' }, ...versions(['v2', true, true]) }), 'com.example.stable.v2.Two'],
  ['multiple CRDs of same group and version but different kinds', crontabs({}, { names: { plural: 'ones', kind: 'One' } }), 'com.example.stable.v1.One'],
])('CustomResourcePublishOpenAPI works for %s', async (_what, second, type) => {
  await define(crontabs());
  const spec = second['spec'] as JsonObject;
  await define({ ...second, metadata: { name: `${String(at(spec, 'names', 'plural') as string)}.${String(spec['group'] as string)}` } });
  const documents = await v2();
  expect([documents[kind] !== undefined, documents[type] !== undefined]).toEqual([true, true]);
});

test('CustomResourcePublishOpenAPI updates the published spec when one version gets renamed', async () => {
  await define(crontabs({}, versions(['v2', true, true], ['v3', true, false])));
  const before = (await call('GET', '/openapi/v3')).object['paths'] as Record<string, unknown>;
  await change({ spec: versions(['v2', true, true], ['v4', true, false]) });
  const after = (await call('GET', '/openapi/v3')).object['paths'] as Record<string, unknown>;
  expect([before['apis/stable.example.com/v3'] !== undefined, after['apis/stable.example.com/v3'], after['apis/stable.example.com/v4'] !== undefined]).toEqual([true, undefined, true]);
  expect(after['apis/apps/v1']).toEqual(before['apis/apps/v1']);
});

test('CustomResourcePublishOpenAPI removes definition from spec when one version gets changed to not be served', async () => {
  await define(crontabs({}, versions(['v5', true, true], ['v6alpha1', true, false])));
  expect(await v3('stable.example.com/v6alpha1')).toBeDefined();
  await change({ spec: versions(['v5', true, true], ['v6alpha1', false, false]) });
  expect(await v3('stable.example.com/v6alpha1')).toBeUndefined();
  expect(Object.keys(await v2()).filter((type) => type.startsWith('com.example.stable'))).toEqual(['com.example.stable.v5.CronTab', 'com.example.stable.v5.CronTabList']);
  expect((await call('GET', '/apis/stable.example.com/v6alpha1/crontabs')).status).toBe(404);
});

test('FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema', async () => {
  await define(crontabs({}, { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] }));
  const answer = await call('PATCH', `${base}/a?fieldManager=m&fieldValidation=Strict`, cron('a', { anything: 1 }), apply);
  expect([answer.status, answer.object.spec]).toEqual([201, { anything: 1 }]);
});

test('FieldValidation should create/apply a valid CR for CRD with validation schema', async () => {
  await define(crontabs());
  expect((await call('PATCH', `${base}/a?fieldManager=m&fieldValidation=Strict`, cron('a', { cron: 'x' }), apply)).status).toBe(201);
});

test('FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema', async () => {
  await define(crontabs());
  const refused = await call('POST', `${base}?fieldValidation=Strict`, cron('a', { cron: 'x', extra: 1 }));
  expect([refused.status, refused.object['message']]).toEqual([400, 'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.extra"']);
  expect((await call('PATCH', `${base}/a?fieldManager=m&fieldValidation=Strict`, cron('a', { extra: 1 }), apply)).object['message']).toBe('failed to create typed patch object (/a; stable.example.com/v1, Kind=CronTab): .spec.extra: field not declared in schema');
});

test('FieldValidation should detect duplicates in a CR when preserving unknown fields', async () => {
  await define(crontabs({ 'x-kubernetes-preserve-unknown-fields': true }));
  const body = 'apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: a}\nspec:\n  unknown: uk1\n  cron: x\n  cron: y\n';
  const { httpRequest, answerOf } = await import('../testing/test-server.ts');
  const answer = await answerOf(await (cluster.servers[0] as NonNullable<typeof cluster.servers[0]>).handle(httpRequest({ method: 'PATCH', target: `${base}/a?fieldManager=m&fieldValidation=Strict`, raw: body, headers: { authorization: 'Bearer tok', ...apply } })));
  expect(answer.status).toBe(400);
  expect(String(answer.json['message'] as string)).toContain('key "cron" already set in map');
});

test('FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR', async () => {
  await define(crontabs({ properties: { template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true } } }));
  const template = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', unknownSub: 1 } };
  const refused = await call('POST', `${base}?fieldValidation=Strict`, { ...(cron('a', { template }) as object), metadata: { name: 'a', unknownRoot: 1 } });
  expect(refused.object['message']).toBe('CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "metadata.unknownRoot", unknown field "spec.template.metadata.unknownSub"');
});

const aggregated = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };

test.each(['AggregatedDiscovery should support aggregated discovery interface for CRDs', 'AggregatedDiscovery should support raw aggregated discovery request for CRDs'])('%s', async () => {
  await define(crontabs());
  const answer = await call('GET', '/apis', undefined, aggregated);
  expect(answer.contentType).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const group = (answer.object['items'] as Loose[]).find((item) => item.metadata.name === 'stable.example.com');
  expect(group).toMatchObject({ versions: [{ version: 'v1', freshness: 'Current', resources: [{ resource: 'crontabs', responseKind: { group: 'stable.example.com', version: 'v1', kind: 'CronTab' }, scope: 'Namespaced', shortNames: ['ct'] }] }] });
});

test.each(['AggregatedDiscovery should support aggregated discovery interface', 'AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers'])('%s', async () => {
  for (const target of ['/api', '/apis']) expect((await call('GET', target, undefined, aggregated)).object).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
  expect((await call('GET', '/apis', undefined, { accept: 'application/json' })).object).toMatchObject({ kind: 'APIGroupList' });
});

test('Discovery should validate PreferredVersion for each APIGroup, and locate the groupVersion and a resource within each', async () => {
  await define(crontabs({}, versions(['v1beta1', true, false], ['v1', true, true], ['v2alpha1', true, false])));
  const groups = (await call('GET', '/apis')).object['groups'] as { name: string; preferredVersion: { groupVersion: string }; versions: { groupVersion: string }[] }[];
  for (const group of groups) {
    expect(group.versions[0]).toEqual(group.preferredVersion);
    expect(((await call('GET', `/apis/${group.preferredVersion.groupVersion}`)).object['resources'] as unknown[]).length).toBeGreaterThan(0);
  }
  expect(groups.find((group) => group.name === 'stable.example.com')?.versions.map((version) => version.groupVersion)).toEqual(['stable.example.com/v1', 'stable.example.com/v1beta1', 'stable.example.com/v2alpha1']);
});

test('server version should find the server version', async () => {
  expect((await call('GET', '/version')).object).toMatchObject({ major: '1', minor: '32' });
});
