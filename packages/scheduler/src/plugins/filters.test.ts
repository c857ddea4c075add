import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { Simulation } from '@coxswain/host/sim';
import { createClient } from '@coxswain/client';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SchedulerCache } from '../cache/cache.ts';
import { podInfoOf } from '../cache/pod-info.ts';
import { defaultProfile } from '../config.ts';
import { decide } from '../decide.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { makeFramework } from '../profile.ts';
import { Nominations } from '../queue/nominations.ts';
import { question, type Question } from '../testing/arbitraries.ts';
import { slowFilters, type SlowCluster } from '../testing/slow-model.ts';
import { registry } from './registry.ts';
import type { PluginHandle } from './handle.ts';

const { host } = new Simulation({ seed: 1 }).start('test', 'test');

function handleOf(cluster: SlowCluster): Omit<PluginHandle, 'framework' | 'schedulerName'> {
  return {
    host, client: createClient(createRealHost(silentLogger), { server: 'http://127.0.0.1:1', userAgent: 'never used' }), recorder: { event() { /* nobody listens */ } },
    nominator: () => new Nominations(), budgets: () => [], owningSelectors: () => [],
    namespaceLabels: (namespace) => cluster.namespaces[namespace] ?? {},
  };
}

function cacheOf({ nodes, pods, namespaces }: SlowCluster): SchedulerCache {
  const cache = new SchedulerCache((namespace) => namespaces[namespace]);
  for (const pod of pods) cache.setPod(pod);
  for (const node of nodes) cache.setNode(node);
  return cache;
}

/** Nodes that one plugin lets pass. */
function feasible(name: keyof typeof slowFilters, { cluster, pod }: Question): string[] {
  const plugin = registry[name](defaultProfile.args, { ...handleOf(cluster), schedulerName: 'x', framework: () => { throw new Error('not used by filters'); } });
  const [state, info, snapshot] = [new CycleState(), podInfoOf(pod), cacheOf(cluster).snapshot()];
  const pre = plugin.preFilter?.(state, info, snapshot);
  if (pre?.status.code === 'Unschedulable' || pre?.status.code === 'UnschedulableAndUnresolvable') return [];
  return snapshot.nodes.filter((node) => (pre?.nodeNames?.has(node.name) ?? true) && (pre?.status.code === 'Skip' || plugin.filter?.(state, info, node).code === 'Success'))
    .map((node) => node.name).toSorted();
}

test.each(Object.keys(slowFilters) as (keyof typeof slowFilters)[])('%s lets exactly those nodes pass that its rule names', (name) => {
  let narrowed = 0;
  fc.assert(fc.property(question, (asked) => {
    const expected = asked.cluster.nodes.filter((node) => slowFilters[name](asked.pod, node, asked.cluster)).map((node) => node.metadata?.name ?? '').toSorted();
    if (expected.length > 0 && expected.length < asked.cluster.nodes.length) narrowed += 1;
    expect(feasible(name, asked)).toEqual(expected);
  }), { numRuns: 400, seed: 20_261_121 });
  // The worlds are such that the rule matters. (No generated pod names its node.)
  if (name !== 'NodeName') expect(narrowed).toBeGreaterThan(10);
});

test('all filters together, and pods put on and taken off a node on a trial leave no trace', () => {
  fc.assert(fc.property(question, ({ cluster, pod }) => {
    const framework = makeFramework(defaultProfile, handleOf(cluster), host.timers);
    const [state, info, snapshot] = [new CycleState(), podInfoOf(pod), cacheOf(cluster).snapshot()];
    const decision = decide(framework, state, info, snapshot, { nominator: new Nominations(), nominatedNodeName: '', random: host.random, percentageOfNodesToScore: 0, startIndex: 0 });
    const expected = cluster.nodes.filter((node) => Object.values(slowFilters).every((passes) => passes(pod, node, cluster))).map((node) => node.metadata?.name ?? '');
    if (decision.kind === 'placed') expect(expected).toContain(decision.nodeName);
    else expect(expected).toEqual([]);
    if (decision.kind === 'unfit' && decision.diagnosis.preFilterMessage !== '') return;
    for (const node of snapshot.nodes) {
      const before = framework.filter(state, info, node).code;
      const [trialState, trialNode] = [state.clone(), node.clone()];
      const there = [...node.pods.values()];
      for (const other of there) framework.removePod(trialState, info, other, trialNode);
      // The same as if they had never been there.
      const without = { ...cluster, pods: cluster.pods.filter((other) => other.spec?.nodeName !== node.name) };
      const slow = cluster.nodes.filter((candidate) => candidate.metadata?.name === node.name && Object.values(slowFilters).every((passes) => passes(pod, candidate, without)));
      const narrowedOut = decision.kind === 'unfit' && decision.diagnosis.statusOf(node.name) === decision.diagnosis.absent;
      if (!narrowedOut) expect(framework.filter(trialState, info, trialNode).code === 'Success').toBe(slow.length === 1);
      for (const other of there) framework.addPod(trialState, info, other, trialNode);
      expect(framework.filter(trialState, info, trialNode).code).toBe(before);
    }
  }), { numRuns: 300, seed: 7 });
});
