import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type Loose, type TestCluster } from './testing/cluster.ts';

let cluster: TestCluster;
// Both at once on an empty store.
beforeAll(async () => { cluster = await startTestCluster([{ advertiseAddress: '192.0.2.1', serverId: 'one' }, { advertiseAddress: '192.0.2.2', serverId: 'two', hostname: 'second-host' }]); });
afterAll(() => cluster.stop());

const items = async (target: string): Promise<Loose[]> => (await cluster.call('GET', target)).json['items'] as Loose[];

test('a new cluster has its namespaces, roles, classes and flow control', async () => {
  for (const [target, names] of Object.entries({
    '/api/v1/namespaces': ['default', 'kube-system', 'kube-public', 'kube-node-lease'],
    '/apis/rbac.authorization.k8s.io/v1/clusterroles': ['cluster-admin', 'system:node', 'view', 'system:controller:job-controller'],
    '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings': ['system::leader-locking-kube-scheduler'],
    '/apis/scheduling.k8s.io/v1/priorityclasses': ['system-cluster-critical', 'system-node-critical'],
    '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas': ['exempt', 'catch-all', 'system-nodes'],
    '/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations': ['exempt', 'catch-all', 'workload-low'],
  })) {
    expect((await items(target)).map((item) => item.metadata.name), target).toEqual(expect.arrayContaining(names));
  }
  const view = await cluster.call('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/view');
  expect(view.json['rules']).not.toEqual([]);
  expect((await cluster.call('GET', '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication')).status).toBe(200);
});

test('the kubernetes service leads to every server that lives', async () => {
  const addresses = async (): Promise<unknown> => ((await cluster.call('GET', '/api/v1/namespaces/default/endpoints/kubernetes', {}, 1)).json['subsets'] as { addresses: unknown }[])[0]?.addresses;
  const service = await cluster.call('GET', '/api/v1/namespaces/default/services/kubernetes');
  expect(service.object.spec['clusterIP']).toBe('10.96.0.1');
  for (const server of [0, 1]) expect((await cluster.call('GET', '/readyz', {}, server)).status).toBe(200);
  const slices = await items('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices');
  expect(slices).toHaveLength(1);
  expect(await addresses()).toEqual([{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }]);
});

test('each server says that it lives', async () => {
  const leases = await items('/apis/coordination.k8s.io/v1/namespaces/kube-system/leases');
  const identities = leases.filter((lease) => (lease.metadata['labels'] as Record<string, string>)?.['apiserver.kubernetes.io/identity'] === 'kube-apiserver');
  expect(identities).toHaveLength(2);
  expect(identities.map((lease) => (lease.metadata['labels'] as Record<string, string>)['kubernetes.io/hostname'])).toEqual(expect.arrayContaining(['second-host', 'test-host']));
});

test('a server that stops leaves the endpoints at once', async () => {
  const left = new Promise<void>((resolve) => {
    const stop = cluster.servers[0]?.cache.onChange('', 'endpoints', (event) => {
      const subsets = (event.object as unknown as { subsets?: { addresses?: { ip: string }[] }[] }).subsets;
      if (JSON.stringify(subsets?.[0]?.addresses) !== '[{"ip":"192.0.2.1"}]') return;
      stop?.();
      resolve();
    });
  });
  await cluster.servers[1]?.stop();
  await left;
});
