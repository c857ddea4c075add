import type { ResourceClaim, ResourceClaimTemplate } from '@coxswain/api/dynamic-resources';
import { dynamicResources as types, resources } from '@coxswain/client';
import { silentLogger } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { generateNameOf, isReleased, statusWith } from './claims.ts';

const features = new Set(['DynamicResourceAllocation']);
const finalizer = 'resource.kubernetes.io/delete-protection';
const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
const request = { name: 'r', deviceClassName: 'c' };

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster(silentLogger, { features, isServed: (group, version) => version === 'v1' || group === 'resource.k8s.io' });
  await cluster.startManager({ features, controllers: ['resourceclaim-controller', 'serviceaccount-controller'] });
  await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
});
afterAll(async () => { await cluster.stop(); });

const template = (name: string, more: object = {}): ResourceClaimTemplate => ({
  metadata: { namespace: 'default', name }, spec: { metadata: { labels: { app: 'x' }, annotations: { note: 'y' } }, spec: { devices: { requests: [{ ...request, ...more }] } } },
});
const pod = (name: string, claims: readonly object[], spec: Pod['spec'] = { containers: [] }): Pod => ({
  metadata: { namespace: 'default', name }, spec: { ...spec, containers: [{ name: 'c', image: 'i' }], resourceClaims: claims } as Pod['spec'] & object,
});
const statusesOf = async (name: string): Promise<Readonly<Record<string, string>>> => {
  const found = await cluster.until(resources.pods, key(name), (one) => (one?.status?.resourceClaimStatuses?.length ?? 0) > 0);
  return Object.fromEntries((found?.status?.resourceClaimStatuses ?? []).map((one) => [one.name, one.resourceClaimName ?? '']));
};

/** As the scheduler writes it. */
async function allocate(name: string, ...users: Pod[]): Promise<void> {
  const claim = await cluster.admin.get(types.resourceclaims, key(name));
  const held = await cluster.admin.update(types.resourceclaims, { ...claim, metadata: { ...claim.metadata, finalizers: [finalizer] } });
  const reservedFor = users.map(({ metadata }) => ({ resource: 'pods', name: metadata?.name ?? '', uid: metadata?.uid ?? '' }));
  await cluster.admin.updateStatus(types.resourceclaims, { ...held, status: { allocation: { devices: { results: [{ request: 'r', driver: 'd', pool: 'p', device: 'a' }] } }, reservedFor } });
}

const finish = (name: string): Promise<unknown> => cluster.admin.patch(resources.pods, key(name), 'strategic', { status: { phase: 'Succeeded' } }, { subresource: 'status' });

test('a pod\'s claims are made from its templates, once, and go when it is done', async () => {
  await cluster.admin.create(types.resourceclaimtemplates, template('t'));
  const made = await cluster.admin.create(resources.pods, pod('p', [{ name: 'gpu', resourceClaimTemplateName: 't' }, { name: 'nic', resourceClaimTemplateName: 't' }, { name: 'own', resourceClaimName: 'named' }]));
  const names = await statusesOf('p');
  expect(Object.keys(names)).toEqual(['gpu', 'nic']);
  const claim = await cluster.admin.get(types.resourceclaims, key(names['gpu'] ?? ''));
  expect(claim.metadata).toMatchObject({
    generateName: 'p-gpu-', labels: { app: 'x' }, annotations: { note: 'y', 'resource.kubernetes.io/pod-claim-name': 'gpu' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: made.metadata?.uid, controller: true, blockOwnerDeletion: true }],
  });
  expect(claim.spec?.devices?.requests).toEqual([{ ...request, allocationMode: 'ExactCount', count: 1 }]);
  expect((await cluster.admin.list(types.resourceclaims, { namespace: 'default' })).items).toHaveLength(2);
  await allocate(names['gpu'] ?? '', made);
  await finish('p');
  await cluster.untilAll(types.resourceclaims, 'default', (claims) => claims.length === 0);
});

