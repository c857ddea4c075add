import { Simulation } from '@coxswain/host/sim';
import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { expect, test } from 'vitest';
import { SchedulerCache } from '../../cache/cache.ts';
import { podInfoOf } from '../../cache/pod-info.ts';
import { defaultProfile } from '../../config.ts';
import { CycleState } from '../../framework/cycle-state.ts';
import { makeFramework } from '../../profile.ts';
import { Nominations } from '../../queue/nominations.ts';
import { testHandle } from '../../testing/handle.ts';
import { tableNode } from '../../testing/plugin-table.ts';
import { dryRun } from './candidates.ts';

const { host } = new Simulation({ seed: 1 }).start('table', 'table');
const [small, medium, large] = ['100m', '200m', '300m'] as const;
const [low, mid, high] = [0, 100, 1000] as const;

function pod(name: string, priority: number, cpu: string, more: { readonly node?: string; readonly start?: number; readonly labels?: Record<string, string>; readonly spec?: Partial<PodSpec> } = {}): Pod {
  return {
    metadata: { name, namespace: 'x', uid: name, labels: more.labels ?? {} },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }], priority, nodeName: more.node ?? 'node1', ...more.spec },
    status: { startTime: new Date(Date.UTC(2026, 0, 1, 0, 0, more.start ?? 0)).toISOString() },
  };
}

const asking = (priority: number, cpu: string, more: Parameters<typeof pod>[3] = {}): Pod => { const made = pod('p', priority, cpu, more); return { ...made, spec: { containers: [], ...made.spec, nodeName: '' } }; };
const alone = (key: string): Partial<PodSpec> => ({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchExpressions: [{ key, operator: 'Exists' }] } }] } } });
const budget = (allowed: number): PodDisruptionBudget => ({ metadata: { name: 'b', namespace: 'x' }, spec: { selector: { matchLabels: { app: 'foo' } } }, status: { currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptionsAllowed: allowed } });
const port: Partial<PodSpec> = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 8002, protocol: 'TCP' }] }] };
const guarded = { labels: { app: 'foo' } };
const guardedLater = { ...guarded, start: 1 };

/** As upstream's TestDryRunPreemption has them, on a node of half a processor; the most important victim first. */
test.each<[string, Pod, readonly Pod[], readonly PodDisruptionBudget[], readonly string[], number]>([
  ['one of lower priority goes', asking(high, large), [pod('p1', mid, large)], [], ['p1'], 0],
  ['nobody of higher priority goes', asking(low, large), [pod('p1', mid, large)], [], [], 0],
  ['the lower but small one stays', asking(high, large), [pod('p1.1', low, small), pod('p1.2', mid, large)], [], ['p1.2'], 0],
  ['mixed priorities', asking(high, large), [pod('p1.1', mid, small), pod('p1.2', low, small), pod('p1.3', mid, medium), pod('p1.4', high, small)], [], ['p1.3', 'p1.2'], 0],
  ['of equals the one that started later goes', asking(high, large), [pod('p1.1', low, small, { start: 5 }), pod('p1.2', low, small, { start: 4 }), pod('p1.3', mid, medium, { start: 3 }), pod('p1.4', high, small, { start: 2 })], [], ['p1.3', 'p1.1'], 0],
  ['one that wants to be alone', asking(high, small, { labels: { foo: '' } }), [pod('p1.1', low, small, { labels: { foo: '' }, spec: alone('foo') }), pod('p1.2', mid, small), pod('p1.3', high, small)], [], ['p1.1'], 0],
  ['a budget is broken if it must be', asking(high, '500m'), [pod('p1.1', mid, medium, guarded), pod('p1.2', mid, medium, guardedLater)], [budget(1)], ['p1.1', 'p1.2'], 1],
  ['a budget is broken only if it must be', asking(high, large), [pod('p1.1', mid, medium, guarded), pod('p1.2', mid, medium, guardedLater)], [budget(1)], ['p1.1'], 0],
  ['a budget that allows it', asking(high, '500m'), [pod('p1.1', mid, medium, guarded), pod('p1.2', mid, medium, guardedLater)], [budget(2)], ['p1.1', 'p1.2'], 0],
  ['the guarded one stays if another can go', asking(high, medium), [pod('p1.1', mid, medium, guarded), pod('p1.2', mid, medium)], [budget(0)], ['p1.2'], 0],
  // Not upstream's: its ports of a node are a set, from which the first of two that share one takes it away.
  ['a port of two pods is taken until both have gone', asking(mid, small, { spec: port }), [pod('p1.1', low, small, { spec: port }), pod('p1.2', mid, small, { spec: port })], [], [], 0],
])('%s', (_name, asked, placed, budgets, victims, violations) => {
  const cache = new SchedulerCache();
  cache.setNode(tableNode('node1', { 'kubernetes.io/hostname': 'node1' }, { cpu: '500m', memory: '10Gi', pods: '10' }));
  for (const other of placed) cache.setPod(other);
  const framework = makeFramework(defaultProfile, testHandle(host), host.timers);
  const [state, info, snapshot] = [new CycleState(), podInfoOf(asked), cache.snapshot()];
  framework.preFilter(state, info, snapshot);
  const trial = dryRun(framework, new Nominations(), state, info, snapshot.node('node1') as never, budgets);
  const found = 'candidate' in trial ? trial.candidate : undefined;
  expect(found?.victims.map(({ name }) => name) ?? []).toEqual(victims);
  expect(found?.violations ?? 0).toBe(violations);
});
