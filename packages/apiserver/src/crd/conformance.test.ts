/** The official tests of api-machinery/CRD, CRD publish OpenAPI (those that need no kubectl), FieldValidation and Discovery by their short names. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '@coxswain/api';
import { at } from '../registry/object.ts';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';
import { adminToken } from '../testing/parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from '../testing/test-server.ts';
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
const jsonPatch = { 'content-type': 'application/json-patch+json' };
const apply = { 'content-type': 'application/apply-patch+yaml' };
const call = (method: string, target: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => cluster.call(method, target, { body, headers });

async function define(definition: JsonObject): Promise<void> {
  made.add(String(at(definition, 'metadata', 'name') as string));
  await defineKind(cluster, definition);
}

async function change(patch: unknown, of = name, type = merge): Promise<void> {
  const answer = await call('PATCH', `${definitions}/${of}`, patch, type);
  expect(answer.status).toBe(200);
  await definitionSeen(cluster, of, answer.object.metadata['resourceVersion']);
}

const cron = (object: string, spec: unknown, more: object = {}): unknown => ({ apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { name: object }, spec, ...more });
const versions = (...list: readonly (readonly [string, boolean, boolean])[]): JsonObject => ({
  versions: list.map(([version, served, storage]) => ({ name: version, served, storage, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { [version]: { type: 'string' } } } } } } })),
});

const anything: JsonObject = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

test('Custom Resource Definition, watch', async () => {
  await define(crontabs({}, { scope: 'Cluster', versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: anything } }] }));
  const all = '/apis/stable.example.com/v1/crontabs';
  const watches = await Promise.all(['a', 'b'].map((one) => watchOf(cluster, `${all}?watch=1&timeoutSeconds=600&fieldSelector=metadata.name%3D${one}`)));
  for (const one of ['a', 'b']) expect((await call('POST', all, cron(one, {}))).object).toMatchObject({ apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { uid: expect.any(String) as unknown } });
  for (const one of ['a', 'b']) expect((await call('PATCH', `${all}/${one}`, [{ op: 'add', path: '/dummy', value: 'test' }], jsonPatch)).status).toBe(200);
  for (const one of ['a', 'b']) expect((await call('DELETE', `${all}/${one}`)).status).toBe(200);
  // Each sees its own three and none of the other's.
  for (const [index, watch] of watches.entries()) {
    const events = [await watch.next(), await watch.next(), await watch.next()];
    expect(events.map((event) => [event?.type, at(event?.object ?? {}, 'metadata', 'name')])).toEqual(['ADDED', 'MODIFIED', 'DELETED'].map((type) => [type, ['a', 'b'][index]]));
  }
});

test('Custom Resource Definition, create', async () => {
  await define(crontabs());
  expect((await call('GET', base)).status).toBe(200);
  expect((await call('DELETE', `${definitions}/${name}`)).status).toBe(200);
  await removeKind(cluster, name);
  expect((await call('GET', `${definitions}/${name}`)).status).toBe(404);
  expect((await call('GET', base)).status).toBe(404);
});

test('Custom Resource Definition, status sub-resource', async () => {
  await define(crontabs());
  const { object } = await call('GET', `${definitions}/${name}/status`);
  expect(object.spec).toEqual((await call('GET', `${definitions}/${name}`)).object.spec);
  const conditions = async (): Promise<unknown> => (await call('GET', `${definitions}/${name}/status`)).object.status['conditions'];
  const updated = { type: '', status: '', lastTransitionTime: null, message: 'updated' };
  const put = await call('PUT', `${definitions}/${name}/status`, { ...object, status: { ...object.status, conditions: [...(object.status['conditions'] as object[]), updated] } });
  expect([put.status, put.object.status['conditions']]).toEqual([200, expect.arrayContaining([expect.objectContaining({ message: 'updated' })])]);
  expect(await conditions()).toContainEqual(expect.objectContaining({ message: 'updated' }));
  const patched = await call('PATCH', `${definitions}/${name}/status`, [{ op: 'add', path: '/status/conditions', value: [{ message: 'patched' }] }], jsonPatch);
  expect([patched.status, patched.object.status['conditions']]).toEqual([200, [expect.objectContaining({ message: 'patched' })]]);
  expect(await conditions()).toContainEqual(expect.objectContaining({ message: 'patched' }));
});

test('Custom Resource Definition, list', async () => {
  const groups = Array.from({ length: 10 }, (_, index) => `group-${index}.example.com`);
  for (const group of groups) await define({ ...crontabs({}, { group, scope: 'Cluster' }), metadata: { name: `crontabs.${group}`, labels: { test: 'list' } } });
  await define(crontabs());
  const items = (await call('GET', `${definitions}?labelSelector=test%3Dlist`)).object['items'] as Loose[];
  expect(items.map((item) => [item.metadata.name, item.spec['group'], item.spec['scope']])).toEqual(groups.map((group) => [`crontabs.${group}`, group, 'Cluster']));
  expect((await call('DELETE', `${definitions}?labelSelector=test%3Dlist`)).status).toBe(200);
  for (const group of groups) await removeKind(cluster, `crontabs.${group}`);
  expect((await call('GET', `${definitions}?labelSelector=test%3Dlist`)).object['items']).toEqual([]);
  expect((await call('GET', `${definitions}/${name}`)).status).toBe(200);
});

test('Custom Resource Definition, defaulting', async () => {
  await define(crontabs({}, { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } } } }] }));
  const first = await call('POST', base, cron('one', undefined));
  expect([first.status, first.object]).toEqual([201, expect.not.objectContaining({ a: 'A' })]);
  const properties = '/spec/versions/0/schema/openAPIV3Schema/properties';
  await change([{ op: 'add', path: `${properties}/a/default`, value: 'A' }], name, jsonPatch);
  expect((await call('GET', `${base}/one`)).object).toMatchObject({ a: 'A' });
  expect((await call('POST', base, cron('two', undefined))).object).toMatchObject({ a: 'A' });
  await change([{ op: 'remove', path: `${properties}/a/default` }, { op: 'add', path: `${properties}/b/default`, value: 'B' }], name, jsonPatch);
  // What was a default when it was made is stored; what was one only when it was read is not.
  expect((await call('GET', `${base}/two`)).object).toMatchObject({ a: 'A', b: 'B' });
  const { object } = await call('GET', `${base}/one`);
  expect([object['a'], object['b']]).toEqual([undefined, 'B']);
});

test('Custom Resource Definition, discovery', async () => {
  expect((await call('GET', '/apis')).object).toMatchObject({ groups: expect.arrayContaining([expect.objectContaining({ name: 'apiextensions.k8s.io' })]) as unknown });
  expect((await call('GET', '/apis/apiextensions.k8s.io')).object).toMatchObject({ versions: [{ groupVersion: 'apiextensions.k8s.io/v1', version: 'v1' }] });
  expect((await call('GET', '/apis/apiextensions.k8s.io/v1')).object).toMatchObject({ resources: expect.arrayContaining([expect.objectContaining({ name: 'customresourcedefinitions' })]) as unknown });
});

test('selectable fields select in lists and watches', async () => {
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

test('a schema is published in both documents', async () => {
  await define(crontabs());
  expect(at((await v2())[kind] ?? {}, 'properties', 'spec', 'properties', 'cron')).toEqual({ type: 'string' });
  expect(at((await v3('stable.example.com/v1')) ?? {}, kind, 'properties', 'spec', 'properties', 'cron')).toEqual({ type: 'string' });
});

test.each([['without validation schema', { 'x-kubernetes-preserve-unknown-fields': true, type: 'object' }], ['preserving unknown fields at the schema root', { 'x-kubernetes-preserve-unknown-fields': true, type: 'object', properties: { spec: { type: 'object' } } }]])('of a kind %s nothing is published', async (_what, schema) => {
  await define(crontabs({}, { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] }));
  expect(Object.keys((await v2())[kind] ?? {}).sort()).toEqual(['type', 'x-kubernetes-group-version-kind', 'x-kubernetes-selectable-fields']);
});

test('an embedded object that preserves unknown fields is published as such', async () => {
  await define(crontabs({ properties: { free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { a: { type: 'string' } } } } }));
  expect(at((await v2())[kind] ?? {}, 'properties', 'spec', 'properties', 'free')).toEqual({ 'x-kubernetes-preserve-unknown-fields': true });
});

const foo: JsonObject = {
  type: 'object', description: 'Foo CRD for Testing',
  properties: { spec: { type: 'object', description: 'Specification of Foo', properties: { bars: { type: 'array', description: 'List of Bars and their specs.', items: { type: 'object', required: ['name'], properties: { name: { type: 'string', description: 'Name of Bar.' }, feeling: { type: 'string', enum: ['Great', 'Down'] } } } } } } },
};
const waldo: JsonObject = { type: 'object', description: 'Waldo CRD for Testing', properties: { spec: { type: 'object', description: 'Specification of Waldo', properties: { dummy: { type: 'object', description: 'Dummy property.' } } } } };

/** `KIND.GROUP` with these versions, all of one schema; the first is stored. */
async function publish(schema: JsonObject, kindName: string, group: string, ...names: readonly string[]): Promise<string> {
  const plural = `${kindName.toLowerCase()}s`;
  const list = names.map((version, index) => ({ name: version, served: true, storage: index === 0, schema: { openAPIV3Schema: schema } }));
  await define({ ...crontabs({}, { group, names: { plural, kind: kindName }, versions: list }), metadata: { name: `${plural}.${group}` } });
  return `${plural}.${group}`;
}

