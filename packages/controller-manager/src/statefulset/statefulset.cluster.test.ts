import { resources } from '@coxswain/client';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isDeleting, nameOf } from '../common/object.ts';
import { isPodReady } from '../common/pods.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startHollowNodes, type HollowNodes } from '../testing/hollow-nodes.ts';

let cluster: TestCluster;
let nodes: HollowNodes;

beforeAll(async () => {
  cluster = await startTestCluster();
  nodes = await startHollowNodes(cluster.host, cluster.admin, ['n1', 'n2'], cluster.signal);
  await cluster.startManager();
  await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.some((account) => nameOf(account) === 'default'));
});

afterAll(async () => { await cluster.stop(); });

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

function statefulSet(name: string, spec: Partial<NonNullable<StatefulSet['spec']>> = {}): StatefulSet {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'image:1' }] } };
  return { metadata: { name, namespace: 'default' }, spec: { replicas: 3, serviceName: name, selector: { matchLabels: { app: name } }, template, ...spec } };
}

const withImage = (image: string): object => ({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });
const scaleTo = (name: string, replicas: number): Promise<unknown> => cluster.admin.patch(resources.statefulsets, key(name), 'merge', { spec: { replicas } }, { subresource: 'scale' });
const imageOf = (pod: Pod): string | undefined => pod.spec?.containers[0]?.image;

const settled = (replicas: number) => (found: StatefulSet | undefined): boolean => {
  const status = found?.status;
  return status?.observedGeneration === found?.metadata?.generation && status?.availableReplicas === replicas && status.replicas === replicas
    && status.updatedReplicas === replicas && status.currentRevision === status.updateRevision;
};

/** Tells what went against the order, while it lasts. */
function watchOrder(name: string): string[] {
  const problems: string[] = [];
  const pods = cluster.informers.informer(resources.pods);
  const own = (): readonly Pod[] => pods.lister.list({ namespace: 'default', selector: { matchLabels: { app: name } } });
  const ordinal = (pod: Pod): number => Number(nameOf(pod).split('-').at(-1));
  pods.addHandler({
    added: (pod) => {
      if (pod.metadata?.labels?.['app'] !== name) return;
      const before = own().filter((other) => ordinal(other) < ordinal(pod) && isPodReady(other) && !isDeleting(other));
      if (before.length !== ordinal(pod)) problems.push(`${nameOf(pod)} came when ${before.map(nameOf).join(' ')} were ready`);
    },
  });
  return problems;
}

test('pods come in order, keep names and claims, roll from the top, roll back, and go from the top', async () => {
  await cluster.informers.start(cluster.signal);
  const problems = watchOrder('web');
  await cluster.admin.create(resources.statefulsets, statefulSet('web', { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }] }));
  const first = await cluster.until(resources.statefulsets, key('web'), settled(3));
  expect(problems).toEqual([]);
  const revision = first?.status?.currentRevision ?? '';
  const pod = await cluster.admin.get(resources.pods, key('web-2'));
  expect(pod.metadata?.labels).toMatchObject({ 'statefulset.kubernetes.io/pod-name': 'web-2', 'apps.kubernetes.io/pod-index': '2', 'controller-revision-hash': revision });
  expect(pod.spec).toMatchObject({ hostname: 'web-2', subdomain: 'web' });
  const claims = await cluster.admin.list(resources.persistentvolumeclaims, { namespace: 'default' });
  expect(claims.items.map(nameOf).toSorted()).toEqual(['data-web-0', 'data-web-1', 'data-web-2']);

  await cluster.admin.patch(resources.statefulsets, key('web'), 'strategic', withImage('image:2'));
  const second = await cluster.until(resources.statefulsets, key('web'), (found) => settled(3)(found) && found?.status?.currentRevision !== revision);
  for (const name of ['web-0', 'web-1', 'web-2']) expect(imageOf(await cluster.admin.get(resources.pods, key(name)))).toBe('image:2');

  // As kubectl rollout undo does it.
  await cluster.admin.patch(resources.statefulsets, key('web'), 'strategic', withImage('image:1'));
  await cluster.until(resources.statefulsets, key('web'), (found) => settled(3)(found) && found?.status?.currentRevision === revision);
  const history = (await cluster.admin.list(resources.controllerrevisions, { namespace: 'default', labelSelector: 'app=web' })).items;
  expect(history.toSorted((a, b) => a.revision - b.revision).map((one) => [one.revision, nameOf(one)])).toEqual([[2, second?.status?.currentRevision], [3, revision]]);

  await scaleTo('web', 1);
  await cluster.until(resources.statefulsets, key('web'), settled(1));
  expect((await cluster.admin.list(resources.pods, { namespace: 'default', labelSelector: 'app=web' })).items.map(nameOf)).toEqual(['web-0']);
  // Claims stay unless the set says otherwise.
  expect((await cluster.admin.list(resources.persistentvolumeclaims, { namespace: 'default' })).items).toHaveLength(3);
  const events = await cluster.untilAll(resources.events, 'default', (all) => all.some(({ message }) => message === 'delete Pod web-1 in StatefulSet web successful'));
  expect(events.map(({ message }) => message)).toEqual(expect.arrayContaining(['create Claim data-web-0 Pod web-0 in StatefulSet web success', 'create Pod web-0 in StatefulSet web successful']));
});

