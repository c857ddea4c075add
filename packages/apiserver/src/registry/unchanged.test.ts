import { createLocalStore } from '@coxswain/etcd-lite';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';

const pods = '/api/v1/namespaces/default/pods';
const host = createRealHost(silentLogger);
const store = createLocalStore(host);
let server: TestServer;
beforeAll(async () => { server = await startTestServer(undefined, host, { store }); });
afterAll(async () => {
  await server.stop();
  await store.close();
});

const spec = { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1', memory: '64Mi' } } }], nodeSelector: { b: '1', a: '2' }, tolerations: [{ key: 'k', operator: 'Exists' }] };

async function make(name: string): Promise<void> {
  const made = await server.call({ method: 'POST', target: pods, body: { metadata: { name, annotations: { at: '0' } }, spec } });
  expect(made.status, made.text).toBe(201);
}

async function patch(name: string, body: unknown, where = '', query = ''): Promise<TestAnswer> {
  return server.call({ method: 'PATCH', target: `${pods}/${name}${where}${query}`, body, headers: { 'content-type': 'application/merge-patch+json' } });
}

const keyOf = (name: string): string => `/registry/pods/default/${name}`;

async function storedText(name: string): Promise<string> {
  return fromUtf8((await store.range({ key: utf8(keyOf(name)) })).kvs[0]?.value ?? new Uint8Array());
}

/** As whoever writes to the store without asking this server. */
async function overwrite(name: string, change: (text: string) => string): Promise<void> {
  const { kvs } = await store.range({ key: utf8(keyOf(name)) });
  const { revision } = await store.put({ key: utf8(keyOf(name)), value: utf8(change(fromUtf8(kvs[0]?.value ?? new Uint8Array()))) });
  await expect.poll(async () => (await server.call({ method: 'GET', target: `${pods}/${name}?resourceVersion=0` })).json['metadata']).toMatchObject({ resourceVersion: String(revision) });
}

test('a patch of metadata, or of status, leaves the text of the spec as it is stored', async () => {
  await make('text');
  const before = await storedText('text');
  const specText = /"spec":(.*),"status":/.exec(before)?.[1] ?? expect.fail(before);
  for (let at = 1; at <= 3; at += 1) {
    const answer = await patch('text', { metadata: { annotations: { at: String(at) } } });
    expect([answer.status, (answer.json['metadata'] as { annotations: unknown }).annotations]).toEqual([200, { at: String(at) }]);
    expect((await patch('text', { status: { message: `${at}` } }, '/status')).status).toBe(200);
  }
  const after = await storedText('text');
  expect(after).toContain(`"spec":${specText},"status":{`);
  expect(after).toContain('"at":"3"');
  expect(after).toContain('"message":"3"');
});

test('a patch that gives the spec as it is, in another order, is none of it', async () => {
  await make('order');
  const before = await storedText('order');
  expect((await patch('order', { spec: { nodeSelector: { a: '2', b: '1' } } })).status).toBe(200);
  expect(await storedText('order')).toBe(before);
});

test('what another has stored is looked at though nothing of it changes, again and again', async () => {
  await make('broken');
  expect((await patch('broken', { metadata: { annotations: { at: '1' } } })).status).toBe(200);
  await overwrite('broken', (text) => text.replace('"restartPolicy":"Always"', '"restartPolicy":"Sometimes"'));
  for (const at of ['2', '3']) {
    const answer = await patch('broken', { metadata: { annotations: { at } } });
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('spec.restartPolicy: Unsupported value: \\"Sometimes\\"')]);
  }
  // Its status goes on, and makes nothing valid by that.
  expect((await patch('broken', { status: { message: 'seen' } }, '/status')).status).toBe(200);
  expect((await patch('broken', { metadata: { annotations: { at: '4' } } })).status).toBe(422);
});

test('a spec that changes is looked at whatever was known of the former one; so are annotations', async () => {
  await make('changed');
  expect((await patch('changed', { metadata: { annotations: { at: '1' } } })).status).toBe(200);
  expect((await patch('changed', { spec: { hostname: 'other' } })).text).toContain('pod updates may not change fields other than');
  expect((await patch('changed', { spec: { activeDeadlineSeconds: 0 } })).status).toBe(422);
  expect((await patch('changed', { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } })).text).toContain('may not add mirror pod annotation');
  expect((await patch('changed', { metadata: { labels: { 'not a label': 'x' } } })).status).toBe(422);
  expect((await patch('changed', { spec: { activeDeadlineSeconds: 5 } })).status).toBe(200);
  expect((await patch('changed', { metadata: { annotations: { at: '2' } } })).status).toBe(200);
});

test('a dry run leaves what is stored alone', async () => {
  await make('dry');
  const before = await storedText('dry');
  expect((await patch('dry', { metadata: { annotations: { at: '1' } } }, '', '?dryRun=All')).json['metadata']).toMatchObject({ annotations: { at: '1' } });
  expect(await storedText('dry')).toBe(before);
  expect((await server.call({ method: 'GET', target: `${pods}/dry` })).json['metadata']).toMatchObject({ annotations: { at: '0' } });
});

test('a patch of a status has the defaults that upstream takes from the spec: the mode of a load balancer\'s address', async () => {
  const services = '/api/v1/namespaces/default/services';
  const made = await server.call({ method: 'POST', target: services, body: { metadata: { name: 'lb' }, spec: { type: 'LoadBalancer', clusterIP: '10.0.0.99', ports: [{ port: 80 }] } } });
  expect(made.status, made.text).toBe(201);
  for (const type of ['strategic-merge-patch+json', 'merge-patch+json']) {
    const answer = await server.call({ method: 'PATCH', target: `${services}/lb/status?dryRun=All`, body: { status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } } }, headers: { 'content-type': `application/${type}` } });
    expect([answer.status, answer.json['status']], answer.text).toEqual([200, { loadBalancer: { ingress: [{ ip: '192.0.2.9', ipMode: 'VIP' }] } }]);
  }
});