/** As published, without what is added to a schema; undefined if it is not. */
async function published(type: string): Promise<JsonObject | undefined> {
  const definition = (await v2())[type];
  if (definition === undefined) return undefined;
  const { 'x-kubernetes-group-version-kind': _kind, 'x-kubernetes-selectable-fields': _fields, ...rest } = definition;
  const { metadata: _metadata, apiVersion: _version, kind: _name, ...properties } = rest['properties'] as JsonObject;
  return { ...rest, properties };
}

async function unpublished(...names: readonly string[]): Promise<void> {
  for (const one of names) {
    await call('DELETE', `${definitions}/${one}`);
    await removeKind(cluster, one);
  }
  expect(Object.keys(await v2()).filter((type) => type.startsWith('com.example.'))).toEqual([]);
}

test('Custom Resource OpenAPI Publish, varying groups', async () => {
  const names = [await publish(foo, 'Foo', 'foo.example.com', 'v1'), await publish(waldo, 'Waldo', 'waldo.example.com', 'v1beta1')];
  expect([await published('com.example.foo.v1.Foo'), await published('com.example.waldo.v1beta1.Waldo')]).toEqual([foo, waldo]);
  await unpublished(...names);
});

test('Custom Resource OpenAPI Publish, varying versions', async () => {
  const both = await publish(foo, 'Foo', 'multi.example.com', 'v2', 'v3');
  expect([await published('com.example.multi.v2.Foo'), await published('com.example.multi.v3.Foo')]).toEqual([foo, foo]);
  await unpublished(both);
  const names = [await publish(foo, 'Foo', 'common.example.com', 'v4'), await publish(waldo, 'Waldo', 'common.example.com', 'v5')];
  expect([await published('com.example.common.v4.Foo'), await published('com.example.common.v5.Waldo')]).toEqual([foo, waldo]);
  await unpublished(...names);
});

