import type { ResourceClaim } from '@coxswain/api/dynamic-resources';
import { statusOf, type FakeObject } from '@coxswain/client/testing';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { defaultSchedulerConfig } from './config.ts';
import { assigned, node, pod, put, read, whenEvent, whenPod, world, type World } from './testing/world.ts';

const group = 'resource.k8s.io';
const driver = 'gpu.example.com';
const config = { ...defaultSchedulerConfig('test'), dynamicResources: true };

function slice(nodeName: string, count: number): unknown {
  return { metadata: { name: `${nodeName}-slice` }, spec: { driver, nodeName, pool: { name: nodeName, generation: 1, resourceSliceCount: 1 }, devices: Array.from({ length: count }, (_, at) => ({ name: `gpu-${at}`, basic: { attributes: { model: { string: 'A1' } } } })) } };
}

function claim(name: string, more: object = {}): unknown {
  return { metadata: { namespace: 'default', name }, spec: { devices: { requests: [{ name: 'gpu', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 }] } }, ...more };
}

const using = (name: string, claimName: string): Pod => pod(name, '100m', { resourceClaims: [{ name: 'gpu', resourceClaimName: claimName }] } as object);
const claimAt = (name: string) => ({ group, resource: 'resourceclaims', namespace: 'default', name });
const stored = ({ server }: World, name: string): ResourceClaim => server.store.get(claimAt(name)) as ResourceClaim;
const devicesOf = (found: ResourceClaim): readonly string[] => (found.status?.allocation?.devices?.results ?? []).map(({ pool, device }) => `${pool}/${device}`);

async function cluster(gpus: Readonly<Record<string, number>>): Promise<World> {
  const here = await world();
  put(here.server, 'deviceclasses', { metadata: { name: 'gpu' }, spec: { selectors: [{ cel: { expression: `device.driver == "${driver}"` } }] } }, group);
  for (const [name, count] of Object.entries(gpus)) {
    put(here.server, 'nodes', node(name));
    if (count > 0) put(here.server, 'resourceslices', slice(name, count), group);
  }
  return here;
}

test('a claim is allocated where its pod goes, held by a finalizer, and reserved for the pod', async () => {
  const here = await cluster({ n1: 0, n2: 1 });
  put(here.server, 'resourceclaims', claim('c'), group);
  put(here.server, 'pods', using('p', 'c'));
  await here.start(config);
  await whenPod(here.sim, here.server, 'p', assigned);
  expect(read(here.server, 'p').spec?.nodeName).toBe('n2');
  const found = stored(here, 'c');
  expect(found.metadata?.finalizers).toEqual(['resource.kubernetes.io/delete-protection']);
  expect(found.status).toEqual({
    allocation: { devices: { results: [{ request: 'gpu', driver, pool: 'n2', device: 'gpu-0' }] }, nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }] } },
    reservedFor: [{ resource: 'pods', name: 'p', uid: read(here.server, 'p').metadata?.uid }],
  });
});

test('no two claims get one device; who has none waits until one is given back', async () => {
  const here = await cluster({ n1: 2, n2: 2 });
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) { put(here.server, 'resourceclaims', claim(name), group); put(here.server, 'pods', using(name, name)); }
  await here.start(config);
  const waiting = await whenEvent(here.sim, here.server, 'FailedScheduling');
  expect(waiting.message).toBe('0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.');
  const placed = (): readonly string[] => names.filter((name) => assigned(read(here.server, name)));
  await here.sim.run(2000);
  expect(placed()).toHaveLength(4);
  const held = placed().flatMap((name) => devicesOf(stored(here, name)));
  expect(held.toSorted()).toEqual(['n1/gpu-0', 'n1/gpu-1', 'n2/gpu-0', 'n2/gpu-1']);
  // As the controller does it when the pod has ended.
  const [first = ''] = placed();
  const last = names.find((name) => !placed().includes(name)) ?? '';
  const { status: _status, ...idle } = stored(here, first);
  here.server.store.update(claimAt(first), idle as FakeObject, '');
  here.server.store.update(claimAt(first), { ...idle, status: {} } as FakeObject, 'status');
  await whenPod(here.sim, here.server, last, assigned);
  expect(devicesOf(stored(here, last))).toHaveLength(1);
});

