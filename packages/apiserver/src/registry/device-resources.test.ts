import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRealHost } from '@coxswain/host/edge';
import { silentLogger } from '@coxswain/host';
import { testPartsConfig } from '../testing/parts-config.ts';
import { startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';

const admin = { authorization: 'Bearer tok' };
const [beta, alpha] = ['/apis/resource.k8s.io/v1beta1', '/apis/resource.k8s.io/v1alpha3'];
const pods = '/api/v1/namespaces/default/pods';
const claimOf = (name: string): unknown => ({ metadata: { name }, spec: { devices: { requests: [{ name: 'r', deviceClassName: 'c' }] } } });
const podWith = (name: string): unknown => ({ metadata: { name }, spec: { containers: [{ name: 'c', image: 'i', resources: { claims: [{ name: 'gpu' }] } }], resourceClaims: [{ name: 'gpu', resourceClaimName: 'x' }] } });

let on: TestServer;
let off: TestServer;
const start = (features: readonly string[], isServed?: (group: string, version: string) => boolean): Promise<TestServer> => startTestServer({}, createRealHost(silentLogger), {
  parts: testPartsConfig({ features: new Set(features), disableAdmissionPlugins: ['ServiceAccount'] }), ...(isServed === undefined ? {} : { isServed }),
});
const call = (server: TestServer, method: string, target: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> => server.call({ method, target, headers: { ...admin, ...headers }, ...(body === undefined ? {} : { body }) });

beforeAll(async () => {
  [on, off] = await Promise.all([start(['DynamicResourceAllocation'], (group, version) => version === 'v1' || group === 'resource.k8s.io'), start([])]);
});
afterAll(async () => {
  await Promise.all([on.stop(), off.stop()]);
});

test('the group is served where it is asked for, and nowhere else', async () => {
  const groups = async (server: TestServer): Promise<readonly string[]> => ((await call(server, 'GET', '/apis')).json['groups'] as { name: string }[]).map(({ name }) => name);
  expect(await groups(off)).not.toContain('resource.k8s.io');
  expect((await groups(on)).filter((name) => ['discovery.k8s.io', 'resource.k8s.io', 'flowcontrol.apiserver.k8s.io'].includes(name))).toEqual(['discovery.k8s.io', 'resource.k8s.io', 'flowcontrol.apiserver.k8s.io']);
  expect((await call(off, 'GET', `${beta}/deviceclasses`)).status).toBe(404);
  expect(Object.keys((await call(off, 'GET', '/openapi/v3')).json['paths'] as object).filter((path) => path.includes('resource.k8s.io'))).toEqual([]);
  expect(Object.keys((await call(on, 'GET', '/openapi/v3')).json['paths'] as object).filter((path) => path.includes('resource.k8s.io'))).toEqual(['apis/resource.k8s.io', 'apis/resource.k8s.io/v1alpha3', 'apis/resource.k8s.io/v1beta1']);
});

test('pods keep their claims where the feature is on', async () => {
  const spec = async (server: TestServer): Promise<Record<string, unknown>> => (await call(server, 'POST', pods, podWith('p'))).json['spec'] as Record<string, unknown>;
  const [kept, dropped] = [await spec(on), await spec(off)];
  expect([kept['resourceClaims'], dropped['resourceClaims']]).toEqual([[{ name: 'gpu', resourceClaimName: 'x' }], undefined]);
  const unknown = await call(on, 'POST', pods, { metadata: { name: 'q' }, spec: { containers: [{ name: 'c', image: 'i', resources: { claims: [{ name: 'other' }] } }], resourceClaims: [{ name: 'gpu', resourceClaimName: 'x' }] } });
  expect(unknown.json['message']).toBe('Pod "q" is invalid: spec.containers[0].resources.claims[0]: Not found: "other": must be one of the names in pod.spec.resourceClaims: gpu');
});

test('a claim has its defaults, a state to be shown, and protobuf', async () => {
  await call(on, 'POST', `${beta}/namespaces/default/resourceclaims`, claimOf('c'));
  const target = `${beta}/namespaces/default/resourceclaims/c`;
  const table = async (): Promise<unknown> => ((await call(on, 'GET', target, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).json['rows'] as { cells: unknown[] }[])[0]?.cells.slice(0, 2);
  expect((await call(on, 'GET', target)).json['spec']).toEqual({ devices: { requests: [{ name: 'r', deviceClassName: 'c', allocationMode: 'ExactCount', count: 1 }] } });
  expect(await table()).toEqual(['c', 'pending']);
  const status = { allocation: { devices: { results: [{ request: 'r', driver: 'd', pool: 'p', device: 'a' }] } }, reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] };
  await call(on, 'PATCH', `${target}/status`, { status }, { 'content-type': 'application/merge-patch+json' });
  expect(await table()).toEqual(['c', 'allocated,reserved']);
  expect((await call(on, 'GET', target, undefined, { accept: 'application/vnd.kubernetes.protobuf' })).contentType).toBe('application/vnd.kubernetes.protobuf');
});

test('a slice is one object in both versions, found by node and driver', async () => {
  const slice = { metadata: { name: 's' }, spec: { driver: 'd.x', nodeName: 'n1', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'a', basic: { capacity: { memory: '1Gi' } } }] } };
  expect((await call(on, 'POST', `${alpha}/resourceslices`, slice)).status).toBe(201);
  const capacity = async (version: string): Promise<unknown> => ((await call(on, 'GET', `${version}/resourceslices/s`)).json['spec'] as typeof slice.spec).devices[0]?.basic.capacity;
  expect([await capacity(beta), await capacity(alpha)]).toEqual([{ memory: { value: '1Gi' } }, { memory: '1Gi' }]);
  const found = async (selector: string): Promise<number> => ((await call(on, 'GET', `${beta}/resourceslices?fieldSelector=${encodeURIComponent(selector)}`)).json['items'] as unknown[]).length;
  expect([await found('spec.nodeName=n1'), await found('spec.nodeName=n2'), await found('spec.driver=d.x,spec.nodeName=n1')]).toEqual([1, 0, 1]);
  expect((await call(on, 'GET', `${beta}/resourceslices?fieldSelector=spec.x=1`)).json['message']).toBe('field label not supported for resource.k8s.io/v1beta1, Kind=ResourceSlice: spec.x');
});