test('Custom Resource OpenAPI Publish, varying kinds', async () => {
  const names = [await publish(foo, 'Foo', 'common.example.com', 'v6'), await publish(waldo, 'Waldo', 'common.example.com', 'v6')];
  expect([await published('com.example.common.v6.Foo'), await published('com.example.common.v6.Waldo')]).toEqual([foo, waldo]);
  await unpublished(...names);
});

test('Custom Resource OpenAPI Publish, version rename', async () => {
  const multi = await publish(foo, 'Foo', 'multi.example.com', 'v2', 'v3');
  const versionsPublished = (): Promise<(JsonObject | undefined)[]> => Promise.all(['v2', 'v3', 'v4'].map((version) => published(`com.example.multi.${version}.Foo`)));
  expect(await versionsPublished()).toEqual([foo, foo, undefined]);
  const before = (await call('GET', '/openapi/v3')).object['paths'] as Record<string, unknown>;
  await change([{ op: 'test', path: '/spec/versions/1/name', value: 'v3' }, { op: 'replace', path: '/spec/versions/1/name', value: 'v4' }], multi, jsonPatch);
  expect(await versionsPublished()).toEqual([foo, undefined, foo]);
  const after = (await call('GET', '/openapi/v3')).object['paths'] as Record<string, unknown>;
  expect([before, after].map((paths) => ['v2', 'v3', 'v4'].map((version) => paths[`apis/multi.example.com/${version}`] !== undefined))).toEqual([[true, true, false], [true, false, true]]);
  expect(after['apis/apps/v1']).toEqual(before['apis/apps/v1']);
  await unpublished(multi);
});

