import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';

let server: TestServer;
beforeAll(async () => { server = await startTestServer(); });
afterAll(() => server.stop());

const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const configMaps = '/api/v1/namespaces/default/configmaps';
const other = 'edb1f062-f8c7-4896-b7ad-dba7d206ebcc';

function put(collection: string, name: string, metadata: object): Promise<TestAnswer> {
  return server.call({ method: 'PUT', target: `${collection}/${name}`, body: { metadata: { name, ...metadata } } });
}

// The words of kube-apiserver 1.32.2.
test('a PUT that names a uid is of that object only, and never makes another', async () => {
  const made = await put(leases, 'one', {});
  expect(made.status).toBe(201);
  const { uid } = made.json['metadata'] as { uid: string };
  const refusal = (what: string, key: string, stored: string): string =>
    `Operation cannot be fulfilled on ${what} "one": StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${other}, UID in object meta: ${stored}`;
  expect((await put(leases, 'one', { uid: other })).json).toMatchObject({ code: 409, reason: 'Conflict', message: refusal('leases.coordination.k8s.io', '/registry/leases/default/one', uid) });
  await server.call({ method: 'DELETE', target: `${leases}/one` });
  expect((await put(leases, 'one', { uid: other, resourceVersion: '5' })).json).toMatchObject({ code: 409, message: refusal('leases.coordination.k8s.io', '/registry/leases/default/one', '') });
  expect((await put(configMaps, 'one', { uid: other })).json).toMatchObject({ code: 409, message: refusal('configmaps', '/registry/configmaps/default/one', '') });
});

test('a PUT to where there is nothing makes a lease, whatever version it names, and no config map', async () => {
  expect((await put(leases, 'two', { resourceVersion: '5' })).status).toBe(201);
  expect((await put(configMaps, 'two', { resourceVersion: '5' })).status).toBe(404);
});
