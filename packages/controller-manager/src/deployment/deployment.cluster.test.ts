import { resources } from '@coxswain/client';
import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nameOf } from '../common/object.ts';
import { isPodActive, isPodReady } from '../common/pods.ts';
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

function deployment(name: string, image: string, replicas: number): Deployment {
  return {
    metadata: { name, namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image }] } } },
  };
}

const settled = (replicas: number, revision: string) => (found: Deployment | undefined): boolean => {
  const status = found?.status;
  return found?.metadata?.annotations?.['deployment.kubernetes.io/revision'] === revision && status?.observedGeneration === found.metadata.generation
    && status?.availableReplicas === replicas && status.updatedReplicas === replicas && status.replicas === replicas
    && status.conditions?.some(({ type, reason }) => type === 'Progressing' && reason === 'NewReplicaSetAvailable') === true;
};

test('a deployment comes up, rolls, rolls back, scales and tells of it', async () => {
  const key = { namespace: 'default', name: 'web' };
  await cluster.admin.create(resources.deployments, deployment('web', 'image:1', 3));
  await cluster.until(resources.deployments, key, settled(3, '1'));
  await cluster.admin.patch(resources.deployments, key, 'strategic', { spec: { template: { spec: { containers: [{ name: 'c', image: 'image:2' }] } } } });
  await cluster.until(resources.deployments, key, settled(3, '2'));
  await cluster.admin.patch(resources.deployments, key, 'strategic', { spec: { template: { spec: { containers: [{ name: 'c', image: 'image:1' }] } } } });
  await cluster.until(resources.deployments, key, settled(3, '3'));
  const sets = (await cluster.admin.list(resources.replicasets, { namespace: 'default', labelSelector: 'app=web' })).items;
  const byImage = (image: string): ReplicaSet | undefined => sets.find((set) => set.spec?.template?.spec?.containers[0]?.image === image);
  expect(sets).toHaveLength(2);
  expect(byImage('image:1')?.metadata?.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' });
  expect(byImage('image:2')?.spec?.replicas).toBe(0);
  await cluster.admin.patch(resources.deployments, key, 'merge', { spec: { replicas: 5 } }, { subresource: 'scale' });
  const last = await cluster.until(resources.deployments, key, settled(5, '3'));
  expect(last?.status?.conditions?.find(({ type }) => type === 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' });
  const hash = byImage('image:1')?.metadata?.labels?.['pod-template-hash'] ?? '';
  const events = await cluster.untilAll(resources.events, 'default', (all) => all.some(({ message }) => message?.endsWith(`Scaled up replica set web-${hash} from 3 to 5`) === true));
  expect(events.map(({ message }) => message)).toContain(`Scaled up replica set web-${hash} from 0 to 3`);
});

test('never below what may be missing, never above the surge', async () => {
  const key = { namespace: 'default', name: 'roll' };
  const problems: string[] = [];
  const pods = cluster.informers.informer(resources.pods);
  await cluster.admin.create(resources.deployments, deployment('roll', 'image:1', 4));
  await cluster.until(resources.deployments, key, settled(4, '1'));
  const check = (): void => {
    const own = pods.lister.list({ namespace: 'default', selector: { matchLabels: { app: 'roll' } } }).filter(isPodActive);
    const ready = own.filter(isPodReady).length;
    // 25 % of 4 either way.
    if (ready < 3) problems.push(`${ready} ready`);
    if (own.length > 5) problems.push(`${own.length} pods`);
  };
  await cluster.informers.start(cluster.signal);
  pods.addHandler({ added: check, updated: check, deleted: check });
  await cluster.admin.patch(resources.deployments, key, 'strategic', { spec: { template: { spec: { containers: [{ name: 'c', image: 'image:2' }] } } } });
  await cluster.until(resources.deployments, key, settled(4, '2'));
  expect(problems).toEqual([]);
});

test('a rollout that does not come up says so after its deadline, and Recreate waits for the old pods', async () => {
  nodes.readyIf = (pod) => pod.spec?.containers[0]?.image !== 'broken';
  const stuck = deployment('stuck', 'broken', 1);
  await cluster.admin.create(resources.deployments, { ...stuck, spec: { ...stuck.spec as NonNullable<Deployment['spec']>, progressDeadlineSeconds: 1 } });
  const failed = await cluster.until(resources.deployments, { namespace: 'default', name: 'stuck' }, (found) => found?.status?.conditions?.some(({ reason }) => reason === 'ProgressDeadlineExceeded') === true);
  const message = failed?.status?.conditions?.find(({ type }) => type === 'Progressing')?.message;
  expect(message).toMatch(/^ReplicaSet "stuck-[bcdfghjklmnpqrstvwxz2456789]+" has timed out progressing\.$/);

  const key = { namespace: 'default', name: 'one' };
  const one = deployment('one', 'image:1', 2);
  await cluster.admin.create(resources.deployments, { ...one, spec: { ...one.spec as NonNullable<Deployment['spec']>, strategy: { type: 'Recreate' } } });
  await cluster.until(resources.deployments, key, settled(2, '1'));
  let mixed = false;
  const pods = cluster.informers.informer(resources.pods);
  pods.addHandler({ added: () => {
    const images = new Set(pods.lister.list({ namespace: 'default', selector: { matchLabels: { app: 'one' } } }).map((pod) => pod.spec?.containers[0]?.image));
    mixed ||= images.size > 1;
  } });
  await cluster.admin.patch(resources.deployments, key, 'strategic', { spec: { template: { spec: { containers: [{ name: 'c', image: 'image:2' }] } } } });
  await cluster.until(resources.deployments, key, settled(2, '2'));
  expect(mixed).toBe(false);
});
