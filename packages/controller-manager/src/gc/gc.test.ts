import { resources, type ResourceType } from '@coxswain/client';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nameOf } from '../common/object.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { decide } from './decide.ts';
import { OwnerGraph } from './graph.ts';

const reference = (uid: string, blockOwnerDeletion = false): OwnerReference => ({ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid, blockOwnerDeletion });

describe('what is to be done with a dependent', () => {
  const self = { finalizers: [], hasDependents: false };
  test('an owner that stays keeps it', () => {
    expect(decide([{ reference: reference('a'), state: 'solid' }], self)).toEqual({ kind: 'keep' });
  });
  test('references to owners that are gone are taken out', () => {
    expect(decide([{ reference: reference('a'), state: 'solid' }, { reference: reference('b'), state: 'dangling' }], self)).toEqual({ kind: 'unlink', uids: ['b'] });
  });
  test('without any owner left it goes', () => {
    expect(decide([{ reference: reference('a'), state: 'dangling' }], self)).toEqual({ kind: 'delete', propagationPolicy: 'Background' });
  });
  test('an owner that waits makes it wait for its own dependents', () => {
    expect(decide([{ reference: reference('a'), state: 'waiting' }], { ...self, hasDependents: true })).toEqual({ kind: 'delete', propagationPolicy: 'Foreground' });
  });
  test('its own finalizer decides how', () => {
    expect(decide([{ reference: reference('a'), state: 'dangling' }], { finalizers: ['orphan'], hasDependents: true })).toEqual({ kind: 'delete', propagationPolicy: 'Orphan' });
  });
});

test('the graph tells what lost an owner, and who still blocks one', () => {
  const attempts: string[] = [];
  const orphans: string[] = [];
  const graph = new OwnerGraph({ attempt: (node) => attempts.push(node.uid), orphan: (node) => orphans.push(node.uid) });
  const type: ResourceType = resources.configmaps;
  const object = (uid: string, owners: readonly OwnerReference[] = [], more = {}): { metadata: object } => ({ metadata: { uid, name: uid, namespace: 'n', ownerReferences: owners, ...more } });
  // The dependent comes first: its owner is only a claim.
  graph.observe(type, object('child', [reference('parent', true)]));
  expect(attempts).toEqual(['child']);
  expect(graph.get('parent')?.virtual).toBe(true);
  graph.observe(type, object('parent'));
  expect(graph.get('parent')?.virtual).toBe(false);
  attempts.length = 0;
  graph.observe(type, object('parent', [], { deletionTimestamp: 'now', finalizers: ['foregroundDeletion'] }));
  expect(attempts).toEqual(['child', 'parent']);
  const parent = graph.get('parent');
  expect(parent === undefined ? [] : graph.blockingDependents(parent).map((node) => node.uid)).toEqual(['child']);
  attempts.length = 0;
  graph.remove('child');
  expect(attempts).toEqual(['parent']);
  graph.observe(type, object('other', [], { deletionTimestamp: 'now', finalizers: ['orphan'] }));
  expect(orphans).toEqual(['other']);
  graph.observe(type, object('late', [reference('parent')]));
  attempts.length = 0;
  graph.remove('parent');
  expect(attempts).toEqual(['late']);
});

