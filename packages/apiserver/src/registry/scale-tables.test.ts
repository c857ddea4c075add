import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';

/** What kube-apiserver 1.32.2 answered. */
let cluster: TestCluster;
const deployment = '/apis/apps/v1/namespaces/default/deployments/d/scale';
const foo = '/apis/api.example.com/v1/namespaces/default/foos/f';
const as = (kind: string, media = 'application/json', version = 'v1'): { readonly accept: string } => ({ accept: `${media};as=${kind};g=meta.k8s.io;v=${version}` });

async function make(target: string, body: object): Promise<void> {
  const made = await cluster.call('POST', target, { body });
  expect(made.status, made.text).toBe(201);
}

beforeAll(async () => {
  cluster = await startTestCluster();
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await make('/apis/apps/v1/namespaces/default/deployments', { metadata: { name: 'd' }, spec: { replicas: 3, selector: { matchLabels: { a: 'b' } }, template } });
  const version = { name: 'v1', served: true, storage: true, subresources: { scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } }, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } };
  await make('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { metadata: { name: 'foos.api.example.com' }, spec: { group: 'api.example.com', scope: 'Namespaced', names: { plural: 'foos', kind: 'Foo' }, versions: [version] } });
});
afterAll(() => cluster.stop());

/** The definition is known, and an object of it is there. */
async function custom(): Promise<void> {
  const body = { apiVersion: 'api.example.com/v1', kind: 'Foo', metadata: { name: 'f' }, spec: { replicas: 2 } };
  await expect.poll(async () => (await cluster.call('POST', foo.slice(0, -2), { body })).status).toSatisfy((status: number) => status === 201 || status === 409);
}

interface Table { readonly apiVersion: string; readonly columnDefinitions: readonly { readonly name: string; readonly type: string; readonly format: string; readonly description: string }[]; readonly rows: readonly { readonly cells: readonly unknown[]; readonly object: Record<string, unknown> }[] }

async function table(target: string, headers = as('Table'), method = 'GET', body?: object): Promise<{ readonly columns: string[]; readonly texts: string[]; readonly cells: unknown; readonly object: Record<string, unknown> | undefined; readonly version: unknown }> {
  const answer = await cluster.call(method, target, { headers: { ...headers, ...(method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {}) }, body });
  expect([answer.status, answer.json['kind']], answer.text).toEqual([200, 'Table']);
  const { columnDefinitions, rows } = answer.json as unknown as Table;
  return { columns: columnDefinitions.map(({ name, type, format }) => `${name}:${type}:${format}`), texts: columnDefinitions.map(({ description }) => description), cells: rows[0]?.cells.slice(0, 3), object: rows[0]?.object, version: answer.object.metadata['resourceVersion'] };
}

test('the scale of a built-in kind is a row', async () => {
  const shown = await table(deployment);
  expect(shown.columns).toEqual(['Name:string:', 'Desired:integer:', 'Available:integer:', 'Age:string:']);
  expect(shown.texts.slice(1, 3)).toEqual(['replicas is the desired number of instances for the scaled object.', 'replicas is the actual number of observed instances of the scaled object.']);
  expect([shown.cells, shown.object]).toMatchObject([['d', 3, 0], { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'd', namespace: 'default', resourceVersion: shown.version } }]);
  expect((await table(`${deployment}?includeObject=Object`)).object).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 3 }, status: { replicas: 0, selector: 'a=b' } });
  expect((await table(deployment, as('Table'), 'PATCH', { spec: { replicas: 0 } })).cells).toEqual(['d', 0, 0]);
  expect((await cluster.call('GET', deployment, { headers: as('Table', 'application/json', 'v1beta1') })).json).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1beta1' });
  expect((await cluster.call('GET', deployment, { headers: as('Table', 'application/yaml') })).text).toMatch(/^apiVersion: meta\.k8s\.io\/v1\ncolumnDefinitions:\n- description: /);
});

test('that of a custom kind in columns of its own', async () => {
  await custom();
  const shown = await table(`${foo}/scale`);
  expect(shown.columns).toEqual(['Name:string:name', 'Desired:integer:', 'Available:integer:', 'Age:date:']);
  expect(shown.texts.slice(1)).toEqual(['Number of desired replicas', 'Number of actual replicas', expect.stringMatching(/^CreationTimestamp is a timestamp representing the server time/)]);
  expect([shown.cells, shown.object]).toMatchObject([['f', 2, 0], { kind: 'PartialObjectMetadata', metadata: { name: 'f' } }]);
  expect((await table(`${foo}/scale`, as('Table'), 'PATCH', { spec: { replicas: 0 } })).cells).toEqual(['f', null, 0]);
  const list = await cluster.call('GET', foo.slice(0, -2), { headers: as('Table') });
  expect((list.json as unknown as Table).columnDefinitions.at(-1)).toMatchObject({ name: 'Age', type: 'date', description: shown.texts[3] });
});

test('a scale is no list, and has no table in protobuf', async () => {
  await custom();
  const refused = async (target: string, headers: { readonly accept: string }): Promise<unknown> => {
    const { status, json } = await cluster.call('GET', target, { headers });
    return [status, json['message']];
  };
  expect(await refused(deployment, as('PartialObjectMetadataList'))).toEqual([406, 'you requested PartialObjectMetadataList, but the requested object is not a list (*autoscaling.Scale)']);
  expect(await refused(`${foo}/scale`, as('PartialObjectMetadataList'))).toEqual([406, 'you requested PartialObjectMetadataList, but the requested object is not a list (*v1.Scale)']);
  expect(await refused(deployment, as('Table', 'application/vnd.kubernetes.protobuf'))).toEqual([406, 'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf']);
});
