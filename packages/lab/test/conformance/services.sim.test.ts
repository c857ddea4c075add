import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

async function readyPod(t: Stage, name: string, labels: Any, ports: readonly Any[] = []): Promise<Any> {
  const pods = t.path('v1', 'pods');
  await t.create(pods, { metadata: { name, labels }, spec: { containers: [{ name: 'c', image: 'example.com/i:1', ports }] } });
  await t.eventually(`${name} is ready`, async () => ((await t.get(`${pods}/${name}`)).status.conditions as Any[]).some((one) => one.type === 'Ready' && one.status === 'True'));
  return t.get(`${pods}/${name}`);
}

async function slicesOf(t: Stage, service: string): Promise<Any[]> {
  return (await t.get(`${t.path('discovery.k8s.io/v1', 'endpointslices')}?labelSelector=kubernetes.io/service-name=${service}`)).items as Any[];
}

area('services and their endpoints', (conformance) => {
  conformance('[sig-network] Services should provide secure master service [Conformance]', async (t) => {
    const { spec } = await t.get('/api/v1/namespaces/default/services/kubernetes');
    expect(spec.ports).toContainEqual(expect.objectContaining({ name: 'https', port: 443 }));
  });

  conformance('[sig-network] EndpointSlice should have Endpoints and EndpointSlices pointing to API Server [Conformance]', async (t) => {
    const endpoints = await t.get('/api/v1/namespaces/default/endpoints/kubernetes');
    expect(endpoints.subsets).not.toEqual([]);
    const slices = (await t.get('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=kubernetes')).items as Any[];
    expect(slices.flatMap((slice) => (slice.endpoints as Any[]).flatMap((one) => one.addresses))).toEqual((endpoints.subsets as Any[]).flatMap((subset) => (subset.addresses as Any[]).map((address) => address.ip)));
  });

  conformance('[sig-network] EndpointSlice should create and delete Endpoints and EndpointSlices for a Service with a selector specified [Conformance]', async (t) => {
    await t.create(t.path('v1', 'services'), { metadata: { name: 'example-empty-selector' }, spec: { selector: { 'does-not-match': 'anything' }, ports: [{ name: 'http', port: 80 }] } });
    await t.eventually('both are made', async () => (await t.call('GET', t.path('v1', 'endpoints', 'example-empty-selector'))).status === 200 && (await slicesOf(t, 'example-empty-selector')).length === 1);
    await t.delete(t.path('v1', 'services', 'example-empty-selector'));
    await t.eventually('both are gone', async () => (await t.call('GET', t.path('v1', 'endpoints', 'example-empty-selector'))).status === 404 && (await slicesOf(t, 'example-empty-selector')).length === 0, 120_000);
  });

  conformance('[sig-network] EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service [Conformance]', async (t) => {
    const one = await readyPod(t, 'pod1', { foo: 'bar', foo1: 'bar1' }, [{ name: 'example-name', containerPort: 3000 }]);
    const two = await readyPod(t, 'pod2', { foo: 'bar' }, [{ name: 'example-name', containerPort: 3001 }, { name: 'other-port', containerPort: 3002 }]);
    const services = t.path('v1', 'services');
    await t.create(services, { metadata: { name: 'int-port' }, spec: { selector: { foo1: 'bar1' }, publishNotReadyAddresses: true, ports: [{ name: 'example', port: 80, targetPort: 3000 }] } });
    await t.create(services, { metadata: { name: 'named-port' }, spec: { selector: { foo: 'bar' }, publishNotReadyAddresses: true, ports: [{ name: 'http', port: 80, targetPort: 'example-name' }] } });
    const addresses = (slices: readonly Any[]): string[] => slices.flatMap((slice) => (slice.endpoints ?? []) as Any[]).flatMap((endpoint) => endpoint.addresses as string[]);
    await t.eventually('the first has one endpoint', async () => JSON.stringify(addresses(await slicesOf(t, 'int-port'))) === JSON.stringify([one.status.podIP]));
    await t.eventually('the second has both', async () => new Set(addresses(await slicesOf(t, 'named-port'))).size === 2);
    const byPort = new Map((await slicesOf(t, 'named-port')).map((slice) => [slice.ports[0].port, addresses([slice])]));
    expect(byPort).toEqual(new Map([[3000, [one.status.podIP]], [3001, [two.status.podIP]]]));
    const { subsets } = await t.get(t.path('v1', 'endpoints', 'named-port'));
    expect((subsets as Any[]).map((subset) => [subset.ports[0].port, subset.addresses[0].ip]).toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([[3000, one.status.podIP], [3001, two.status.podIP]]);
  });

  conformance('[sig-network] EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete [Conformance]', async (t) => {
    await t.create(t.path('v1', 'services'), { metadata: { name: 'custom' }, spec: { ports: [{ name: 'example', port: 80 }] } });
    const endpoints = t.path('v1', 'endpoints');
    await t.create(endpoints, { metadata: { name: 'custom' }, subsets: [{ ports: [{ name: 'example', port: 80 }], addresses: [{ ip: '10.1.2.3' }] }] });
    const mirrored = async (): Promise<string> => (await slicesOf(t, 'custom')).flatMap((slice) => (slice.endpoints as Any[]).flatMap((one) => one.addresses as string[])).join();
    await t.eventually('it is mirrored', async () => (await mirrored()) === '10.1.2.3');
    expect((await slicesOf(t, 'custom'))[0].metadata.labels['endpointslice.kubernetes.io/managed-by']).toBe('endpointslicemirroring-controller.k8s.io');
    await readAndUpdate(t, `${endpoints}/custom`, (object) => { object.subsets[0].addresses = [{ ip: '10.2.3.4' }]; });
    await t.eventually('the change is mirrored', async () => (await mirrored()) === '10.2.3.4');
    await t.delete(`${endpoints}/custom`);
    await t.eventually('the mirror is gone', async () => (await slicesOf(t, 'custom')).length === 0);
  });

  conformance('[sig-network] Services should find a service from listing all namespaces [Conformance]', async (t) => {
    expect(((await t.get('/api/v1/services')).items as Any[]).some((service) => service.metadata.name === 'kubernetes' && service.metadata.namespace === 'default')).toBe(true);
  });

  conformance('[sig-network] Services should delete a collection of services [Conformance]', async (t) => {
    const services = t.path('v1', 'services');
    for (const [name, type, label] of [['a', 'ClusterIP', 'yes'], ['b', 'ClusterIP', 'yes'], ['c', 'NodePort', 'no']] as const) await t.create(services, { metadata: { name, labels: { collected: label } }, spec: { type, ports: [{ port: 80 }] } });
    await t.delete(`${services}?labelSelector=collected=yes`);
    expect(((await t.get(services)).items as Any[]).map((one) => one.metadata.name)).toEqual(['c']);
  });

  conformance('[sig-network] Services should complete a service status lifecycle [Conformance]', async (t) => {
    const path = t.path('v1', 'services', 's');
    await t.create(t.path('v1', 'services'), { metadata: { name: 's' }, spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80 }] } });
    const patched = await t.patch(`${path}/status`, { metadata: { annotations: { patchedstatus: 'true' } }, status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } } });
    expect(patched.status.loadBalancer.ingress[0].ip).toBe('203.0.113.1');
    await readAndUpdate(t, `${path}/status`, (service) => { service.status.conditions = [{ type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test', lastTransitionTime: '2026-01-01T00:00:00Z' }]; });
    expect((await t.get(`${path}/status`)).status.conditions[0].type).toBe('StatusUpdate');
    await t.patch(path, { metadata: { labels: { patched: 'true' } } }, 'strategic');
    await t.delete(path);
    expect((await t.call('GET', path)).status).toBe(404);
  });

  conformance('[sig-network] Services should test the lifecycle of an Endpoint [Conformance]', async (t) => {
    const endpoints = t.path('v1', 'endpoints');
    const watch = await t.watch('v1', 'endpoints', { namespace: t.namespace, labelSelector: 'test-endpoint-static=true' });
    await t.create(endpoints, { metadata: { name: 'testservice', labels: { 'test-endpoint-static': 'true' } }, subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }] });
    await watch.until('ADDED');
    await readAndUpdate(t, `${endpoints}/testservice`, (object) => { object.metadata.labels['test-service'] = 'updated'; });
    await watch.until('MODIFIED', (seen) => seen.metadata.labels['test-service'] === 'updated');
    await t.patch(`${endpoints}/testservice`, { metadata: { labels: { 'test-service': 'patched' } }, subsets: [{ addresses: [{ ip: '10.0.0.25' }], ports: [{ name: 'http-test', port: 8080 }] }] }, 'strategic');
    await watch.until('MODIFIED', (seen) => seen.metadata.labels['test-service'] === 'patched' && seen.subsets[0].addresses[0].ip === '10.0.0.25' && seen.subsets[0].ports[0].port === 8080);
    await t.delete(`${endpoints}?labelSelector=test-endpoint-static=true`);
    await watch.until('DELETED');
    watch.stop();
  });
});
