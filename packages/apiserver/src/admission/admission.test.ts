import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { noMetrics } from '@coxswain/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alwaysAllowAuthorizer } from '../authz/union.ts';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import type { ApiServer } from '../server.ts';
import { admissionMetrics } from './metrics.ts';
import { admissionPlugins } from './plugins.ts';

let cluster: TestCluster;
const pods = '/api/v1/namespaces/default/pods';
beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' }, imagePullSecrets: [{ name: 'registry' }] } });
});
afterAll(() => cluster.stop());

async function pod(name: string, spec: Record<string, unknown> = {}): Promise<{ status: number; object: Loose; message: unknown }> {
  const answer = await cluster.call('POST', pods, { body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } } });
  return { ...answer, message: answer.json['message'] };
}

test('a pod gets its account, its token volume and the pull secrets of the account', async () => {
  const { spec } = (await pod('a')).object;
  expect(spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default', imagePullSecrets: [{ name: 'registry' }] });
  const [volume] = spec['volumes'] as { name: string; projected: { sources: unknown[] } }[];
  expect(volume?.name).toMatch(/^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  expect(volume?.projected.sources).toHaveLength(3);
  expect((spec['containers'] as { volumeMounts: unknown }[])[0]?.volumeMounts).toEqual([{ name: volume?.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }]);
});

test('a pod that wants no token gets none, and one that mounts its own keeps it', async () => {
  expect((await pod('b', { automountServiceAccountToken: false })).object.spec).not.toHaveProperty('volumes');
  const own = { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] }], volumes: [{ name: 'v', emptyDir: {} }] };
  expect((await pod('c', own)).object.spec['volumes']).toEqual([{ name: 'v', emptyDir: {} }]);
});

test('tolerations are added where none speaks of the taint', async () => {
  const tolerations = async (name: string, given: unknown[]): Promise<unknown> => (await pod(name, { tolerations: given })).object.spec['tolerations'];
  expect(await tolerations('d', [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }])).toEqual([
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  ]);
  expect(await tolerations('e', [{ operator: 'Exists' }])).toEqual([{ operator: 'Exists' }]);
});

test('priority comes from the class alone', async () => {
  expect((await pod('f', { priorityClassName: 'system-node-critical' })).object.spec).toMatchObject({ priority: 2_000_001_000, preemptionPolicy: 'PreemptLowerPriority' });
  expect((await pod('g', { priority: 7 })).message).toBe('pods "g" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name');
  const made = await cluster.call('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', { body: { metadata: { name: 'usual' }, value: 100, globalDefault: true, preemptionPolicy: 'Never' } });
  expect(made.status, made.text).toBe(201);
  await cluster.seen('scheduling.k8s.io', 'priorityclasses', '', 'usual');
  expect((await pod('g')).object.spec).toMatchObject({ priorityClassName: 'usual', priority: 100, preemptionPolicy: 'Never' });
  const second = await cluster.call('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', { body: { metadata: { name: 'other' }, value: 1, globalDefault: true } });
  expect(second.json['message']).toBe('priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist');
  expect((await cluster.call('DELETE', '/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical')).status).toBe(403);
});

test('a new node is tainted until it is seen ready', async () => {
  const made = await cluster.call('POST', '/api/v1/nodes', { body: { metadata: { name: 'n' } } });
  expect(made.object.spec['taints']).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
});

test('nothing is made where no namespace is, or where it is going', async () => {
  const inside = (namespace: string): ReturnType<TestCluster['call']> => cluster.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name: 'c' } } });
  expect((await inside('nowhere')).json['message']).toBe('namespaces "nowhere" not found');
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'going' } } });
  await cluster.call('DELETE', '/api/v1/namespaces/going');
  await new Promise<void>((resolve) => {
    const going = (): boolean => (cluster.servers[0]?.cache.get('', 'namespaces', '', 'going')?.['status'] as { phase?: string } | undefined)?.phase === 'Terminating';
    const stop = cluster.servers[0]?.cache.onChange('', 'namespaces', () => { if (going()) { stop?.(); resolve(); } });
    if (going()) { stop?.(); resolve(); }
  });
  const refused = await inside('going');
  expect(refused.status).toBe(403);
  expect(refused.json['message']).toBe('configmaps "c" is forbidden: unable to create new content in namespace going because it is being terminated');
  expect((refused.json['details'] as { causes: unknown }).causes).toEqual([{ reason: 'NamespaceTerminating', message: 'namespace going is being terminated', field: 'metadata.namespace' }]);
  expect((await cluster.call('DELETE', '/api/v1/namespaces/kube-system')).json['message']).toBe('namespaces "kube-system" is forbidden: this namespace may not be deleted');
});

