import { resources } from '@coxswain/client';
import type { DaemonSet } from 'kubernetes-types/apps/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { isPodReady } from '../common/pods.ts';
import { startTestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { nodeOf, pinnedSpec, placementOn } from './placement.ts';
import { planNodes, planUpdate } from './plan.ts';

const node = (name: string, more: Partial<Node> = {}): Node => ({ metadata: { name, labels: { zone: name } }, ...more });
const pod = (name: string, on: string, hash: string, ready: boolean, more: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: { name, labels: { 'controller-revision-hash': hash }, creationTimestamp: '2026-01-01T00:00:00Z', ...more }, spec: { containers: [], nodeName: on },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const set = (rollingUpdate: { maxUnavailable?: number | string; maxSurge?: number | string } = {}): DaemonSet => ({
  metadata: { name: 'd' }, spec: { selector: { matchLabels: { app: 'd' } }, template: { spec: { containers: [] } }, updateStrategy: { type: 'RollingUpdate', rollingUpdate } },
});

test('where a daemon belongs', () => {
  const template = { spec: { containers: [], nodeSelector: { zone: 'a' } } };
  expect(placementOn(template, node('a'))).toEqual({ shouldRun: true, shouldContinue: true });
  expect(placementOn(template, node('b'))).toEqual({ shouldRun: false, shouldContinue: false });
  const tainted = (key: string, effect: string): Node => node('a', { spec: { taints: [{ key, effect }] } });
  expect(placementOn(template, tainted('x', 'NoSchedule'))).toEqual({ shouldRun: false, shouldContinue: true });
  expect(placementOn(template, tainted('x', 'NoExecute'))).toEqual({ shouldRun: false, shouldContinue: false });
  expect(placementOn(template, tainted('node.kubernetes.io/unreachable', 'NoExecute'))).toEqual({ shouldRun: true, shouldContinue: true });
});

test('a pod is pinned by affinity, also before it is bound', () => {
  const spec = pinnedSpec({ containers: [], affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'Exists' }] }] } } } }, 'a');
  expect(spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms).toEqual([
    { matchExpressions: [{ key: 'zone', operator: 'Exists' }], matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] },
  ]);
  expect(nodeOf({ spec })).toBe('a');
});

test('one a node: missing ones are made, the younger of two and failed ones go', () => {
  const failed = { ...pod('f', 'b', 'h', false), status: { phase: 'Failed' } };
  const plan = planNodes(set(), [node('a'), node('b'), node('c')], [pod('young', 'a', 'h', true, { creationTimestamp: '2026-01-02T00:00:00Z' }), pod('old', 'a', 'h', true), failed], 'h');
  expect(plan.create).toEqual(['c']);
  expect(plan.remove.map((gone) => gone.metadata?.name)).toEqual(['young', 'f']);
});

test('an update takes as many as may be missing; those that do not work go at once', () => {
  const nodes = [node('a'), node('b'), node('c')];
  const names = (pods: readonly Pod[]): (string | undefined)[] => pods.map((gone) => gone.metadata?.name);
  expect(names(planUpdate(set({ maxUnavailable: 1 }), nodes, [pod('a', 'a', 'old', true), pod('b', 'b', 'old', true), pod('c', 'c', 'new', true)], 'new', 0).remove)).toEqual(['a']);
  expect(names(planUpdate(set({ maxUnavailable: 1 }), nodes, [pod('a', 'a', 'old', true), pod('b', 'b', 'old', true), pod('c', 'c', 'new', false)], 'new', 0).remove)).toEqual([]);
  expect(names(planUpdate(set({ maxUnavailable: 1 }), nodes, [pod('a', 'a', 'old', false), pod('b', 'b', 'old', true), pod('c', 'c', 'new', true)], 'new', 0).remove)).toEqual(['a']);
  const surge = planUpdate(set({ maxSurge: 1, maxUnavailable: 0 }), nodes, [pod('a', 'a', 'old', true), pod('b', 'b', 'old', true), pod('c', 'c', 'new', true), pod('c0', 'c', 'old', true)], 'new', 0);
  expect([surge.create, names(surge.remove)]).toEqual([['a'], ['c0']]);
});

test('in a cluster: a pod on each node, updated one by one, gone with its set', async () => {
  const cluster = await startTestCluster();
  try {
    await startHollowNodes(cluster.host, cluster.admin, ['n1', 'n2', 'n3'], cluster.signal);
    await cluster.startManager();
    await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
    const template = (image: string): NonNullable<DaemonSet['spec']>['template'] => ({ metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image }] } });
    const key = { namespace: 'default', name: 'd' };
    await cluster.admin.create(resources.daemonsets, { metadata: key, spec: { selector: { matchLabels: { app: 'd' } }, template: template('i:1') } });
    await cluster.until(resources.daemonsets, key, (found) => found?.status?.numberAvailable === 3);
    const pods = await cluster.untilAll(resources.pods, 'default', (all) => all.length === 3);
    expect(new Set(pods.map((found) => found.spec?.nodeName))).toEqual(new Set(['n1', 'n2', 'n3']));
    let fewest = 3;
    const informer = cluster.informers.informer(resources.pods);
    const check = (): void => { fewest = Math.min(fewest, informer.lister.list({ namespace: 'default' }).filter((found) => isPodReady(found) && found.metadata?.deletionTimestamp === undefined).length); };
    informer.addHandler({ added: check, updated: check, deleted: check });
    await cluster.admin.patch(resources.daemonsets, key, 'strategic', { spec: { template: template('i:2') } });
    const updated = await cluster.until(resources.daemonsets, key, (found) => found?.status?.observedGeneration === 2 && found.status.updatedNumberScheduled === 3 && found.status.numberAvailable === 3);
    expect(updated?.status).toMatchObject({ desiredNumberScheduled: 3, currentNumberScheduled: 3, numberMisscheduled: 0, numberReady: 3 });
    expect(fewest).toBe(2);
    const revisions = await cluster.admin.list(resources.controllerrevisions, { namespace: 'default' });
    expect(revisions.items.map(({ revision }) => revision).toSorted((a, b) => a - b)).toEqual([1, 2]);
    await cluster.admin.delete(resources.daemonsets, key, { propagationPolicy: 'Background' });
    await cluster.untilAll(resources.pods, 'default', (all) => all.length === 0);
  } finally {
    await cluster.stop();
  }
});