test('a pod waits for its claim, its class and its devices, and says so', async () => {
  const here = await cluster({ n1: 0 });
  put(here.server, 'resourceclaims', claim('c', { spec: { devices: { requests: [{ name: 'gpu', deviceClassName: 'late' }] } } }), group);
  put(here.server, 'pods', using('p', 'c'));
  await here.start(config);
  const condition = (): string | undefined => read(here.server, 'p').status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
  await whenPod(here.sim, here.server, 'p', () => condition() !== undefined);
  expect(condition()).toBe('0/1 nodes are available: request gpu: device class late does not exist. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.');
  put(here.server, 'deviceclasses', { metadata: { name: 'late' }, spec: {} }, group);
  await whenPod(here.sim, here.server, 'p', () => condition()?.includes('cannot allocate all claims') === true);
  put(here.server, 'resourceslices', slice('n1', 1), group);
  await whenPod(here.sim, here.server, 'p', assigned);
});

test('access for administration is refused, as upstream refuses it while the feature is off, and takes nothing from others', async () => {
  const here = await cluster({ n1: 1 });
  put(here.server, 'resourceclaims', claim('admin', { spec: { devices: { requests: [{ name: 'gpu', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, adminAccess: true }] } } }), group);
  put(here.server, 'resourceclaims', claim('c'), group);
  put(here.server, 'pods', using('watcher', 'admin'));
  await here.start(config);
  expect((await whenEvent(here.sim, here.server, 'FailedScheduling')).message).toBe('running "DynamicResources" filter plugin: claim default/admin, request gpu: admin access is requested, but the feature is disabled');
  put(here.server, 'pods', using('p', 'c'));
  await whenPod(here.sim, here.server, 'p', assigned);
  expect([assigned(read(here.server, 'watcher')), devicesOf(stored(here, 'admin')), devicesOf(stored(here, 'c'))]).toEqual([false, [], ['n1/gpu-0']]);
});

test('pods share a claim, where it is; one that nobody uses is allocated anew', async () => {
  const here = await cluster({ n1: 1, n2: 1 });
  const elsewhere = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }] };
  const allocation = { devices: { results: [{ request: 'gpu', driver, pool: 'n2', device: 'gpu-0' }] }, nodeSelector: elsewhere };
  put(here.server, 'resourceclaims', claim('shared', { status: { allocation, reservedFor: [{ resource: 'pods', name: 'other', uid: 'other' }] } }), group);
  put(here.server, 'resourceclaims', claim('idle', { status: { allocation: { ...allocation, devices: {} } } }), group);
  put(here.server, 'pods', using('p', 'shared'));
  put(here.server, 'pods', { ...using('q', 'idle'), spec: { ...using('q', 'idle').spec, nodeSelector: { 'kubernetes.io/hostname': 'n1' } } });
  await here.start(config);
  await whenPod(here.sim, here.server, 'p', assigned);
  expect(read(here.server, 'p').spec?.nodeName).toBe('n2');
  expect(stored(here, 'shared').status?.reservedFor?.map(({ name }) => name)).toEqual(['other', 'p']);
  await whenPod(here.sim, here.server, 'q', assigned);
  expect(read(here.server, 'q').spec?.nodeName).toBe('n1');
  expect(devicesOf(stored(here, 'idle'))).toEqual(['n1/gpu-0']);
});

test('where nobody serves the group pods without claims are scheduled, and those with claims once it is served', async () => {
  const here = await cluster({ n1: 1 });
  put(here.server, 'resourceclaims', claim('c'), group);
  put(here.server, 'pods', using('p', 'c'));
  put(here.server, 'pods', pod('plain'));
  here.server.intercept = ({ target }) => (target.includes(group) ? statusOf(404, 'NotFound', 'the server could not find the requested resource') : undefined);
  await here.start(config);
  await whenPod(here.sim, here.server, 'plain', assigned);
  await here.sim.run(30_000);
  expect(assigned(read(here.server, 'p'))).toBe(false);
  here.server.intercept = undefined;
  await whenPod(here.sim, here.server, 'p', assigned);
});
