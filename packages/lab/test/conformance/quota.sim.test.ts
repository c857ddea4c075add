import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

type Amounts = Readonly<Record<string, string>>;

async function quota(t: Stage, hard: Amounts, extra: Any = {}, name = 'test-quota'): Promise<void> {
  await t.create(t.path('v1', 'resourcequotas'), { metadata: { name }, spec: { hard, ...extra } });
}

async function used(t: Stage, amounts: Amounts, name = 'test-quota'): Promise<void> {
  let last: Any;
  await t.eventually(`${name} uses ${JSON.stringify(amounts)}`, async () => {
    last = (await t.get(t.path('v1', 'resourcequotas', name))).status?.used;
    return last !== undefined && Object.entries(amounts).every(([resource, amount]) => last[resource] === amount);
  }, 120_000).catch((error: unknown) => { throw new Error(`${String(error)}; last ${JSON.stringify(last)}`); });
}

function pod(name: string, requests: Amounts = {}, spec: Any = {}): Any {
  return { metadata: { name }, spec: { containers: [{ name: 'pause', image: 'example.com/pause:1', resources: Object.keys(requests).length === 0 ? {} : { requests, limits: requests } }], ...spec } };
}

const templateSpec = { containers: [{ name: 'c', image: 'example.com/i:1' }] };