test('approving needs the right on the signer', async () => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests', 'certificatesigningrequests/approval'], verbs: ['get', 'update', 'patch'] }];
  await cluster.call('POST', `${rbac}/clusterroles`, { body: { metadata: { name: 'approver' }, rules } });
  await cluster.call('POST', `${rbac}/clusterrolebindings`, { body: { metadata: { name: 'approver' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approver' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'nobody' }] } });
  await cluster.seen('rbac.authorization.k8s.io', 'clusterrolebindings', '', 'approver');
  // A request for CN=x made by openssl.
  const request = 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIR01HNENBUUF3RERFS01BZ0dBMVVFQXd3QmVEQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCTHUxeEc5MjFYU3hXc2MyMkQzdzM3RmI5S0RodHJOTkJWME5Ra2NtUVVmRFYyZTVEZ1JWUTJoNlFlUnFTRGpwClNOV2JwNm5JS092eGRONGQzVzhrRWFDZ0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQkhxUVNtM1h6MFRMdlcKcTdsYWd3RW9lK3hHU2FDU1QwTzljNkNVMzNOL0ZnSWhBTzVibzhJbjV6cGpvR1dmTEp4ZWt1WlVTUE5oOUlnSgpxTDlKZVRxM3RjY1YKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==';
  const made = await cluster.call('POST', requests, { body: { metadata: { name: 'r' }, spec: { request, signerName: 'example.com/s', usages: ['client auth'] } } });
  expect(made.status, made.text).toBe(201);
  const approve = (): ReturnType<TestCluster['call']> => cluster.call('PATCH', `${requests}/r/approval`, {
    token: 'nobody-token', headers: { 'content-type': 'application/merge-patch+json' }, body: { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'R', message: 'm' }] } },
  });
  expect((await approve()).json['message']).toBe('certificatesigningrequests.certificates.k8s.io "r" is forbidden: user not permitted to approve requests with signerName "example.com/s"');
  await cluster.call('PATCH', `${rbac}/clusterroles/approver`, {
    headers: { 'content-type': 'application/merge-patch+json' }, body: { rules: [...rules, { apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: ['example.com/*'], verbs: ['approve'] }] },
  });
  const allowed = await changed(() => approve().then((answer) => answer.status === 200));
  expect(allowed).toBe(true);
});

test('a limit range gives defaults and keeps bounds', async () => {
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'limited' } } });
  await cluster.call('POST', '/api/v1/namespaces/limited/serviceaccounts', { body: { metadata: { name: 'default' } } });
  const range = await cluster.call('POST', '/api/v1/namespaces/limited/limitranges', {
    body: { metadata: { name: 'l' }, spec: { limits: [{ type: 'Container', default: { cpu: '1' }, max: { cpu: '2' } }, { type: 'Pod', max: { cpu: '3' }, min: { memory: '10Mi' } }] } },
  });
  expect(range.status, range.text).toBe(201);
  await cluster.seen('', 'limitranges', 'limited', 'l');
  const make = (...containers: object[]): ReturnType<TestCluster['call']> => cluster.call('POST', '/api/v1/namespaces/limited/pods', {
    body: { metadata: { name: 'p' }, spec: { containers: containers.map((resources, i) => ({ name: `c${i}`, image: 'i', resources })) } },
  });
  expect((await make({})).json['message']).toBe('pods "p" is forbidden: minimum memory usage per Pod is 10Mi.  No request is specified');
  expect((await make({ limits: { cpu: '2500m', memory: '1Mi' } })).json['message']).toBe('pods "p" is forbidden: [maximum cpu usage per Container is 2, but limit is 2500m, minimum memory usage per Pod is 10Mi, but request is 1Mi]');
  const fine = { limits: { memory: '1Gi', cpu: '2' } };
  expect((await make(fine, fine)).json['message']).toBe('pods "p" is forbidden: maximum cpu usage per Pod is 3, but limit is 4');
  const made = await make({ requests: { memory: '20Mi' } });
  expect(made.status, made.text).toBe(201);
  expect(made.object.metadata['annotations']).toEqual({ 'kubernetes.io/limit-ranger': 'LimitRanger plugin set: cpu request for container c0; cpu limit for container c0' });
  expect((made.object.spec['containers'] as { resources: unknown }[])[0]?.resources).toEqual({ limits: { cpu: '1' }, requests: { cpu: '1', memory: '20Mi' } });
});

