import { SeededRandom } from '@coxswain/host/sim';
import fc from 'fast-check';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import type { SchedulerCache } from './cache/cache.ts';
import { podInfoOf } from './cache/pod-info.ts';
import { defaultProfile } from './config.ts';
import { decide, type Decision } from './decide.ts';
import { CycleState } from './framework/cycle-state.ts';
import { fitErrorMessage } from './framework/diagnosis.ts';
import type { Framework } from './framework/framework.ts';
import { makeFramework } from './profile.ts';
import { Nominations } from './queue/nominations.ts';
import { question, volumeQuestion } from './testing/arbitraries.ts';
import { cacheOf, handleOf, host, lead } from './testing/history.ts';
import { slowFilters, type SlowCluster } from './testing/slow-model.ts';

const names = Object.keys(slowFilters) as (keyof typeof slowFilters)[];

function decideOn(framework: Framework, cache: SchedulerCache, pod: Pod, startIndex: number, random = new SeededRandom(1)): Decision {
  const snapshot = cache.snapshot();
  return decide(framework, new CycleState(), podInfoOf(pod), snapshot, {
    nominator: new Nominations(), nominatedNodeName: '', random, percentageOfNodesToScore: 0, startIndex: startIndex % Math.max(1, snapshot.nodes.length),
  });
}

/** With its message, which tells of every node. */
function told(decision: Decision): unknown {
  return decision.kind === 'unfit' ? { kind: decision.kind, message: fitErrorMessage(decision.diagnosis, decision.nodeCount) } : decision;
}

function feasibleNodes(cluster: SlowCluster, pod: Pod): string[] {
  return cluster.nodes.filter((node) => names.every((name) => slowFilters[name](pod, node, cluster))).map((node) => node.metadata?.name ?? '');
}

test('what a scheduler remembers changes none of its decisions, and they are those of the plain model', () => {
  let placed = 0;
  fc.assert(fc.property(fc.oneof(question, volumeQuestion), fc.array(fc.nat(200), { maxLength: 25 }), fc.nat(10), ({ cluster, pod }, steps, startIndex) => {
    const cache = cacheOf(cluster);
    const [remembering, fresh] = [0, 1].map(() => makeFramework(defaultProfile, handleOf(cluster), host.timers)) as [Framework, Framework];
    // Pods of other needs are asked about too.
    const others = cluster.pods.map((other) => ({ ...other, spec: { ...other.spec, containers: other.spec?.containers ?? [], nodeName: '' } }));
    lead(cache, cluster, steps, () => { for (const asked of [pod, ...others]) decideOn(remembering, cache, asked, startIndex); });
    const decision = decideOn(remembering, cache, pod, startIndex);
    expect(told(decision)).toEqual(told(decideOn(fresh, cache, pod, startIndex)));
    const expected = feasibleNodes(cluster, pod);
    if (decision.kind !== 'placed') { expect(expected).toEqual([]); return; }
    placed += 1;
    expect(expected).toContain(decision.nodeName);
    expect(decision.feasible).toBe(expected.length);
  }), { numRuns: 600, seed: 21 });
  expect(placed).toBeGreaterThan(50);
});

test('the best score wins, and equals are drawn with equal chances, however often the nodes were judged before', () => {
  const node = (name: string, cpu: string) => ({ metadata: { name }, status: { allocatable: { cpu, memory: '8Gi', pods: '110' } } });
  const pod = { metadata: { name: 'p', namespace: 'd', uid: 'p' }, spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1', memory: '1Gi' } } }] } };
  const cluster: SlowCluster = {
    nodes: [node('small', '2'), node('a', '8'), node('b', '8'), node('c', '8')], pods: [], namespaces: {},
    storage: { claims: [], volumes: [], classes: [], csiNodes: [], csiDrivers: [], capacities: [], attachments: [] },
  };
  const cache = cacheOf(cluster);
  const framework = makeFramework(defaultProfile, handleOf(cluster), host.timers);
  const random = new SeededRandom(5);
  const chosen = new Map<string, number>();
  for (let i = 0; i < 3000; i += 1) {
    const decision = decideOn(framework, cache, pod, i, random);
    if (decision.kind === 'placed') chosen.set(decision.nodeName, (chosen.get(decision.nodeName) ?? 0) + 1);
  }
  expect([...chosen.keys()].toSorted()).toEqual(['a', 'b', 'c']);
  for (const count of chosen.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  // One of them fills up: it loses at once.
  cache.setPod({ ...pod, metadata: { ...pod.metadata, name: 'q', uid: 'q' }, spec: { ...pod.spec, nodeName: 'a' } });
  for (let i = 0; i < 100; i += 1) expect(decideOn(framework, cache, pod, i, random)).toMatchObject({ kind: 'placed', nodeName: expect.stringMatching(/^[bc]$/) as string });
});
