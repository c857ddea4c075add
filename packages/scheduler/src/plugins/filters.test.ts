import fc from 'fast-check';
import { expect, test } from 'vitest';
import { podInfoOf } from '../cache/pod-info.ts';
import { defaultProfile } from '../config.ts';
import { decide } from '../decide.ts';
import { Candidates } from '../framework/candidates.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { makeFramework } from '../profile.ts';
import { Nominations } from '../queue/nominations.ts';
import { question, volumeQuestion, type Question } from '../testing/arbitraries.ts';
import { cacheOf, handleOf, host, lead } from '../testing/history.ts';
import { slowFilters } from '../testing/slow-model.ts';
import { registry } from './registry.ts';

/** Worlds in which the plugin has something to say. */
function questionFor(name: keyof typeof slowFilters): typeof question {
  return name.includes('Volume') ? volumeQuestion : question;
}

/** Nodes that one plugin lets pass; asked one by one and all at once it must say the same. */
function feasible(name: keyof typeof slowFilters, { cluster, pod }: Question, cache = cacheOf(cluster)): string[] {
  const plugin = registry[name](defaultProfile.args, { ...handleOf(cluster), schedulerName: 'x', framework: () => { throw new Error('not used by filters'); } });
  const [state, info, snapshot] = [new CycleState(), podInfoOf(pod), cache.snapshot()];
  const pre = plugin.preFilter?.(state, info, snapshot);
  if (pre?.status.code === 'Unschedulable' || pre?.status.code === 'UnschedulableAndUnresolvable') return [];
  const asked = snapshot.nodes.filter((node) => pre?.nodeNames?.has(node.name) ?? true);
  const passing = pre?.status.code === 'Skip' ? asked : asked.filter((node) => plugin.filter?.(state, info, node).code === 'Success');
  if (pre?.status.code !== 'Skip' && plugin.filterRows !== undefined) {
    const rows = Int32Array.from(asked, ({ row }) => row);
    const kept = plugin.filterRows(state, info, snapshot, rows, rows.length);
    expect([...rows.subarray(0, kept)]).toEqual(passing.map(({ row }) => row));
  }
  return passing.map((node) => node.name).toSorted();
}

test.each(Object.keys(slowFilters) as (keyof typeof slowFilters)[])('%s lets exactly those nodes pass that its rule names', (name) => {
  let narrowed = 0;
  fc.assert(fc.property(questionFor(name), (asked) => {
    const expected = asked.cluster.nodes.filter((node) => slowFilters[name](asked.pod, node, asked.cluster)).map((node) => node.metadata?.name ?? '').toSorted();
    if (expected.length > 0 && expected.length < asked.cluster.nodes.length) narrowed += 1;
    expect(feasible(name, asked)).toEqual(expected);
  }), { numRuns: 400, seed: 20_261_121 });
  // The worlds are such that the rule matters. (No generated pod names its node.)
  if (name !== 'NodeName') expect(narrowed).toBeGreaterThan(10);
});

test.each(Object.keys(slowFilters) as (keyof typeof slowFilters)[])('%s says the same after any history', (name) => {
  fc.assert(fc.property(questionFor(name), fc.array(fc.nat(200), { maxLength: 25 }), (asked, steps) => {
    const cache = cacheOf(asked.cluster);
    lead(cache, asked.cluster, steps, () => feasible(name, asked, cache));
    const expected = asked.cluster.nodes.filter((node) => slowFilters[name](asked.pod, node, asked.cluster)).map((node) => node.metadata?.name ?? '').toSorted();
    expect(feasible(name, asked, cache)).toEqual(expected);
  }), { numRuns: 200, seed: 11 });
});

test('scores of all nodes at once are those of each', () => {
  fc.assert(fc.property(question, fc.array(fc.nat(200), { maxLength: 25 }), ({ cluster, pod }, steps) => {
    const cache = cacheOf(cluster);
    const framework = makeFramework(defaultProfile, handleOf(cluster), host.timers);
    const rows = (): Int32Array => Int32Array.from(cache.snapshot().rows);
    lead(cache, cluster, steps, () => framework.preScore(new CycleState(), podInfoOf(pod), new Candidates(cache.snapshot().table, rows(), cache.nodeCount), cache.snapshot()));
    const [state, info, snapshot] = [new CycleState(), podInfoOf(pod), cache.snapshot()];
    const candidates = new Candidates(snapshot.table, rows(), snapshot.nodes.length);
    framework.preScore(state, info, candidates, snapshot);
    for (const plugin of framework.plugins()) {
      if (plugin.score === undefined || plugin.scoreRows === undefined || state.skippedScores.has(plugin.name)) continue;
      const scores = new Float64Array(candidates.count);
      plugin.scoreRows(state, info, candidates, scores);
      expect([plugin.name, ...scores]).toEqual([plugin.name, ...snapshot.nodes.map((node) => plugin.score?.(state, info, node))]);
    }
  }), { numRuns: 400, seed: 12 });
});

test('all filters together, and pods put on and taken off a node on a trial leave no trace', () => {
  fc.assert(fc.property(fc.oneof(question, volumeQuestion), ({ cluster, pod }) => {
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
      const narrowedOut = decision.kind === 'unfit' && decision.diagnosis.statusOf(node) === decision.diagnosis.absent;
      if (!narrowedOut) expect(framework.filter(trialState, info, trialNode).code === 'Success').toBe(slow.length === 1);
      for (const other of there) framework.addPod(trialState, info, other, trialNode);
      expect(framework.filter(trialState, info, trialNode).code).toBe(before);
    }
  }), { numRuns: 300, seed: 7 });
});
