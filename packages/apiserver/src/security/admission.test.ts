import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { defaultAdmissionFile } from '../admission/config.ts';
import { admissionPlugins } from '../admission/plugins.ts';
import { alwaysAllowAuthorizer } from '../authz/union.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { testPartsConfig } from '../testing/parts-config.ts';

/** Attacks by number of docs/security.md: that rules on content stop. */
async function withPlugins<T>(enableAdmissionPlugins: readonly string[], run: (cluster: TestCluster) => Promise<T>): Promise<T> {
  const admission = { ...defaultAdmissionFile, eventLimits: [{ type: 'User' as const, qps: 1, burst: 20, cacheSize: 10 }] };
  const cluster = await startTestCluster([{ enableAdmissionPlugins, disableAdmissionPlugins: ['ServiceAccount'], admission }]);
  try {
    return await run(cluster);
  } finally {
    await cluster.stop();
  }
}

test('2: no service takes over addresses, and those that have some keep no more', async () => {
  await withPlugins(['DenyServiceExternalIPs'], async (cluster) => {
    const make = (name: string, externalIPs?: string[]): ReturnType<TestCluster['call']> => cluster.call('POST', '/api/v1/namespaces/default/services', { body: { metadata: { name }, spec: { ports: [{ port: 80 }], ...(externalIPs === undefined ? {} : { externalIPs }) } } });
    expect((await make('a', ['192.0.2.1'])).json['message']).toBe('services "a" is forbidden: Use of external IPs is denied by admission control');
    expect((await make('b')).status).toBe(201);
    const patched = await cluster.call('PATCH', '/api/v1/namespaces/default/services/b', { headers: { 'content-type': 'application/merge-patch+json' }, body: { spec: { externalIPs: ['192.0.2.1'] } } });
    expect(patched.status).toBe(403);
  });
});

test('5: a flood of events is told to wait, by whichever of their two names they come', async () => {
  await withPlugins(['EventRateLimit'], async (cluster) => {
    const event = (index: number): ReturnType<TestCluster['call']> => (index % 2 === 0
      ? cluster.call('POST', '/api/v1/namespaces/default/events', { body: { metadata: { name: `e${index}` }, involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' } } })
      : cluster.call('POST', '/apis/events.k8s.io/v1/namespaces/default/events', { body: { metadata: { name: `e${index}` }, regarding: { kind: 'Pod', name: 'p', namespace: 'default' }, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'a.b/c', reportingInstance: 'i', action: 'a', reason: 'r', type: 'Normal' } }));
    const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => event(index)));
    const made = answers.filter(({ status }) => status === 201).length;
    const refused = answers.filter(({ status }) => status === 429);
    expect(made + refused.length).toBe(60);
    expect(made).toBeGreaterThanOrEqual(20);
    expect(made).toBeLessThan(30);
    expect(refused[0]?.json['message']).toBe('Too many requests: limit reached on type User for key admin');
    expect((await cluster.call('POST', '/api/v1/namespaces/default/configmaps', { body: { metadata: { name: 'c' } } })).status, 'others go on').toBe(201);
  });
});

test('6, 7: on by default is what upstream has on, and nothing that lets everything in', () => {
  const tools = { host: createRealHost(silentLogger), client: {} as never, cache: {} as never, lookup: () => Promise.resolve(undefined), authorizer: alwaysAllowAuthorizer, objects: {} as never, resourcesNow: () => [] };
  const names = admissionPlugins(testPartsConfig({ enableAdmissionPlugins: [] }), tools as never).map(({ name }) => name);
  // As `kube-apiserver --help` of 1.32 lists them.
  const upstream = [
    'CertificateApproval', 'CertificateSigning', 'CertificateSubjectRestriction', 'ClusterTrustBundleAttest', 'DefaultIngressClass', 'DefaultStorageClass', 'DefaultTolerationSeconds', 'LimitRanger', 'MutatingAdmissionWebhook', 'NamespaceLifecycle',
    'PersistentVolumeClaimResize', 'PodSecurity', 'Priority', 'ResourceQuota', 'RuntimeClass', 'ServiceAccount', 'StorageObjectInUseProtection', 'TaintNodesByCondition', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionWebhook',
  ];
  expect(upstream.filter((name) => !names.includes(name) && !notHere.has(name))).toEqual([]);
  for (const name of ['AlwaysAdmit', 'AlwaysPullImages', 'DenyServiceExternalIPs']) expect(names).not.toContain(name);
});

/** Made outside of `admissionPlugins`, with tests of their own. */
const notHere: ReadonlySet<string> = new Set(['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook', 'ValidatingAdmissionPolicy']);

test('33: nothing dangerous gets by: controllers, updates, ephemeral containers, dry runs', async () => {
  await withPlugins([], async (cluster) => {
    await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } } });
    await cluster.seen('', 'namespaces', '', 'strict');
    const pods = '/api/v1/namespaces/strict/pods';
    const pod = (name: string, spec: object, query = ''): Promise<number> => cluster.call('POST', `${pods}${query}`, { body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } } }).then(({ status }) => status);
    expect(await pod('fine', {})).toBe(201);
    const privileged = { name: 'x', image: 'i', securityContext: { privileged: true } };
    for (const [index, spec] of [{ hostNetwork: true }, { hostPID: true }, { containers: [privileged] }, { initContainers: [privileged] }, { volumes: [{ name: 'v', hostPath: { path: '/' } }] }].entries()) {
      expect(await pod(`bad-${index}`, spec)).toBe(403);
      expect(await pod(`bad-${index}`, spec, '?dryRun=All')).toBe(403);
    }
    const ephemeral = await cluster.call('PATCH', `${pods}/fine/ephemeralcontainers`, { headers: { 'content-type': 'application/strategic-merge-patch+json' }, body: { spec: { ephemeralContainers: [privileged] } } });
    expect(ephemeral.status).toBe(403);
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [privileged] } };
    const warned = await cluster.call('POST', '/apis/apps/v1/namespaces/strict/deployments', { body: { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template } } });
    expect([warned.status, warned.warning]).toEqual([201, '299 - "would violate PodSecurity \\"baseline:latest\\": privileged (container \\"x\\" must not set securityContext.privileged=true)"']);
  });
});