test('a pod that is not ready holds up the rest, but not in parallel', async () => {
  nodes.readyIf = (pod) => !nameOf(pod).endsWith('-0');
  await cluster.admin.create(resources.statefulsets, statefulSet('held'));
  await cluster.admin.create(resources.statefulsets, statefulSet('free', { podManagementPolicy: 'Parallel' }));
  await cluster.until(resources.statefulsets, key('free'), (found) => found?.status?.replicas === 3 && found.status.readyReplicas === 2);
  const held = (await cluster.admin.list(resources.pods, { namespace: 'default', labelSelector: 'app=held' })).items;
  expect(held.map(nameOf)).toEqual(['held-0']);
  nodes.readyIf = () => true;
  // The hollow kubelet looks again when the pod changes.
  for (const name of ['held-0', 'free-0']) await cluster.admin.patch(resources.pods, key(name), 'merge', { metadata: { annotations: { look: 'again' } } });
  await cluster.until(resources.statefulsets, key('held'), settled(3));
  await cluster.until(resources.statefulsets, key('free'), settled(3));
});

test('a partition keeps the lower pods back, even when they are made again', async () => {
  await cluster.admin.create(resources.statefulsets, statefulSet('part', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }));
  await cluster.until(resources.statefulsets, key('part'), settled(3));
  await cluster.admin.patch(resources.statefulsets, key('part'), 'strategic', withImage('image:2'));
  const half = (found: StatefulSet | undefined): boolean => found?.status?.observedGeneration === found?.metadata?.generation && found?.status?.updatedReplicas === 1 && found.status.currentReplicas === 2 && found.status.readyReplicas === 3;
  await cluster.until(resources.statefulsets, key('part'), half);
  const { metadata } = await cluster.admin.get(resources.pods, key('part-0'));
  await cluster.admin.delete(resources.pods, key('part-0'));
  await cluster.until(resources.pods, key('part-0'), (found) => found !== undefined && found.metadata?.uid !== metadata?.uid);
  const images = await Promise.all(['part-0', 'part-1', 'part-2'].map(async (name) => imageOf(await cluster.admin.get(resources.pods, key(name)))));
  expect(images).toEqual(['image:1', 'image:1', 'image:2']);
  await cluster.admin.patch(resources.statefulsets, key('part'), 'merge', { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
  await cluster.until(resources.statefulsets, key('part'), settled(3));
});

test('OnDelete updates only what the user deletes', async () => {
  await cluster.admin.create(resources.statefulsets, statefulSet('manual', { replicas: 2, updateStrategy: { type: 'OnDelete' } }));
  await cluster.until(resources.statefulsets, key('manual'), settled(2));
  await cluster.admin.patch(resources.statefulsets, key('manual'), 'strategic', withImage('image:2'));
  await cluster.until(resources.statefulsets, key('manual'), (found) => found?.status?.observedGeneration === found?.metadata?.generation && (found?.status?.updatedReplicas ?? 0) === 0);
  await cluster.admin.delete(resources.pods, key('manual-0'));
  await cluster.until(resources.statefulsets, key('manual'), (found) => found?.status?.updatedReplicas === 1 && found.status.readyReplicas === 2);
  expect(imageOf(await cluster.admin.get(resources.pods, key('manual-1')))).toBe('image:1');
});

test('claims go with scaling or with the set, where the set says so', async () => {
  await cluster.admin.create(resources.statefulsets, statefulSet('brief', {
    replicas: 2, persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Delete' },
    volumeClaimTemplates: [{ metadata: { name: 'brief' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
  }));
  await cluster.until(resources.statefulsets, key('brief'), settled(2));
  const going = (name: string): Promise<unknown> => cluster.until(resources.persistentvolumeclaims, key(name), (found) => found === undefined || isDeleting(found));
  await scaleTo('brief', 1);
  await going('brief-brief-1');
  const kept = await cluster.until(resources.persistentvolumeclaims, key('brief-brief-0'), (found) => found?.metadata?.ownerReferences?.[0]?.kind === 'StatefulSet');
  expect(kept === undefined || isDeleting(kept)).toBe(false);
  await cluster.admin.delete(resources.statefulsets, key('brief'), { propagationPolicy: 'Background' });
  await going('brief-brief-0');
});
