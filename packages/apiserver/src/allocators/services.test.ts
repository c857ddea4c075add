import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;
beforeAll(async () => { cluster = await startTestCluster([{ advertiseAddress: '192.0.2.1' }, { advertiseAddress: '192.0.2.2', hostname: 'second' }]); });
afterAll(() => cluster.stop());

const target = '/api/v1/namespaces/default/services';

async function make(name: string, spec: Record<string, unknown>, server = 0): Promise<{ status: number; object: Loose; message: unknown }> {
  const answer = await cluster.call('POST', target, { body: { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } } }, server);
  return { ...answer, message: answer.json['message'] };
}

async function patch(name: string, spec: unknown): Promise<Loose> {
  const answer = await cluster.call('PATCH', `${target}/${name}`, { body: { spec }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect(answer.status, answer.text).toBe(200);
  return answer.object;
}

test('an address is given, kept and given back', async () => {
  const made = await make('a', { clusterIP: '10.96.0.50' });
  expect(made.object.spec).toMatchObject({ clusterIP: '10.96.0.50', clusterIPs: ['10.96.0.50'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', internalTrafficPolicy: 'Cluster' });
  const taken = await make('b', { clusterIP: '10.96.0.50' });
  expect(taken).toMatchObject({ status: 422, message: 'Service "b" is invalid: spec.clusterIPs: Invalid value: []string{"10.96.0.50"}: failed to allocate IP 10.96.0.50: provided IP is already allocated' });
  const put = await cluster.call('PUT', `${target}/a`, { body: { metadata: { name: 'a' }, spec: { ports: [{ port: 81 }] } } });
  expect(put.object.spec, put.text).toMatchObject({ clusterIP: '10.96.0.50', clusterIPs: ['10.96.0.50'] });
  await cluster.call('DELETE', `${target}/a`);
  expect((await make('b', { clusterIP: '10.96.0.50' })).status).toBe(201);
});

test('node ports come and go with the type', async () => {
  expect((await make('np', { type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] })).status).toBe(201);
  expect((await make('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] })).message).toBe('Service "np2" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated');
  expect((await make('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })).message).toBe('Service "np2" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767');
  const changed = await patch('np', { type: 'ClusterIP' });
  expect((changed.spec['ports'] as Record<string, unknown>[])[0]).not.toHaveProperty('nodePort');
  expect((await make('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] })).status).toBe(201);
  const [port] = (await patch('np', { type: 'NodePort' })).spec['ports'] as { nodePort: number }[];
  expect(port?.nodePort).toBeGreaterThanOrEqual(30000);
});

test('two protocols of one port share the node port', async () => {
  const made = await make('dns', { type: 'NodePort', ports: [{ name: 'u', port: 53, protocol: 'UDP' }, { name: 't', port: 53, protocol: 'TCP' }] });
  const ports = made.object.spec['ports'] as { nodePort: number }[];
  expect(ports[0]?.nodePort).toBe(ports[1]?.nodePort);
});

test('headless and external services hold no address', async () => {
  expect((await make('h', { clusterIP: 'None', selector: { a: 'b' } })).object.spec).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
  expect((await make('e', { type: 'ExternalName', externalName: 'a.example.com' })).object.spec).not.toHaveProperty('clusterIP');
  const addressed = await patch('e', { type: 'ClusterIP', externalName: null });
  expect(addressed.spec['clusterIP']).toMatch(/^10\.96\./);
  const again = await patch('e', { type: 'ExternalName', externalName: 'a.example.com', clusterIP: null, clusterIPs: null });
  expect(again.spec).not.toHaveProperty('clusterIPs');
});

test('two servers never give the same address or port', async () => {
  const made = await Promise.all(Array.from({ length: 40 }, (_unused, i) => make(`many-${i}`, { type: 'NodePort' }, i % 2)));
  expect(made.map((one) => one.status)).toEqual(made.map(() => 201));
  expect(new Set(made.map((one) => one.object.spec['clusterIP'])).size).toBe(40);
  expect(new Set(made.map((one) => (one.object.spec['ports'] as { nodePort: number }[])[0]?.nodePort)).size).toBe(40);
});

test('what is not stored is not kept', async () => {
  expect((await make('b', { clusterIP: '10.96.0.77' })).status, 'b exists').toBe(409);
  expect((await cluster.call('POST', `${target}?dryRun=All`, { body: { metadata: { name: 'dry' }, spec: { clusterIP: '10.96.0.77', ports: [{ port: 80 }] } } })).status).toBe(201);
  expect((await make('c', { clusterIP: '10.96.0.77' })).status).toBe(201);
});

test('a collection that is deleted gives back all of its addresses', async () => {
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'other' } } });
  const others = '/api/v1/namespaces/other/services';
  for (const [name, clusterIP] of [['x', '10.96.0.91'], ['y', '10.96.0.92']]) {
    expect((await cluster.call('POST', others, { body: { metadata: { name }, spec: { clusterIP, ports: [{ port: 80 }] } } })).status).toBe(201);
  }
  expect((await cluster.call('DELETE', others)).status).toBe(200);
  expect((await make('x', { clusterIP: '10.96.0.91' })).status).toBe(201);
  expect((await make('y', { clusterIP: '10.96.0.92' })).status).toBe(201);
});

test('a service that waits for a finalizer keeps its address until it goes', async () => {
  const target_ = `${target}/held`;
  await cluster.call('POST', target, { body: { metadata: { name: 'held', finalizers: ['example.com/wait'] }, spec: { clusterIP: '10.96.0.95', ports: [{ port: 80 }] } } });
  expect((await cluster.call('DELETE', target_)).status).toBe(200);
  expect((await make('next', { clusterIP: '10.96.0.95' })).status).toBe(422);
  await cluster.call('PATCH', target_, { body: { metadata: { finalizers: null } }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect((await make('next', { clusterIP: '10.96.0.95' })).status).toBe(201);
});
