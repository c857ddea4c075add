import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

const pod = { metadata: { name: 'test-pod' }, spec: { containers: [{ name: 'nginx', image: 'example.com/pause:1' }] } };

async function makeNamespace(t: Stage, suffix: string): Promise<string> {
  const name = `${t.namespace}-${suffix}`;
  await t.create('/api/v1/namespaces', { metadata: { name } });
  await t.eventually('the namespace has its account', async () => (await t.call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).status === 200);
  return name;
}

async function gone(t: Stage, name: string): Promise<void> {
  await t.eventually(`namespace ${name} is gone`, async () => (await t.call('GET', `/api/v1/namespaces/${name}`)).status === 404, 300_000);
}

area('namespaces', (conformance) => {
  conformance('[sig-api-machinery] Namespaces [Serial] should ensure that all pods are removed when a namespace is deleted [Conformance]', async (t) => {
    const name = await makeNamespace(t, 'pods');
    const pods = `/api/v1/namespaces/${name}/pods`;
    await t.create(pods, pod);
    await t.eventually('the pod runs', async () => (await t.get(`${pods}/test-pod`)).status.phase === 'Running');
    await t.delete(`/api/v1/namespaces/${name}`);
    await gone(t, name);
    await makeNamespace(t, 'pods');
    expect((await t.get(pods)).items).toEqual([]);
  });

  conformance('[sig-api-machinery] Namespaces [Serial] should ensure that all services are removed when a namespace is deleted [Conformance]', async (t) => {
    const name = await makeNamespace(t, 'services');
    const services = `/api/v1/namespaces/${name}/services`;
    await t.create(services, { metadata: { name: 'test-service' }, spec: { selector: { foo: 'bar' }, ports: [{ port: 80, targetPort: 80 }] } });
    await t.delete(`/api/v1/namespaces/${name}`);
    await gone(t, name);
    await makeNamespace(t, 'services');
    expect((await t.get(services)).items).toEqual([]);
  });

  conformance('[sig-api-machinery] Namespaces [Serial] should patch a Namespace [Conformance]', async (t) => {
    const name = await makeNamespace(t, 'patched');
    await t.patch(`/api/v1/namespaces/${name}`, { metadata: { labels: { testLabel: 'testValue' } } }, 'strategic');
    expect((await t.get(`/api/v1/namespaces/${name}`)).metadata.labels.testLabel).toBe('testValue');
    await t.delete(`/api/v1/namespaces/${name}`);
  });

  conformance('[sig-api-machinery] Namespaces [Serial] should apply an update to a Namespace [Conformance]', async (t) => {
    const path = `/api/v1/namespaces/${t.namespace}`;
    await readAndUpdate(t, path, (namespace) => { namespace.metadata.labels[t.namespace] = 'updated'; });
    expect((await t.get(path)).metadata.labels[t.namespace]).toBe('updated');
  });

  conformance('[sig-api-machinery] Namespaces [Serial] should apply changes to a namespace status [Conformance]', async (t) => {
    const path = `/api/v1/namespaces/${t.namespace}`;
    expect((await t.get(`${path}/status`)).status.phase).toBe('Active');
    await t.patch(`${path}/status`, { metadata: { annotations: { 'e2e-patched-ns-status': t.namespace } }, status: { conditions: [{ type: 'StatusPatch', status: 'True', reason: 'E2E', message: 'patched' }] } });
    await readAndUpdate(t, `${path}/status`, (namespace) => { namespace.status.conditions.push({ type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'updated' }); });
    const { status, metadata } = await t.get(path);
    expect(metadata.annotations['e2e-patched-ns-status']).toBe(t.namespace);
    expect(status.conditions.map((condition: Any) => condition.type)).toEqual(expect.arrayContaining(['StatusPatch', 'StatusUpdate']));
  });

  conformance('[sig-api-machinery] Namespaces [Serial] should apply a finalizer to a Namespace [Conformance]', async (t) => {
    const name = await makeNamespace(t, 'finalized');
    const path = `/api/v1/namespaces/${name}`;
    const finalize = async (change: (finalizers: string[]) => string[]): Promise<void> => { await readAndUpdate(t, path, (namespace) => { namespace.spec.finalizers = change(namespace.spec.finalizers ?? []); }, `${path}/finalize`); };
    await finalize((finalizers) => [...finalizers, 'e2e.example.com/fakeFinalizer']);
    expect((await t.get(path)).spec.finalizers).toEqual(['kubernetes', 'e2e.example.com/fakeFinalizer']);
    await t.delete(path);
    await t.eventually('only the finalizer holds it', async () => JSON.stringify((await t.get(path)).spec.finalizers) === '["e2e.example.com/fakeFinalizer"]', 120_000);
    expect((await t.get(path)).status.phase).toBe('Terminating');
    await finalize(() => []);
    await gone(t, name);
  });
});
