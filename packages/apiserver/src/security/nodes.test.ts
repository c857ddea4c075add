import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';

/** Attacks by number of docs/security.md: by a kubelet that was taken over. */
let cluster: TestCluster;
const token = 'kubelet-token';
const merge = { 'content-type': 'application/merge-patch+json' };
const pods = '/api/v1/namespaces/default/pods';

async function pod(name: string, nodeName: string, more: object = {}): Promise<string> {
  const made = await cluster.call('POST', pods, { body: { metadata: { name }, spec: { nodeName, containers: [{ name: 'c', image: 'i' }], ...more } } });
  expect(made.status, made.text).toBe(201);
  await cluster.seen('', 'pods', 'default', name);
  return made.object.metadata.uid;
}

beforeAll(async () => {
  cluster = await startTestCluster([{ disableAdmissionPlugins: ['ServiceAccount'] }]);
  for (const name of ['n1', 'n2']) await cluster.call('POST', '/api/v1/nodes', { body: { metadata: { name } } });
  for (const name of ['mine', 'theirs', 'volume']) await cluster.call('POST', '/api/v1/namespaces/default/secrets', { body: { metadata: { name } } });
  await cluster.call('POST', '/api/v1/namespaces/default/configmaps', { body: { metadata: { name: 'theirs' } } });
  await pod('mine', 'n1', { volumes: [{ name: 'v', secret: { secretName: 'mine' } }] });
  await pod('theirs', 'n2', { volumes: [{ name: 'v', secret: { secretName: 'theirs' } }, { name: 'w', configMap: { name: 'theirs' } }, { name: 'x', persistentVolumeClaim: { claimName: 'theirs' } }] });
});
afterAll(() => cluster.stop());

const attempt = async (method: string, target: string, body?: object): Promise<number> => (await cluster.call(method, target, { token, body, ...(method === 'PATCH' ? { headers: merge } : {}) })).status;

