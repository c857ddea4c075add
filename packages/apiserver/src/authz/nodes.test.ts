import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;
const pods = '/api/v1/namespaces/default/pods';
const token = 'kubelet-token';

async function pod(name: string, secret: string, nodeName: string): Promise<string> {
  const made = await cluster.call('POST', pods, {
    body: { metadata: { name }, spec: { nodeName, containers: [{ name: 'c', image: 'i', envFrom: [{ secretRef: { name: secret } }] }] } },
  });
  expect(made.status, made.text).toBe(201);
  await cluster.seen('', 'pods', 'default', name);
  return made.object.metadata.uid;
}

beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' } } });
  for (const name of ['mine', 'theirs']) await cluster.call('POST', '/api/v1/namespaces/default/secrets', { body: { metadata: { name } } });
  for (const name of ['n1', 'n2']) await cluster.call('POST', '/api/v1/nodes', { body: { metadata: { name } } });
});
afterAll(() => cluster.stop());

const status = async (method: string, target: string, body?: unknown): Promise<number> => (await cluster.call(method, target, { token, body })).status;

test('a kubelet reads what its own pods refer to, and no longer when they are gone', async () => {
  await pod('a', 'mine', 'n1');
  await pod('b', 'theirs', 'n2');
  expect(await status('GET', '/api/v1/namespaces/default/secrets/mine')).toBe(200);
  const refused = await cluster.call('GET', '/api/v1/namespaces/default/secrets/theirs', { token });
  expect(refused.status).toBe(403);
  expect(refused.json['message']).toContain("no relationship found between node 'n1' and this object");
  expect(await status('GET', '/api/v1/namespaces/default/secrets')).toBe(403);
  expect(await status('GET', `${pods}/a`)).toBe(200);
  expect(await status('GET', `${pods}/b`)).toBe(403);
  expect(await status('GET', `${pods}/gone`)).toBe(404);
  expect((await cluster.call('DELETE', `${pods}/a?gracePeriodSeconds=0`)).status).toBe(200);
  await cluster.seen('', 'pods', 'default', 'a', false);
  expect(await status('GET', '/api/v1/namespaces/default/secrets/mine')).toBe(403);
});

test('a kubelet writes its own node and lease only', async () => {
  const merge = { 'content-type': 'application/merge-patch+json' };
  const patch = async (target: string, body: unknown): Promise<string | number> => {
    const answer = await cluster.call('PATCH', target, { token, body, headers: merge });
    return answer.status === 200 ? 200 : String(answer.json['message']);
  };
  expect(await patch('/api/v1/nodes/n1', { metadata: { labels: { 'kubernetes.io/hostname': 'h', team: 'x' } } })).toBe(200);
  expect(await patch('/api/v1/nodes/n1', { metadata: { labels: { 'node-restriction.kubernetes.io/zone': 'secure' } } })).toBe('nodes "n1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/zone');
  expect(await patch('/api/v1/nodes/n1', { spec: { taints: [] } })).toBe('nodes "n1" is forbidden: node "n1" is not allowed to modify taints');
  expect(await patch('/api/v1/nodes/n2/status', { status: {} })).toBe('nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"');
  const lease = (name: string): unknown => ({ metadata: { name }, spec: { holderIdentity: name, leaseDurationSeconds: 40 } });
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  expect(await status('POST', leases, lease('n1'))).toBe(201);
  expect(await status('POST', leases, lease('n2'))).toBe(403);
});

test('a kubelet makes no pods but mirrors, and tokens only for its pods', async () => {
  expect(await status('POST', pods, { metadata: { name: 'x' }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] } })).toBe(403);
  const uid = await pod('c', 'mine', 'n1');
  const theirs = await pod('d', 'theirs', 'n2');
  const request = (name?: string, boundUid?: string): unknown => ({
    apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: name === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid: boundUid } },
  });
  const ask = async (body: unknown): Promise<string | number> => {
    const answer = await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', { token, body });
    return answer.status === 201 ? 201 : String(answer.json['message']);
  };
  expect(await ask(request('c', uid))).toBe(201);
  expect(await ask(request())).toContain('node requested token not bound to a pod');
  expect(await ask(request('d', theirs))).toContain('node requested token bound to a pod scheduled on a different node');
});