test('a client certificate for system:masters cannot even be asked for', async () => {
  const ask = (name: string, request: string): ReturnType<TestCluster['call']> => cluster.call('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
    body: { metadata: { name }, spec: { request, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] } },
  });
  // Made by openssl: O=dev and O=system:masters.
  const dev = 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWE1IOENBUUF3SFRFTU1Bb0dBMVVFQ2d3RFpHVjJNUTB3Q3dZRFZRUUREQVJuYjI5a01Ga3dFd1lIS29aSQp6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVHSTVnanJ2YzZVOFhySWFUWVNaSzZrbG9Vcko0OGdIUGtnM05nRHRrCkZDcEUxcE8zd29GMi94VW9IcXdnaldyNGc4ejUvS2JMOTlMalhwZWRPOURCQTZBQU1Bb0dDQ3FHU000OUJBTUMKQTBnQU1FVUNJUUNDS2pwVy9ybFZucWpsZE5LcE9hT004WloxZlBaQy8vaWVrYzJkYUJwWTJRSWdkMVA4SUU3NQpaSGhEeVpuM0ZxMWdaZzZGWlVYSVdrd3c3MXJ2YzNXZWE5VT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==';
  const masters = 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIak1JR0tBZ0VBTUNneEZ6QVZCZ05WQkFvTURuTjVjM1JsYlRwdFlYTjBaWEp6TVEwd0N3WURWUVFEREFSbApkbWxzTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFRXFIYVdTMiswdUpDL25GL01WTS82SWVkCkJzaTR6UStnUlVuRUtyVG9Oa3Z4UzBqOERUU3pWbzhITE1kUnp4RkNKcGlRZnM5Sm5DOCtCSWpXaGV0Nm1LQUEKTUFvR0NDcUdTTTQ5QkFNQ0EwZ0FNRVVDSUYramQzaE53T09XSGJPbjdPNmZQaTJvQVRSSi9OVG5sMmFHdy9xego4NzBKQWlFQXRuSU5Cb1ZzL282VitRVEZVK2VDUkFoaStwUER5ZFRScFc3L1p4aWsrcEU9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=';
  const allowed = await ask('dev', dev);
  expect(allowed.status, allowed.text).toBe(201);
  expect((await ask('masters', masters)).json['message']).toBe('certificatesigningrequests.certificates.k8s.io "masters" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed');
});

/** Tries again at each change of a role, since rights are read from the cache. */
async function changed(attempt: () => Promise<boolean>): Promise<boolean> {
  const { cache } = cluster.servers[0] as ApiServer;
  let wake = (): void => undefined;
  const stop = cache.onChange('rbac.authorization.k8s.io', 'clusterroles', () => wake());
  try {
    for (;;) {
      const next = new Promise<void>((resolve) => { wake = resolve; });
      if (await attempt()) return true;
      await next;
    }
  } finally {
    stop();
  }
}

test('a plugin that is not there is refused by name, not ignored', () => {
  const tools = { host: createRealHost(silentLogger), cache: cluster.servers[0]?.cache as never, lookup: () => Promise.resolve(undefined), authorizer: alwaysAllowAuthorizer, objects: { mutate: () => Promise.reject(new Error('not called')) }, client: {} as never, resourcesNow: () => [], callouts: { post: () => Promise.reject(new Error('not called')) }, admissionMetrics: admissionMetrics(noMetrics, createRealHost(silentLogger).clock) };
  const names = (enable: string[], disable: string[]): string[] => admissionPlugins(testPartsConfig({ enableAdmissionPlugins: enable, disableAdmissionPlugins: disable }), tools).map((plugin) => plugin.name);
  expect(() => names(['ImagePolicyWebhook'], [])).toThrow('--enable-admission-plugins: ImagePolicyWebhook needs its webhook from --admission-control-config-file');
  expect(() => names(['EventRateLimit'], [])).toThrow('EventRateLimit needs its limits from --admission-control-config-file');
  expect(() => names([], ['Nonsense'])).toThrow('--disable-admission-plugins: unknown admission plugin "Nonsense"');
  expect(names([], ['Priority'])).not.toContain('Priority');
  expect(names([], [])).not.toContain('NodeRestriction');
  expect(names(['NodeRestriction'], [])).toContain('NodeRestriction');
});
