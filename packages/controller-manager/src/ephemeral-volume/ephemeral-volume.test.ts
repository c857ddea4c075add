import { resources } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { claim } from '../testing/volumes.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.startManager({ controllers: ['ephemeral-volume-controller', 'serviceaccount-controller'] });
  await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
});
afterAll(async () => { await cluster.stop(); });

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

function pod(name: string): Pod {
  const volumeClaimTemplate = { metadata: { labels: { app: 'x' }, annotations: { note: 'y' } }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
  return { metadata: { namespace: 'default', name }, spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'none', emptyDir: {} }, { name: 'scratch', ephemeral: { volumeClaimTemplate } }] } };
}

test('a pod\'s ephemeral volume gets a claim that the pod owns, and another if that is deleted', async () => {
  const { metadata } = await cluster.admin.create(resources.pods, pod('p'));
  const made = await cluster.until(resources.persistentvolumeclaims, key('p-scratch'), (one) => one !== undefined);
  expect(made?.metadata).toMatchObject({ labels: { app: 'x' }, annotations: { note: 'y' }, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: metadata?.uid, controller: true, blockOwnerDeletion: true }] });
  expect(made?.spec).toMatchObject({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } });
  await cluster.admin.patch(resources.persistentvolumeclaims, key('p-scratch'), 'merge', { metadata: { finalizers: null } });
  await cluster.admin.delete(resources.persistentvolumeclaims, key('p-scratch'));
  const again = await cluster.until(resources.persistentvolumeclaims, key('p-scratch'), (one) => one !== undefined && one.metadata?.uid !== made?.metadata?.uid);
  expect(again?.metadata?.deletionTimestamp).toBeUndefined();
});

test('a claim of the name that is not the pod\'s is left alone, and the pod hears of it', async () => {
  await cluster.admin.create(resources.persistentvolumeclaims, claim('q-scratch'));
  await cluster.admin.create(resources.pods, pod('q'));
  const events = await cluster.untilAll(resources.events, 'default', (all) => all.some(({ involvedObject }) => involvedObject.name === 'q'));
  expect(events.find(({ involvedObject }) => involvedObject.name === 'q')).toMatchObject({
    type: 'Warning', reason: 'FailedBinding', source: { component: 'ephemeral_volume' },
    message: 'ephemeral volume scratch: PVC default/q-scratch was not created for pod default/q (pod is not owner)',
  });
});