test('8: a kubelet leaves other nodes alone, and its own name, labels and taints', async () => {
  const attempts: readonly (readonly [string, string, object?])[] = [
    ['PATCH', '/api/v1/nodes/n2', { metadata: { labels: { a: 'b' } } }], ['PATCH', '/api/v1/nodes/n2/status', { status: { addresses: [] } }], ['DELETE', '/api/v1/nodes/n2'], ['DELETE', '/api/v1/nodes/n1'], ['POST', '/api/v1/nodes', { metadata: { name: 'n3' } }],
    ['PATCH', '/api/v1/nodes/n1', { metadata: { labels: { 'node-restriction.kubernetes.io/tier': 'trusted' } } }], ['PATCH', '/api/v1/nodes/n1/status', { metadata: { labels: { 'sub.node-restriction.kubernetes.io/tier': 'trusted' } } }],
    ['PATCH', '/api/v1/nodes/n1', { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } }], ['PATCH', '/api/v1/nodes/n1', { spec: { taints: [] } }],
    ['PATCH', `${pods}/theirs/status`, { status: { phase: 'Failed' } }], ['DELETE', `${pods}/theirs`], ['POST', `${pods}/theirs/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'theirs' } }],
    ['PATCH', `${pods}/mine/status`, { metadata: { labels: { app: 'other' } } }], ['PATCH', `${pods}/mine`, { metadata: { labels: { app: 'other' } } }],
    ['PATCH', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2', { spec: { holderIdentity: 'n1' } }],
    ['POST', '/apis/storage.k8s.io/v1/csinodes', { metadata: { name: 'n2' }, spec: { drivers: [] } }],
  ];
  for (const [method, target, body] of attempts) expect(await attempt(method, target, body), `${method} ${target} ${JSON.stringify(body)}`).toBe(403);
});

test('8: a kubelet makes mirrors of its own pods only, and they open nothing', async () => {
  const uid = (await cluster.call('GET', '/api/v1/nodes/n1')).object.metadata.uid;
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true };
  const mirror = (name: string, spec: object = {}, metadata: object = {}): Promise<number> => attempt('POST', pods, {
    metadata: { name, annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner], ...metadata }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], ...spec },
  });
  expect(await mirror('good')).toBe(201);
  expect(await mirror('plain', {}, { annotations: {} })).toBe(403);
  expect(await mirror('elsewhere', { nodeName: 'n2' })).toBe(403);
  for (const [index, ownerReferences] of [[], [{ ...owner, name: 'n2' }], [{ ...owner, uid: 'other' }], [{ ...owner, controller: false }], [{ ...owner, blockOwnerDeletion: true }], [owner, { ...owner, uid: 'second', controller: false }]].entries()) {
    expect(await mirror(`owner-${index}`, {}, { ownerReferences }), JSON.stringify(ownerReferences)).toBe(403);
  }
  for (const [index, volume] of [{ secret: { secretName: 'theirs' } }, { configMap: { name: 'theirs' } }, { persistentVolumeClaim: { claimName: 'theirs' } }, { projected: { sources: [{ secret: { name: 'theirs' } }] } }].entries()) {
    expect(await mirror(`volume-${index}`, { volumes: [{ name: 'v', ...volume }] }), JSON.stringify(volume)).toBe(403);
  }
  expect(await mirror('account', { serviceAccountName: 'default' })).toBe(403);
  expect(await attempt('GET', '/api/v1/namespaces/default/secrets/theirs'), 'no mirror has opened it').toBe(403);
});

test('8, 35: a kubelet asks for certificates in its own name only', async () => {
  // Made by openssl: CN=x.
  const request = 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIR01HNENBUUF3RERFS01BZ0dBMVVFQXd3QmVEQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCTHUxeEc5MjFYU3hXc2MyMkQzdzM3RmI5S0RodHJOTkJWME5Ra2NtUVVmRFYyZTVEZ1JWUTJoNlFlUnFTRGpwClNOV2JwNm5JS092eGRONGQzVzhrRWFDZ0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQkhxUVNtM1h6MFRMdlcKcTdsYWd3RW9lK3hHU2FDU1QwTzljNkNVMzNOL0ZnSWhBTzVibzhJbjV6cGpvR1dmTEp4ZWt1WlVTUE5oOUlnSgpxTDlKZVRxM3RjY1YKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==';
  for (const signerName of ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']) {
    const usages = signerName.endsWith('serving') ? ['digital signature', 'server auth'] : ['digital signature', 'client auth'];
    const answer = await cluster.call('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', { token, body: { metadata: { generateName: 'csr-' }, spec: { request, signerName, usages } } });
    expect([answer.status, String(answer.json['message']).replace(/^.*forbidden: /, '')]).toEqual([403, 'can only create a node CSR with CN=system:node:n1']);
  }
  expect(await attempt('PUT', '/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval', {})).toBe(403);
});

test('9: a kubelet reads what its pods use, one by one, and nothing of others', async () => {
  for (const target of ['/api/v1/namespaces/default/secrets/mine', `${pods}/mine`, '/api/v1/nodes/n1', `/api/v1/pods?fieldSelector=spec.nodeName%3Dn1`, '/api/v1/services']) expect(await attempt('GET', target), target).toBe(200);
  const refused = [
    '/api/v1/namespaces/default/secrets/theirs', '/api/v1/namespaces/default/configmaps/theirs', '/api/v1/namespaces/default/persistentvolumeclaims/theirs', '/api/v1/namespaces/default/secrets', '/api/v1/secrets', '/api/v1/configmaps', '/api/v1/persistentvolumeclaims',
    '/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dtheirs', '/api/v1/namespaces/default/secrets?labelSelector=a%3Db&watch=true', `${pods}/theirs`, pods, '/api/v1/pods', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn2', '/api/v1/pods?fieldSelector=spec.nodeName!%3Dn1',
    '/api/v1/nodes', '/api/v1/nodes/n2', '/api/v1/nodes/n2/proxy/pods', '/apis/rbac.authorization.k8s.io/v1/clusterroles', '/api/v1/namespaces/default/serviceaccounts/default',
  ];
  for (const target of refused) expect(await attempt('GET', target), target).toBe(403);
});

test('9: claims and volumes are followed, and no longer than the pod is there', async () => {
  await cluster.call('POST', '/api/v1/namespaces/default/persistentvolumeclaims', { body: { metadata: { name: 'claim' }, spec: { accessModes: ['ReadWriteOnce'], volumeName: 'pv', resources: { requests: { storage: '1Gi' } } } } });
  await cluster.call('POST', '/api/v1/persistentvolumes', { body: { metadata: { name: 'pv' }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], claimRef: { namespace: 'default', name: 'claim' }, csi: { driver: 'd', volumeHandle: 'h', nodePublishSecretRef: { namespace: 'default', name: 'volume' } } } } });
  const targets = ['/api/v1/namespaces/default/persistentvolumeclaims/claim', '/api/v1/persistentvolumes/pv', '/api/v1/namespaces/default/secrets/volume'];
  for (const target of targets) expect(await attempt('GET', target), target).toBe(403);
  await pod('user', 'n1', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }] });
  await cluster.seen('', 'persistentvolumes', '', 'pv');
  for (const target of targets) expect(await attempt('GET', target), target).toBe(200);
  await cluster.call('DELETE', `${pods}/user?gracePeriodSeconds=0`);
  await cluster.seen('', 'pods', 'default', 'user', false);
  for (const target of targets) expect(await attempt('GET', target), target).toBe(403);
});