test('a node has its own slices and no others', async () => {
  const node = { authorization: 'Bearer kubelet-token' };
  const slice = (nodeName: string): unknown => ({ metadata: { name: `of-${nodeName}` }, spec: { driver: 'd.x', nodeName, pool: { name: 'p', generation: 1, resourceSliceCount: 1 } } });
  const of = (name: string): string => `${beta}/resourceslices/of-${name}`;
  expect((await call(on, 'POST', `${beta}/resourceslices`, slice('n1'), node)).status).toBe(201);
  expect((await call(on, 'POST', `${beta}/resourceslices`, slice('n2'), node)).status).toBe(403);
  await call(on, 'POST', `${beta}/resourceslices`, slice('n2'));
  expect([(await call(on, 'DELETE', of('n2'), undefined, node)).status, (await call(on, 'DELETE', of('n1'), undefined, node)).status]).toEqual([403, 200]);
  expect([(await call(on, 'GET', `${beta}/resourceslices`, undefined, node)).status, (await call(on, 'GET', `${beta}/resourceslices?fieldSelector=spec.nodeName%3Dn1`, undefined, node)).status]).toEqual([403, 200]);
});

test('the roles of the feature are there with it only', async () => {
  const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:controller:resource-claim-controller';
  expect([(await call(on, 'GET', role)).status, (await call(off, 'GET', role)).status]).toEqual([200, 404]);
});

test('devices of a class are counted by quotas', async () => {
  await call(on, 'POST', '/api/v1/namespaces', { metadata: { name: 'few' } });
  await call(on, 'POST', '/api/v1/namespaces/few/resourcequotas', { metadata: { name: 'q' }, spec: { hard: { 'c.deviceclass.resource.k8s.io/devices': '0' } } });
  await call(on, 'PATCH', '/api/v1/namespaces/few/resourcequotas/q/status', { status: { hard: { 'c.deviceclass.resource.k8s.io/devices': '0' }, used: { 'c.deviceclass.resource.k8s.io/devices': '0' } } }, { 'content-type': 'application/merge-patch+json' });
  const refused = await call(on, 'POST', `${beta}/namespaces/few/resourceclaims`, claimOf('one'));
  expect([refused.status, refused.json['message']]).toEqual([403, 'resourceclaims.resource.k8s.io "one" is forbidden: exceeded quota: q, requested: c.deviceclass.resource.k8s.io/devices=1, used: c.deviceclass.resource.k8s.io/devices=0, limited: c.deviceclass.resource.k8s.io/devices=0']);
});
