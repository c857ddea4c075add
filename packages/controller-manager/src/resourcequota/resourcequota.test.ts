import { ApiError, resources } from '@coxswain/client';
import type { Pod, ResourceQuota } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { quotaStatus, resourceBehind } from './status.ts';

test('what a quota limits is counted, from zero on', () => {
  const quota: ResourceQuota = { spec: { hard: { pods: '5', 'requests.cpu': '2', 'count/jobs.batch': '3' } } };
  const pod = (cpu: string): Pod => ({ spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] } });
  expect(quotaStatus(quota, [], 0).used).toEqual({ pods: '0', 'requests.cpu': '0', 'count/jobs.batch': '0' });
  const counted = [{ type: { group: '', resource: 'pods' }, objects: [pod('500m'), pod('700m'), { ...pod('1'), status: { phase: 'Failed' } }] }, { type: { group: 'batch', resource: 'jobs' }, objects: [{}, {}] }];
  expect(quotaStatus(quota, counted, 0)).toEqual({ hard: quota.spec?.hard, used: { pods: '2', 'requests.cpu': '1200m', 'count/jobs.batch': '2' } });
});

test('where the objects behind a name are', () => {
  const names = ['pods', 'limits.memory', 'requests.nvidia.com/gpu', 'requests.storage', 'gold.storageclass.storage.k8s.io/requests.storage', 'services.nodeports', 'count/deployments.apps', 'count/widgets.example.com', 'secrets'];
  expect(names.map(resourceBehind).map(({ group, resource }) => `${resource}.${group}`)).toEqual([
    'pods.', 'pods.', 'pods.', 'persistentvolumeclaims.', 'persistentvolumeclaims.', 'services.', 'deployments.apps', 'widgets.example.com', 'secrets.',
  ]);
});

describe('in a cluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster();
    await startHollowNodes(cluster.host, cluster.admin, ['n1'], cluster.signal);
    await cluster.startManager();
    for (const name of ['one', 'two']) {
      await cluster.admin.create(resources.namespaces, { metadata: { name } });
      await cluster.untilAll(resources.serviceaccounts, name, (accounts) => accounts.length > 0);
    }
  });
  afterAll(async () => { await cluster.stop(); });
  const pod = (name: string, namespace: string, cpu?: string): Pod => ({ metadata: { name, namespace }, spec: { containers: [{ name: 'c', image: 'i', ...(cpu === undefined ? {} : { resources: { requests: { cpu } } }) }] } });
  const ready = async (namespace: string, name: string): Promise<void> => {
    await cluster.until(resources.resourcequotas, { namespace, name }, (found) => found?.status?.used !== undefined);
  };
  const messageOf = (refused: Promise<unknown>): Promise<string> => refused.then(() => 'admitted', (error: unknown) => (error instanceof ApiError ? error.message : String(error)));

  test('requests at the same time get no more than there is, and what goes is given back', async () => {
    const key = { namespace: 'one', name: 'few' };
    await cluster.admin.create(resources.resourcequotas, { metadata: key, spec: { hard: { pods: '3', 'requests.cpu': '1' } } });
    await ready('one', 'few');
    expect(await messageOf(cluster.admin.create(resources.pods, pod('silent', 'one')))).toBe('pods "silent" is forbidden: failed quota: few: must specify requests.cpu for: c');
    expect(await messageOf(cluster.admin.create(resources.pods, pod('great', 'one', '1500m')))).toBe('pods "great" is forbidden: exceeded quota: few, requested: requests.cpu=1500m, used: requests.cpu=0, limited: requests.cpu=1');
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => cluster.admin.create(resources.pods, pod(`p${index}`, 'one', '100m'))));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect((await cluster.admin.get(resources.resourcequotas, key)).status?.used).toEqual({ pods: '3', 'requests.cpu': '300m' });
    const [first] = (await cluster.admin.list(resources.pods, { namespace: 'one' })).items;
    await cluster.admin.delete(resources.pods, { namespace: 'one', name: first?.metadata?.name ?? '' });
    await cluster.until(resources.resourcequotas, key, (found) => found?.status?.used?.['pods'] === '2');
    await cluster.admin.create(resources.pods, pod('again', 'one', '100m'));
  });

  test('a quota counts itself, and what was there before it, whichever watch is first', async () => {
    await cluster.admin.create(resources.namespaces, { metadata: { name: 'three' } });
    await Promise.all(['q1', 'q2', 'q3'].map((name) => cluster.admin.create(resources.resourcequotas, { metadata: { namespace: 'three', name }, spec: { hard: { resourcequotas: '5', configmaps: '9' } } })));
    await Promise.all(['q1', 'q2', 'q3'].map((name) => cluster.until(resources.resourcequotas, { namespace: 'three', name }, (found) => found?.status?.used?.['resourcequotas'] === '3')));
  });

  test('objects of any kind by count', async () => {
    await cluster.admin.create(resources.resourcequotas, { metadata: { namespace: 'two', name: 'kinds' }, spec: { hard: { 'count/deployments.apps': '1', 'services.loadbalancers': '0' } } });
    await ready('two', 'kinds');
    const deployment = (name: string): object => ({ metadata: { namespace: 'two', name }, spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    await cluster.admin.create(resources.deployments, deployment('a'));
    expect(await messageOf(cluster.admin.create(resources.deployments, deployment('b')))).toBe('deployments.apps "b" is forbidden: exceeded quota: kinds, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1');
    await cluster.admin.delete(resources.deployments, { namespace: 'two', name: 'a' });
    await cluster.until(resources.resourcequotas, { namespace: 'two', name: 'kinds' }, (found) => found?.status?.used?.['count/deployments.apps'] === '0');
    await cluster.admin.create(resources.services, { metadata: { namespace: 'two', name: 's' }, spec: { ports: [{ port: 80 }] } });
    expect(await messageOf(cluster.admin.patch(resources.services, { namespace: 'two', name: 's' }, 'merge', { spec: { type: 'LoadBalancer' } }))).toContain('exceeded quota: kinds, requested: services.loadbalancers=1, used: services.loadbalancers=0, limited: services.loadbalancers=0');
  });
});