test('Custom Resource OpenAPI Publish, stop serving version', async () => {
  const multi = await publish(foo, 'Foo', 'multi.example.com', 'v5', 'v6alpha1');
  expect([await published('com.example.multi.v5.Foo'), await published('com.example.multi.v6alpha1.Foo'), await v3('multi.example.com/v6alpha1')]).toEqual([foo, foo, expect.anything()]);
  await change([{ op: 'replace', path: '/spec/versions/1/served', value: false }], multi, jsonPatch);
  expect([await published('com.example.multi.v5.Foo'), await published('com.example.multi.v6alpha1.Foo'), await v3('multi.example.com/v6alpha1')]).toEqual([foo, undefined, undefined]);
  expect((await call('GET', '/apis/multi.example.com/v6alpha1/foos')).status).toBe(404);
  await unpublished(multi);
});

const cronSpec: JsonObject = { type: 'string', pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$` };
const port: JsonObject = { type: 'object', required: ['containerPort', 'protocol'], properties: { containerPort: { type: 'integer', format: 'int32' }, hostIP: { type: 'string' }, hostPort: { type: 'integer', format: 'int32' }, name: { type: 'string' }, protocol: { type: 'string' } } };
const ports: JsonObject = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['containerPort', 'protocol'], items: port };
const validated = (more: JsonObject = {}, properties: JsonObject = {}): JsonObject => ({ type: 'object', ...more, properties: { foo: { type: 'string' }, cronSpec, ports, ...properties } });

/** Server-side apply of these lines after the type, strictly. */
async function applied(...lines: readonly string[]): Promise<Answer> {
  const raw = ['apiVersion: stable.example.com/v1', 'kind: CronTab', ...lines, ''].join('\n');
  const request = httpRequest({ method: 'PATCH', target: `${base}/mytest?fieldManager=field_validation_mgr&fieldValidation=Strict`, raw, headers: { authorization: `Bearer ${adminToken}`, ...apply } });
  const answer = await answerOf(await (cluster.servers[0] as NonNullable<typeof cluster.servers[0]>).handle(request));
  return { ...answer, object: answer.json as Loose };
}

const rest = ['  cronSpec: "* * * * */5"', '  ports:', '  - name: x', '    containerPort: 80', '    protocol: TCP'];
const named = ['metadata:', '  name: mytest'];

test('Server side field validation, typed object', async () => {
  const template = '"selector":{"matchLabels":{"app":"nginx"}},"template":{"metadata":{"labels":{"app":"nginx"}},"spec":{"containers":[{"name":"nginx","image":"nginx:latest"}]}}';
  const refused = async (metadata: string, spec: string): Promise<unknown> => {
    const raw = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"my-dep",${metadata}"labels":{"app":"nginx"}},"spec":{${spec}${template}}}`;
    const request = httpRequest({ method: 'POST', target: '/apis/apps/v1/namespaces/default/deployments?fieldManager=field_validation_mgr&fieldValidation=Strict', raw, headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' } });
    const answer = await answerOf(await (cluster.servers[0] as NonNullable<typeof cluster.servers[0]>).handle(request));
    return [answer.status, answer.json['message']];
  };
  const words = 'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ';
  expect(await refused('', '"unknownField":"foo","replicas":2,"replicas":3,')).toEqual([400, `${words}unknown field "spec.unknownField", duplicate field "spec.replicas"`]);
  // 'Server side field validation, typed unknown metadata'
  expect(await refused('"unknownMeta":"foo",', '')).toEqual([400, `${words}unknown field "metadata.unknownMeta"`]);
});

