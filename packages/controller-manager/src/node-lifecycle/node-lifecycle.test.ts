import { resources } from '@coxswain/client';
import { silentLogger, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, Pod, Taint } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { surplus, outOfService } from '../pod-gc/pod-gc.ts';
import { evictionOf } from '../taint-eviction/tolerations.ts';
import { startTestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { isPodReady } from '../common/pods.ts';
import { isSilent, probe, sameTaints, unknownConditions, wantedTaints } from './health.ts';

const node = (ready: string, more: Partial<Node> = {}): Node => ({ metadata: { name: 'n' }, ...more, status: { conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: 't1' }] } });
const lease = (renewTime: string): Lease => ({ spec: { renewTime } });

test('a lease or a status counts as a sign of life, and only the local clock measures silence', () => {
  const periods = { gracePeriodMs: 40_000, startupGracePeriodMs: 60_000 };
  const first = probe(undefined, node('True'), lease('2000-01-01T00:00:00Z'), 1000);
  const second = probe(first, node('True'), lease('2000-01-01T00:00:00Z'), 30_000);
  expect(second.seenMs).toBe(1000);
  expect(isSilent(node('True'), second, periods, 41_000)).toBe(false);
  expect(isSilent(node('True'), second, periods, 41_001)).toBe(true);
  const third = probe(second, node('True'), lease('1999-01-01T00:00:00Z'), 41_001);
  expect(isSilent(node('True'), third, periods, 41_001)).toBe(false);
  expect(isSilent({ metadata: {} }, probe(undefined, {}, undefined, 0), periods, 59_000)).toBe(false);
});

test('conditions of a silent node', () => {
  const conditions = unknownConditions(node('True', { metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } }), 0);
  expect(conditions[0]).toMatchObject({ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' });
  expect(conditions.slice(1).map(({ type, reason }) => [type, reason])).toEqual([['MemoryPressure', 'NodeStatusNeverUpdated'], ['DiskPressure', 'NodeStatusNeverUpdated'], ['PIDPressure', 'NodeStatusNeverUpdated']]);
});

test('taints follow conditions; those of others stay', () => {
  const other: Taint = { key: 'dedicated', value: 'x', effect: 'NoSchedule' };
  const keys = (taints: readonly Taint[]): string[] => taints.map(({ key, effect }) => `${key}:${effect}`);
  expect(keys(wantedTaints(node('Unknown', { spec: { taints: [other] } }), 0))).toEqual(['dedicated:NoSchedule', 'node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute']);
  expect(keys(wantedTaints(node('False', { spec: { unschedulable: true } }), 0))).toEqual(['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute', 'node.kubernetes.io/unschedulable:NoSchedule']);
  const old: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2020-01-01T00:00:00Z' };
  expect(wantedTaints(node('Unknown', { spec: { taints: [old] } }), 0)).toContainEqual(old);
  expect(sameTaints(wantedTaints(node('True', { spec: { taints: [old, other] } }), 0), [other])).toBe(true);
});

test('the shortest toleration decides, from when its taint was set', () => {
  const taint: Taint = { key: 'a', effect: 'NoExecute', timeAdded: '1970-01-01T00:00:10Z' };
  expect(evictionOf([taint], [], 20_000)).toEqual({ kind: 'evict', atMs: 20_000 });
  expect(evictionOf([taint], [{ key: 'a', operator: 'Exists' }], 20_000)).toEqual({ kind: 'stay' });
  expect(evictionOf([taint], [{ operator: 'Exists', tolerationSeconds: 60 }, { key: 'a', operator: 'Exists', tolerationSeconds: 30 }], 20_000)).toEqual({ kind: 'evict', atMs: 40_000 });
  expect(evictionOf([taint, { key: 'b', effect: 'NoExecute' }], [{ key: 'a', operator: 'Exists' }], 20_000)).toEqual({ kind: 'evict', atMs: 20_000 });
});

test('which pods the collector takes', () => {
  const ended = (name: string, second: number): Pod => ({ metadata: { name, creationTimestamp: `2026-01-01T00:00:0${second}Z` }, status: { phase: 'Succeeded' } });
  expect(surplus([ended('c', 3), ended('a', 1), ended('b', 2), { metadata: { name: 'r' }, status: { phase: 'Running' } }], 1).map((pod) => pod.metadata?.name)).toEqual(['a', 'b']);
  expect(surplus([ended('a', 1)], 0)).toEqual([]);
  const dead = node('Unknown', { spec: { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] } });
  const pods: Pod[] = [{ metadata: { name: 'going', deletionTimestamp: 't' }, spec: { nodeName: 'n', containers: [] } }, { metadata: { name: 'staying' }, spec: { nodeName: 'n', containers: [] } }];
  expect(outOfService(pods, new Map([['n', dead]])).map((pod) => pod.metadata?.name)).toEqual(['going']);
});

test('a node that falls silent is tainted, its pods are replaced elsewhere; when it speaks again it is as before', async () => {
  // A busy machine would make the other node silent, too.
  const sim = new Simulation({ seed: 1 });
  await sim.runUntil(silence(sim.start('all', 'all').host), 120_000, 'silence and its end');
});

async function silence(host: Host): Promise<void> {
  const cluster = await startTestCluster(silentLogger, {}, host);
  try {
    const nodes = await startHollowNodes(cluster.host, cluster.admin, ['n1', 'n2'], cluster.signal);
    await cluster.startManager({ nodeMonitorPeriodMs: 100, nodeMonitorGracePeriodMs: 1500, nodeStartupGracePeriodMs: 1500 });
    await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
    const labels = { app: 'x' };
    const tolerations = ['not-ready', 'unreachable'].map((taint) => ({ key: `node.kubernetes.io/${taint}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 }));
    await cluster.admin.create(resources.deployments, {
      metadata: { name: 'x', namespace: 'default' },
      spec: { replicas: 4, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }], tolerations } } },
    });
    await cluster.until(resources.deployments, { namespace: 'default', name: 'x' }, (found) => found?.status?.availableReplicas === 4);
    nodes.silent.add('n1');
    const silent = await cluster.until(resources.nodes, { name: 'n1' }, (found) => found?.spec?.taints?.length === 2);
    expect(silent?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' });
    const pods = await cluster.untilAll(resources.pods, 'default', (all) => all.filter((pod) => pod.spec?.nodeName === 'n2' && isPodReady(pod)).length === 4);
    const left = pods.filter((pod) => pod.spec?.nodeName === 'n1');
    expect(left.length).toBeGreaterThan(0);
    for (const pod of left) expect(pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({ status: 'True', reason: 'DeletionByTaintManager' });
    nodes.silent.delete('n1');
    await cluster.admin.patch(resources.nodes, { name: 'n1' }, 'strategic', { status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2030-01-01T00:00:00Z' }] } }, { subresource: 'status' });
    await cluster.until(resources.nodes, { name: 'n1' }, (found) => (found?.spec?.taints ?? []).length === 0);
  } finally {
    await cluster.stop();
  }
}