describe('in a cluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster();
    await startHollowNodes(cluster.host, cluster.admin, ['n1'], cluster.signal);
    await cluster.startManager();
    await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
  });
  afterAll(async () => { await cluster.stop(); });

  const make = async (name: string): Promise<void> => {
    const labels = { app: name };
    await cluster.admin.create(resources.deployments, {
      metadata: { name, namespace: 'default' },
      spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
    });
    await cluster.until(resources.deployments, { namespace: 'default', name }, (found) => found?.status?.availableReplicas === 2);
  };
  const own = <T extends { metadata?: { labels?: Record<string, string> } }>(objects: readonly T[], app: string): T[] => objects.filter((object) => object.metadata?.labels?.['app'] === app);

  test('background: the owner goes at once, all else follows', async () => {
    await make('back');
    await cluster.admin.delete(resources.deployments, { namespace: 'default', name: 'back' }, { propagationPolicy: 'Background' });
    await cluster.untilAll(resources.replicasets, 'default', (sets) => own(sets, 'back').length === 0);
    await cluster.untilAll(resources.pods, 'default', (pods) => own(pods, 'back').length === 0);
  });

  test('foreground: the owner goes last', async () => {
    await make('fore');
    const order: string[] = [];
    for (const type of [resources.deployments, resources.replicasets, resources.pods]) {
      cluster.informers.informer(type as ResourceType).addHandler({ deleted: (object) => { if (nameOf(object).startsWith('fore')) order.push(type.kind); } });
    }
    await cluster.informers.start(cluster.signal);
    await cluster.admin.delete(resources.deployments, { namespace: 'default', name: 'fore' }, { propagationPolicy: 'Foreground' });
    await cluster.until(resources.deployments, { namespace: 'default', name: 'fore' }, (found) => found === undefined);
    const live = await cluster.admin.list(resources.pods, { namespace: 'default', labelSelector: 'app=fore' });
    expect(live.items).toEqual([]);
    expect(order.toSorted()).toEqual(['Deployment', 'Pod', 'Pod', 'ReplicaSet']);
  });

  test('orphan: the dependents stay, without the reference', async () => {
    await make('left');
    await cluster.admin.delete(resources.deployments, { namespace: 'default', name: 'left' }, { propagationPolicy: 'Orphan' });
    await cluster.until(resources.deployments, { namespace: 'default', name: 'left' }, (found) => found === undefined);
    const sets = await cluster.untilAll(resources.replicasets, 'default', (all) => own(all, 'left').every((set) => set.metadata?.ownerReferences === undefined));
    expect(own(sets, 'left')).toHaveLength(1);
    const pods = await cluster.admin.list(resources.pods, { namespace: 'default', labelSelector: 'app=left' });
    expect(pods.items).toHaveLength(2);
  });

  test('an owner that was made again with the same name is another one', async () => {
    const first = await cluster.admin.create(resources.configmaps, { metadata: { name: 'owner', namespace: 'default' } });
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: first.metadata?.uid ?? '' }];
    await cluster.admin.create(resources.configmaps, { metadata: { name: 'owned', namespace: 'default', ownerReferences } });
    await cluster.admin.delete(resources.configmaps, { namespace: 'default', name: 'owner' });
    await cluster.admin.create(resources.configmaps, { metadata: { name: 'owner', namespace: 'default' } });
    await cluster.until(resources.configmaps, { namespace: 'default', name: 'owned' }, (found) => found === undefined);
  });

  test('a namespace goes with everything in it', async () => {
    await cluster.admin.create(resources.namespaces, { metadata: { name: 'team' } });
    await cluster.untilAll(resources.serviceaccounts, 'team', (accounts) => accounts.some((account) => nameOf(account) === 'default'));
    const labels = { app: 'x' };
    await cluster.admin.create(resources.deployments, {
      metadata: { name: 'x', namespace: 'team' }, spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
    });
    await cluster.admin.create(resources.services, { metadata: { name: 'x', namespace: 'team' }, spec: { selector: labels, ports: [{ port: 80 }] } });
    await cluster.untilAll(resources.endpointslices, 'team', (slices) => slices.some((slice) => slice.endpoints?.length === 2));
    await cluster.admin.delete(resources.namespaces, { name: 'team' });
    await cluster.until(resources.namespaces, { name: 'team' }, (found) => found === undefined);
    for (const type of [resources.pods, resources.services, resources.endpointslices, resources.configmaps, resources.deployments] as readonly ResourceType[]) {
      expect((await cluster.admin.list(type, { namespace: 'team' })).items).toEqual([]);
    }
  });
});
