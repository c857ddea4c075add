import { resources } from '@coxswain/client';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { claimFinalizer, claimsOf, volumeFinalizer } from './protection.ts';

test('a pod uses its claims once it has a node', () => {
  const volumes = [{ name: 'a', persistentVolumeClaim: { claimName: 'data' } }, { name: 'b', ephemeral: {} }, { name: 'c', emptyDir: {} }];
  expect(claimsOf({ metadata: { name: 'p' }, spec: { containers: [], volumes } })).toEqual([]);
  expect(claimsOf({ metadata: { name: 'p' }, spec: { containers: [], nodeName: 'n1', volumes } })).toEqual(['data', 'p-b']);
});

describe('in a cluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster();
    await startHollowNodes(cluster.host, cluster.admin, ['n1'], cluster.signal);
    // Without the binder, which would say of volumes what is true.
    await cluster.startManager({ controllers: ['*', '-persistentvolume-binder-controller'] });
    await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
  });
  afterAll(async () => { await cluster.stop(); });
  const claim = (name: string): PersistentVolumeClaim => ({ metadata: { namespace: 'default', name }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } });
  const user: Pod = { metadata: { namespace: 'default', name: 'user' }, spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'used' } }] } };

  test('a claim that a pod uses stays until the pod is gone; another one goes at once', async () => {
    for (const name of ['used', 'idle']) expect((await cluster.admin.create(resources.persistentvolumeclaims, claim(name))).metadata?.finalizers).toEqual([claimFinalizer]);
    await cluster.admin.create(resources.pods, user);
    await cluster.until(resources.pods, { namespace: 'default', name: 'user' }, (pod) => pod?.status?.phase === 'Running');
    for (const name of ['used', 'idle']) await cluster.admin.delete(resources.persistentvolumeclaims, { namespace: 'default', name });
    await cluster.until(resources.persistentvolumeclaims, { namespace: 'default', name: 'idle' }, (found) => found === undefined);
    expect((await cluster.admin.get(resources.persistentvolumeclaims, { namespace: 'default', name: 'used' })).metadata?.deletionTimestamp).toBeDefined();
    await cluster.admin.delete(resources.pods, { namespace: 'default', name: 'user' });
    await cluster.until(resources.persistentvolumeclaims, { namespace: 'default', name: 'used' }, (found) => found === undefined);
  });

  test('a volume that is bound stays', async () => {
    const volume = (name: string): PersistentVolume => ({ metadata: { name }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/x' } } });
    for (const name of ['bound', 'free']) expect((await cluster.admin.create(resources.persistentvolumes, volume(name))).metadata?.finalizers).toEqual([volumeFinalizer]);
    const setPhase = (phase: string): Promise<unknown> => cluster.admin.patch(resources.persistentvolumes, { name: 'bound' }, 'merge', { status: { phase } }, { subresource: 'status' });
    await setPhase('Bound');
    for (const name of ['bound', 'free']) await cluster.admin.delete(resources.persistentvolumes, { name });
    await cluster.until(resources.persistentvolumes, { name: 'free' }, (found) => found === undefined);
    expect((await cluster.admin.get(resources.persistentvolumes, { name: 'bound' })).metadata?.deletionTimestamp).toBeDefined();
    await setPhase('Released');
    await cluster.until(resources.persistentvolumes, { name: 'bound' }, (found) => found === undefined);
  });
});