test('Server side field validation, unknown fields CR no validation schema', async () => {
  await define(crontabs({}, { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: anything } }] }));
  const answer = await applied(...named, 'spec:', '  unknown: uk1', ...rest);
  expect([answer.status, answer.object.spec['unknown']]).toEqual([201, 'uk1']);
});

test('Server side field validation, valid CR with validation schema', async () => {
  await define(crontabs(validated()));
  const answer = await applied(...named, 'spec:', '  foo: foo1', ...rest);
  expect([answer.status, answer.object.spec]).toEqual([201, { foo: 'foo1', cronSpec: '* * * * */5', ports: [{ name: 'x', containerPort: 80, protocol: 'TCP' }] }]);
});

test('Server side field validation, unknown fields CR fails validation', async () => {
  await define(crontabs(validated()));
  const answer = await applied(...named, 'unknownField: unknown', 'spec:', '  foo: foo1', ...rest);
  expect([answer.status, answer.object['message']]).toEqual([400, 'failed to create typed patch object (/mytest; stable.example.com/v1, Kind=CronTab): .unknownField: field not declared in schema']);
  const created = await call('POST', `${base}?fieldValidation=Strict`, cron('a', { cronSpec: '* * * * *', extra: 1 }));
  expect([created.status, created.object['message']]).toEqual([400, 'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.extra"']);
});

test('Server side field validation, unknown metadata', async () => {
  const template: JsonObject = { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { metadata: { type: 'object', properties: { name: { type: 'string' } } }, spec: { type: 'object' } } };
  await define(crontabs(validated({ 'x-kubernetes-preserve-unknown-fields': true }, { template })));
  const refused = await applied(...named, '  unknownMeta: unknown', 'spec:', '  template:', '    apiversion: foo/v1', '    kind: Sub', '    metadata:', '        unknownSubMeta: unknown', '        name: subobject', '        namespace: default', '  foo: foo1', ...rest);
  // The original says these two in any order.
  const problems = ['.metadata.unknownMeta', '.spec.template.metadata.unknownSubMeta'].map((path) => `\n  ${path}: field not declared in schema`).join('');
  expect([refused.status, refused.object['message']]).toEqual([400, `failed to create typed patch object (/mytest; stable.example.com/v1, Kind=CronTab): errors:${problems}`]);
  const created = await call('POST', `${base}?fieldValidation=Strict`, { ...(cron('a', { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', unknownSub: 1 } } }) as object), metadata: { name: 'a', unknownRoot: 1 } });
  expect(created.object['message']).toBe('CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "metadata.unknownRoot", unknown field "spec.template.metadata.unknownSub"');
});

test('Server side field validation, CR duplicates', async () => {
  await define(crontabs(validated({ 'x-kubernetes-preserve-unknown-fields': true })));
  const refused = await applied(...named, 'spec:', '  unknown: uk1', '  foo: foo1', '  foo: foo2', ...rest);
  expect(refused.status).toBe(400);
  // One less than with the suite's body, which begins with an empty line.
  expect(refused.object['message']).toContain('line 8: key "foo" already set in map');
});

const aggregated = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };

test.each(['Aggregated Discovery Interface CRDs', 'Aggregated Discovery Endpoint Accept Headers CRDs'])('%s', async () => {
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
