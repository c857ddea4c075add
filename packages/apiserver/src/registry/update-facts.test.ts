import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';

let server: TestServer;
const space = '/api/v1/namespaces/default';
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' };
const made: readonly (readonly [string, object])[] = [
  ['configmaps', { metadata: { name: 'x' } }],
  ['services', { metadata: { name: 'x' }, spec: { ports: [{ port: 80 }] } }],
  ['persistentvolumeclaims', { metadata: { name: 'x' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 's', resources: { requests: { storage: '1Gi' } } } }],
  ['resourcequotas', { metadata: { name: 'x' }, spec: { hard: { pods: '1' }, scopes: ['Terminating'] } }],
  ['serviceaccounts', { metadata: { name: 'x' }, secrets: [{ name: 'a' }] }],
];
beforeAll(async () => {
  server = await startTestServer({});
  await server.call({ method: 'POST', target: '/api/v1/namespaces', body: { metadata: { name: 'default' } }, headers: { authorization: 'Bearer tok' } });
  for (const [resource, body] of made) expect((await call('POST', resource, body)).status).toBe(201);
});
afterAll(() => server.stop());

function call(method: string, resource: string, body: object): Promise<TestAnswer> {
  const target = method === 'POST' ? `${space}/${resource}` : `${space}/${resource}/x?dryRun=All`;
  return server.call({ method, target, body, headers: { authorization: 'Bearer tok', 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' } });
}

function apply(body: unknown, name = 'x'): Promise<TestAnswer> {
  return server.call({ method: 'PATCH', target: `${space}/configmaps/${name}?fieldManager=a`, raw: JSON.stringify(body), headers: { 'authorization': 'Bearer tok', 'content-type': 'application/apply-patch+yaml' } });
}

function causes({ json }: TestAnswer): string[] {
  return ((json['details'] as { causes: { field: string; message: string }[] }).causes).map(({ field, message }) => `${field}: ${message}`);
}

const balancerOnly = "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'";
const unsupportedMode = 'spec.volumeMode: Unsupported value: "abc": supported values: "Block", "Filesystem"';

/** As kube-apiserver 1.32.2 answered, whose order of causes this is. */
const cases: readonly (readonly [resource: string, patch: object, causes: readonly (string | RegExp)[]])[] = [
  ['services', { spec: { type: 'UPPER' } }, ['spec.type: Unsupported value: "UPPER": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']],
  ['services', { spec: { clusterIP: '10.0.0.1' } }, ['spec.clusterIPs[0]: Invalid value: []string{"10.0.0.1"}: may not change once set']],
  ['services', { spec: { loadBalancerClass: 'a/b' } }, [balancerOnly, balancerOnly]],
  ['persistentvolumeclaims', { spec: { volumeMode: 'abc' } }, [unsupportedMode, unsupportedMode, /^spec: Forbidden: spec is immutable after creation/, 'volumeMode: Invalid value: "abc": field is immutable']],
  ['resourcequotas', { spec: { scopes: null } }, ['spec.scopes: Invalid value: []core.ResourceQuotaScope(nil): field is immutable']],
];

test.each(cases)('%s %j', async (resource, patch, expected) => {
  const answer = await call('PATCH', resource, patch);
  expect(answer.status, answer.text).toBe(422);
  expect(causes(answer)).toEqual(expected.map((one) => (one instanceof RegExp ? expect.stringMatching(one) as string : one)));
});

const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } };
const notMap = (kind: string): string => `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;

/** As kube-apiserver 1.32.2 answered. */
test.each<[body: unknown, says: string]>([
  [{ ...applied, apiVersion: 'v9' }, 'invalid object type: /v9, Kind=ConfigMap'], [{ ...applied, apiVersion: 'x/v1' }, 'invalid object type: x/v1, Kind=ConfigMap'],
  [{ ...applied, apiVersion: 'a/b/c' }, 'invalid object type: /, Kind='], [{ ...applied, kind: 'Pod' }, 'invalid object type: /v1, Kind=Pod'], [{ ...applied, kind: 7 }, 'invalid object type: /v1, Kind='],
  [{ kind: 'ConfigMap', metadata: { name: 'x' } }, 'invalid object type: /, Kind=ConfigMap'], [null, 'invalid object type: /, Kind='], [[1], notMap('array')], ['x', notMap('string')], [7, notMap('number')],
  [{ ...applied, metadata: [] }, 'failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata: expected map, got &{[]}'],
])('applied: %j', async (body, says) => {
  const answer = await apply(body);
  expect(answer.status).toBe(400);
  expect(answer.json['message']).toBe(says);
});

test('what is there already keeps its name where the applied object has none', async () => {
  expect((await apply({ ...applied, metadata: {} })).status).toBe(200);
  expect((await apply({ ...applied, metadata: null })).status).toBe(200);
  expect((await apply({ ...applied, metadata: {} }, 'new')).json['message']).toBe('the name of the object (new based on URL) was undeterminable: name must be provided');
});

test('an applied object that names a uid must be there', async () => {
  const answer = await apply({ ...applied, metadata: { name: 'new', uid: 'u' } }, 'new');
  expect(answer.status).toBe(409);
  expect(answer.json['message']).toBe('Operation cannot be fulfilled on configmaps "new": uid mismatch: the provided object specified uid u, and no existing object was found');
});

test('a patch is warned of even if its object is refused', async () => {
  const answer = await call('PATCH', 'configmaps', { nope: 1, metadata: { name: 'y' } });
  expect(answer.status).toBe(400);
  expect(answer.warning).toBe('299 - "unknown field \\"nope\\""');
});

test('a limit that no integer holds', async () => {
  const answer = await server.call({ method: 'GET', target: `${space}/configmaps?limit=99999999999999999999`, headers: { authorization: 'Bearer tok' } });
  expect(answer.json['message']).toBe('strconv.ParseInt: parsing "99999999999999999999": value out of range');
});

test.each([['statefulsets', 'statefulsets.apps "no" not found'], ['deployments', 'deployments/scale.apps "no" not found']])('no scale of %s', async (resource, says) => {
  const answer = await server.call({ method: 'GET', target: `/apis/apps/v1/namespaces/default/${resource}/no/scale`, headers: { authorization: 'Bearer tok' } });
  expect(answer.json['message']).toBe(says);
});

test('labels that a job has of its template are one with it, unless a name is made up', async () => {
  const target = '/apis/batch/v1/namespaces/default/jobs?dryRun=All';
  const job = { spec: { template: { metadata: { labels: { app: 'a' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } };
  const make = (metadata: object): Promise<TestAnswer> => server.call({ method: 'POST', target, body: { ...job, metadata }, headers: { authorization: 'Bearer tok' } });
  expect((await make({ name: 'j' })).json).toMatchObject({ metadata: { labels: { 'app': 'a', 'job-name': 'j' } } });
  expect(((await make({ generateName: 'j-' })).json['metadata'] as { labels: object }).labels).toEqual({ app: 'a' });
  expect(causes(await make({ name: 'Bad_Name!' })).filter((cause) => cause.startsWith('metadata.labels: '))).toHaveLength(2);
});

test('who deletes jobs without saying what becomes of their pods is warned, even if there are none', async () => {
  const answer = await server.call({ method: 'DELETE', target: '/apis/batch/v1/namespaces/default/jobs', headers: { authorization: 'Bearer tok' } });
  expect(answer.warning).toContain('child pods are preserved by default when jobs are deleted');
});

test('equal owners are told of before admission where the whole object came, else after it', async () => {
  const body = { metadata: { name: 'x', ownerReferences: [owner, owner] } };
  expect((await call('PUT', 'configmaps', body)).warning).toContain('.metadata.ownerReferences contains duplicate entries; API server dedups');
  expect((await call('PATCH', 'configmaps', body)).warning).toContain('.metadata.ownerReferences contains duplicate entries after mutating admission happens; API server dedups');
});

test('nobody manages the fields of what cannot be taken apart', async () => {
  const answer = await call('PATCH', 'serviceaccounts', { secrets: [{}] });
  expect(answer.json).toMatchObject({ secrets: [{}] });
  expect(answer.json['metadata']).not.toHaveProperty('managedFields');
});

test('the range of a node that was said alone counts for its managed fields too', async () => {
  const nodes = '/api/v1/nodes?dryRun=All';
  const answer = await server.call({ method: 'POST', target: nodes, body: { metadata: { name: 'n' }, spec: { podCIDR: '10.0.0.0/24' } }, headers: { authorization: 'Bearer tok' } });
  const { managedFields } = answer.json['metadata'] as { managedFields: [{ fieldsV1: object }] };
  expect(managedFields[0].fieldsV1).toMatchObject({ 'f:spec': { 'f:podCIDR': {}, 'f:podCIDRs': { '.': {}, 'v:"10.0.0.0/24"': {} } } });
});
