import { ApiError, resources } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nameOf } from '../common/object.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { budgetStatus, failedStatus, stillDisrupted } from './budget.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const budget = (spec: PodDisruptionBudget['spec'], disruptedPods?: Record<string, string>): PodDisruptionBudget => ({
  metadata: { name: 'b', generation: 2 }, spec: spec ?? {}, ...(disruptedPods === undefined ? {} : { status: { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0, disruptedPods } }),
});
const pod = (name: string, ready = true, deleting = false): Pod => ({
  metadata: { name, ...(deleting ? { deletionTimestamp: '2026-01-01T00:59:00Z' } : {}) }, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const numbers = (of: PodDisruptionBudget, pods: readonly Pod[], scale: number): number[] => {
  const { currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed } = budgetStatus(of, pods, scale, nowMs);
  return [currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed];
};
const seven = Array.from({ length: 7 }, (_, index) => pod(`p${index}`));

test('how many may go', () => {
  expect(numbers(budget({ minAvailable: 5 }), seven, 0)).toEqual([7, 5, 7, 2]);
  // The documentation's own example: half of seven, rounded up, is four.
  expect(numbers(budget({ minAvailable: '50%' }), seven, 7)).toEqual([7, 4, 7, 3]);
  expect(numbers(budget({ maxUnavailable: '50%' }), seven, 7)).toEqual([7, 3, 7, 4]);
  expect(numbers(budget({ maxUnavailable: 1 }), seven.slice(0, 6), 7)).toEqual([6, 6, 7, 0]);
  expect(numbers(budget({ maxUnavailable: 1 }), [pod('a'), pod('b', false), pod('c', true, true)], 3)).toEqual([1, 2, 3, 0]);
  expect(numbers(budget({ minAvailable: 0 }), [], 0)).toEqual([0, 0, 0, 0]);
});

test('a pod whose eviction was granted counts no more, but not for ever', () => {
  const of = budget({ minAvailable: 1 }, { a: '2026-01-01T00:58:30Z', b: '2026-01-01T00:57:59Z', gone: '2026-01-01T00:59:00Z' });
  const pods = [pod('a'), pod('b'), pod('c')];
  expect(stillDisrupted(of, pods, nowMs)).toEqual({ pods: { a: '2026-01-01T00:58:30Z' }, stayed: [pods[1]], recheckAtMs: nowMs + 30_000 });
  expect(numbers(of, pods, 0)).toEqual([2, 1, 3, 1]);
});

test('conditions', () => {
  expect(budgetStatus(budget({ minAvailable: 7 }), seven, 0, nowMs).conditions).toEqual([{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '', observedGeneration: 2, lastTransitionTime: '2026-01-01T01:00:00Z' }]);
  expect(budgetStatus(budget({ minAvailable: 6 }), seven, 0, nowMs).conditions).toMatchObject([{ status: 'True', reason: 'SufficientPods' }]);
  expect(failedStatus(budget({ minAvailable: '10%' }), 'why', nowMs)).toMatchObject({ disruptionsAllowed: 0, observedGeneration: 2, conditions: [{ status: 'False', reason: 'SyncFailed', message: 'why' }] });
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
  const key = { namespace: 'default', name: 'web' };
  const evict = (name: string): Promise<unknown> => cluster.admin.createSubresource(resources.pods, { namespace: 'default', name }, 'eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' } });

  test('evictions pass as long as the budget lasts', async () => {
    const selector = { matchLabels: { app: 'web' } };
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    await cluster.admin.create(resources.deployments, { metadata: key, spec: { replicas: 3, selector, template } });
    await cluster.admin.create(resources.poddisruptionbudgets, { metadata: key, spec: { maxUnavailable: 1, selector } });
    const calm = (found: PodDisruptionBudget | undefined): boolean => found?.status?.disruptionsAllowed === 1 && found.status.currentHealthy === 3;
    const status = (await cluster.until(resources.poddisruptionbudgets, key, calm))?.status;
    expect(status).toMatchObject({ desiredHealthy: 2, expectedPods: 3, conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }] });
    const [first] = (await cluster.admin.list(resources.pods, { namespace: 'default' })).items;
    await evict(nameOf(first ?? {}));
    // Its successor makes up for it.
    await cluster.until(resources.pods, { namespace: 'default', name: nameOf(first ?? {}) }, (found) => found === undefined);
    await cluster.until(resources.poddisruptionbudgets, key, calm);
    await cluster.admin.patch(resources.poddisruptionbudgets, key, 'merge', { spec: { maxUnavailable: 0 } });
    await cluster.until(resources.poddisruptionbudgets, key, (found) => found?.status?.observedGeneration === found?.metadata?.generation && found?.status?.disruptionsAllowed === 0);
    const pods = await cluster.untilAll(resources.pods, 'default', (all) => all.length === 3 && all.every((one) => one.metadata?.deletionTimestamp === undefined && one.status?.phase === 'Running'));
    await expect(evict(nameOf(pods[0] ?? {}))).rejects.toSatisfy((error) => error instanceof ApiError && error.code === 429);
  });

  test('where nobody says how many there should be, none may go', async () => {
    const alone = { namespace: 'default', name: 'alone' };
    await cluster.admin.create(resources.daemonsets, { metadata: alone, spec: { selector: { matchLabels: { app: 'd' } }, template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    await cluster.admin.create(resources.poddisruptionbudgets, { metadata: alone, spec: { minAvailable: '10%', selector: { matchLabels: { app: 'd' } } } });
    const failed = await cluster.until(resources.poddisruptionbudgets, alone, (found) => found?.status?.conditions?.[0]?.reason === 'SyncFailed');
    expect(failed?.status?.disruptionsAllowed ?? 0).toBe(0);
    expect(failed?.status?.conditions?.[0]?.message).toContain('does not implement the scale subresource');
  });
});