area('resource quota', (conformance) => {
  conformance('[sig-api-machinery] ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated. [Conformance]', async (t) => {
    await quota(t, { resourcequotas: '2', pods: '5' });
    await used(t, { resourcequotas: '1', pods: '0' });
  });

  conformance('[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a service. [Conformance]', async (t) => {
    await quota(t, { services: '2', 'services.nodeports': '1', 'services.loadbalancers': '1' });
    await used(t, { services: '0', 'services.nodeports': '0', 'services.loadbalancers': '0' });
    const services = t.path('v1', 'services');
    const service = (name: string, type: string, extra: Any = {}): Any => ({ metadata: { name }, spec: { type, ports: [{ port: 80, targetPort: 80 }], ...extra } });
    await t.create(services, service('one', 'ClusterIP'));
    await t.create(services, service('two', 'NodePort'));
    await used(t, { services: '2', 'services.nodeports': '1' });
    const refused = await t.refused('POST', services, service('three', 'LoadBalancer', { allocateLoadBalancerNodePorts: false }));
    expect(refused).toMatchObject({ code: 403, reason: 'Forbidden' });
    expect(refused.message).toContain('exceeded quota: test-quota, requested: services=1, used: services=2, limited: services=2');
    await t.delete(`${services}/one`);
    await t.delete(`${services}/two`);
    await used(t, { services: '0', 'services.nodeports': '0' });
  });

  conformance('[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a secret. [Conformance]', (t) => lifeOfObject(t, 'v1', 'secrets', { data: {} }));
  conformance('[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a configMap. [Conformance]', (t) => lifeOfObject(t, 'v1', 'configmaps', {}));
  conformance('[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replication controller. [Conformance]', (t) => lifeOfObject(t, 'v1', 'replicationcontrollers', { spec: { replicas: 0, selector: { a: 'b' }, template: { metadata: { labels: { a: 'b' } }, spec: templateSpec } } }));
  conformance('[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replica set. [Conformance]', (t) => lifeOfObject(t, 'apps/v1', 'replicasets', { spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: templateSpec } } }, 'count/replicasets.apps'));

  conformance('[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a pod. [Conformance]', async (t) => {
    await quota(t, { pods: '5', cpu: '1', memory: '500Mi', 'ephemeral-storage': '50Gi', 'requests.example.com/dongle': '3' });
    await used(t, { pods: '0', cpu: '0', memory: '0' });
    const pods = t.path('v1', 'pods');
    const own = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', 'example.com/dongle': '2' };
    await t.create(pods, pod('one', own));
    await used(t, { pods: '1', cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', 'requests.example.com/dongle': '2' });
    expect((await t.refused('POST', pods, pod('two', { cpu: '600m', memory: '100Mi', 'ephemeral-storage': '10Gi' }))).message).toContain('exceeded quota: test-quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1');
    expect((await t.refused('POST', pods, pod('two', { ...own, cpu: '100m', memory: '10Mi', 'ephemeral-storage': '1Gi' }))).message).toContain('requests.example.com/dongle=2');
    await t.patch(`${pods}/one`, { metadata: { labels: { updated: 'true' } } });
    await used(t, { pods: '1', cpu: '500m' });
    await t.delete(`${pods}/one`, { gracePeriodSeconds: 0 });
    await used(t, { pods: '0', cpu: '0', memory: '0', 'ephemeral-storage': '0', 'requests.example.com/dongle': '0' });
  });

  conformance('[sig-api-machinery] ResourceQuota should verify ResourceQuota with terminating scopes. [Conformance]', async (t) => {
    await quota(t, { pods: '5' }, { scopes: ['Terminating'] }, 'quota-terminating');
    await quota(t, { pods: '5' }, { scopes: ['NotTerminating'] }, 'quota-not-terminating');
    const pods = t.path('v1', 'pods');
    await used(t, { pods: '0' }, 'quota-terminating');
    await used(t, { pods: '0' }, 'quota-not-terminating');
    await t.create(pods, pod('long', { cpu: '100m' }));
    await used(t, { pods: '1' }, 'quota-not-terminating');
    await used(t, { pods: '0' }, 'quota-terminating');
    await t.delete(`${pods}/long`, { gracePeriodSeconds: 0 });
    await used(t, { pods: '0' }, 'quota-not-terminating');
    await t.create(pods, pod('short', { cpu: '100m' }, { activeDeadlineSeconds: 3600 }));
    await used(t, { pods: '1' }, 'quota-terminating');
    await used(t, { pods: '0' }, 'quota-not-terminating');
    await t.delete(`${pods}/short`, { gracePeriodSeconds: 0 });
    await used(t, { pods: '0' }, 'quota-terminating');
  });

  conformance('[sig-api-machinery] ResourceQuota should verify ResourceQuota with best effort scope. [Conformance]', async (t) => {
    await quota(t, { pods: '5' }, { scopes: ['BestEffort'] }, 'quota-besteffort');
    await quota(t, { pods: '5' }, { scopes: ['NotBestEffort'] }, 'quota-not-besteffort');
    const pods = t.path('v1', 'pods');
    await used(t, { pods: '0' }, 'quota-besteffort');
    await used(t, { pods: '0' }, 'quota-not-besteffort');
    await t.create(pods, pod('best'));
    await used(t, { pods: '1' }, 'quota-besteffort');
    await used(t, { pods: '0' }, 'quota-not-besteffort');
    await t.delete(`${pods}/best`, { gracePeriodSeconds: 0 });
    await used(t, { pods: '0' }, 'quota-besteffort');
    await t.create(pods, pod('burstable', { cpu: '100m' }));
    await used(t, { pods: '1' }, 'quota-not-besteffort');
    await used(t, { pods: '0' }, 'quota-besteffort');
  });

  conformance('[sig-api-machinery] ResourceQuota should be able to update and delete ResourceQuota. [Conformance]', async (t) => {
    await quota(t, { cpu: '1', memory: '500Mi' });
    const path = t.path('v1', 'resourcequotas', 'test-quota');
    expect((await t.get(path)).spec.hard).toEqual({ cpu: '1', memory: '500Mi' });
    await readAndUpdate(t, path, (object) => { object.spec.hard = { cpu: '2', memory: '1Gi' }; });
    expect((await t.get(path)).spec.hard).toEqual({ cpu: '2', memory: '1Gi' });
    await t.delete(path);
    expect((await t.call('GET', path)).status).toBe(404);
  });

  conformance('[sig-api-machinery] ResourceQuota should manage the lifecycle of a ResourceQuota [Conformance]', async (t) => {
    const quotas = t.path('v1', 'resourcequotas');
    await t.create(quotas, { metadata: { name: 'q', labels: { q: t.namespace } }, spec: { hard: { cpu: '100m' } } });
    expect((await t.get(`/api/v1/resourcequotas?labelSelector=q=${t.namespace}`)).items).toHaveLength(1);
    await t.patch(`${quotas}/q`, { metadata: { labels: { patched: 'yes' } }, spec: { hard: { memory: '750Mi' } } }, 'strategic');
    expect((await t.get(`${quotas}/q`)).spec.hard).toEqual({ cpu: '100m', memory: '750Mi' });
    await t.delete(`${quotas}?labelSelector=q=${t.namespace}`);
    await t.eventually('it is gone', async () => (await t.get(`${quotas}?labelSelector=q=${t.namespace}`)).items.length === 0);
  });

  conformance('[sig-api-machinery] ResourceQuota should apply changes to a resourcequota status [Conformance]', async (t) => {
    const path = t.path('v1', 'resourcequotas', 'test-quota');
    await quota(t, { cpu: '500m', memory: '500Mi' });
    await used(t, { cpu: '0', memory: '0' });
    const watch = await t.watch('v1', 'resourcequotas', { namespace: t.namespace });
    await readAndUpdate(t, path, (object) => { object.spec.hard = { cpu: '1', memory: '1Gi' }; });
    await watch.until('MODIFIED', (seen) => seen.status.hard.cpu === '1' && seen.status.hard.memory === '1Gi');
    const written = await readAndUpdate(t, `${path}/status`, (object) => { object.status.hard = { cpu: '2', memory: '2Gi' }; });
    expect(written.status.hard).toEqual({ cpu: '2', memory: '2Gi' });
    await watch.until('MODIFIED', (seen) => seen.status.hard.cpu === '1');
    const patched = await t.patch(`${path}/status`, { metadata: { annotations: { patched: 'yes' } }, status: { hard: { cpu: '3' } } });
    expect(patched.status.hard.cpu).toBe('3');
    await watch.until('MODIFIED', (seen) => seen.status.hard.cpu === '1');
    watch.stop();
  });
});

/** Counted when made, refused beyond the quota, given back when deleted. */
async function lifeOfObject(t: Stage, groupVersion: string, resource: string, object: Any, counted = resource): Promise<void> {
  const collection = t.path(groupVersion, resource);
  const before = (await t.get(collection)).items.length as number;
  await quota(t, { [counted]: String(before + 1) });
  await used(t, { [counted]: String(before) });
  await t.create(collection, { ...object, metadata: { name: 'one' } });
  await used(t, { [counted]: String(before + 1) });
  expect(await t.refused('POST', collection, { ...object, metadata: { name: 'two' } })).toMatchObject({ code: 403, reason: 'Forbidden' });
  await t.delete(`${collection}/one`);
  await used(t, { [counted]: String(before) });
}