test('a claim of many pods is given back when the last of them is done, and stays', async () => {
  await cluster.admin.create(types.resourceclaims, { metadata: { namespace: 'default', name: 'shared' }, spec: { devices: { requests: [request] } } });
  const both = [await cluster.admin.create(resources.pods, pod('s1', [{ name: 'gpu', resourceClaimName: 'shared' }])), await cluster.admin.create(resources.pods, pod('s2', [{ name: 'gpu', resourceClaimName: 'shared' }]))];
  await allocate('shared', ...both);
  await finish('s1');
  const left = await cluster.until(types.resourceclaims, key('shared'), (claim) => claim?.status?.reservedFor?.length === 1);
  expect([left?.status?.reservedFor?.[0]?.name, left?.status?.allocation === undefined]).toEqual(['s2', false]);
  await cluster.admin.delete(resources.pods, key('s2'));
  const freed = await cluster.until(types.resourceclaims, key('shared'), (claim) => claim?.status?.allocation === undefined && (claim?.metadata?.finalizers ?? []).length === 0);
  expect(freed?.status?.reservedFor ?? []).toEqual([]);
});

test('a pod that came to its node another way has its claim reserved', async () => {
  await cluster.admin.create(types.resourceclaims, { metadata: { namespace: 'default', name: 'late' }, spec: { devices: { requests: [request] } } });
  await allocate('late');
  await cluster.admin.create(resources.pods, pod('placed', [{ name: 'gpu', resourceClaimName: 'late' }], { containers: [], nodeName: 'n1' }));
  const claim = await cluster.until(types.resourceclaims, key('late'), (found) => (found?.status?.reservedFor?.length ?? 0) > 0);
  expect(claim?.status?.reservedFor?.map(({ name }) => name)).toEqual(['placed']);
});

test('a pod hears why its claim is not made, and has it once the template is there', async () => {
  await cluster.admin.create(resources.pods, pod('early', [{ name: 'gpu', resourceClaimTemplateName: 'coming' }]));
  const events = await cluster.untilAll(resources.events, 'default', (all) => all.some(({ involvedObject }) => involvedObject.name === 'early'));
  expect(events.find(({ involvedObject }) => involvedObject.name === 'early')).toMatchObject({
    type: 'Warning', reason: 'FailedResourceClaimCreation', source: { component: 'resource_claim' },
    message: 'PodResourceClaim gpu: resource claim template "coming": resourceclaimtemplate.resource.k8s.io "coming" not found',
  });
  await cluster.admin.create(types.resourceclaimtemplates, template('coming'));
  expect((await statusesOf('early'))['gpu']).toMatch(/^early-gpu-/);
});

test('names leave room for what is generated', () => {
  expect(generateNameOf('p', 'c')).toBe('p-c-');
  const long = generateNameOf('p'.repeat(63), 'c'.repeat(63));
  expect([long.length <= 57, /^p+-c+$/.test(long)]).toEqual([true, true]);
});

test.each<[string, ResourceClaim, number, ResourceClaim['status'] | undefined]>([
  ['nobody has left', { metadata: { finalizers: [finalizer] }, status: { allocation: {}, reservedFor: [{ resource: 'pods', name: 'a', uid: 'a' }] } }, 1, undefined],
  ['the last has left', { metadata: { finalizers: [finalizer] }, status: { allocation: {}, reservedFor: [{ resource: 'pods', name: 'a', uid: 'a' }] } }, 0, {}],
  // A driver of its own takes its devices back.
  ['the last has left what others allocate', { metadata: {}, status: { allocation: {}, reservedFor: [{ resource: 'pods', name: 'a', uid: 'a' }] } }, 0, { allocation: {} }],
  ['nobody has come', { metadata: { finalizers: [finalizer] }, status: { allocation: {} } }, 0, undefined],
  ['it is deleted before anybody came', { metadata: { finalizers: [finalizer], deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { allocation: {} } }, 0, {}],
])('%s', (_what, claim, kept, expected) => {
  expect(statusWith(claim, claim.status?.reservedFor?.slice(0, kept) ?? [])).toEqual(expected);
});

test('the finalizer goes with the devices, and with a claim that goes', () => {
  const held = (status: ResourceClaim['status'], deletionTimestamp?: string): ResourceClaim => ({ metadata: { finalizers: [finalizer], ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) }, ...(status === undefined ? {} : { status }) });
  expect([isReleased(held({}), true), isReleased(held({}), false), isReleased(held({}, '2026-01-01T00:00:00Z'), false), isReleased(held({ allocation: {} }), true)]).toEqual([true, false, true, false]);
});
