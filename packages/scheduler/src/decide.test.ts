import { SeededRandom } from '@coxswain/host/sim';
import fc from 'fast-check';
import type { Node, Pod, PodSpec } from 'kubernetes-types/core/v1';
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

function decideOn(framework: Framework, cache: SchedulerCache, pod: Pod, startIndex: number, random = new SeededRandom(1), nominator = new Nominations()): Decision {
  const snapshot = cache.snapshot();
  return decide(framework, new CycleState(), podInfoOf(pod), snapshot, {
    nominator, nominatedNodeName: '', random, percentageOfNodesToScore: 0, startIndex: startIndex % Math.max(1, snapshot.nodes.length),
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

function sameNominations(of: Nominations): Nominations {
  const copy = new Nominations();
  for (const { pod, nodeName } of of.asOf(of.place) ?? []) copy.nominate(pod, nodeName);
  return copy;
}

const plain = (uid: string, cpu: number, more: Partial<PodSpec> = {}): Pod => ({
  metadata: { name: uid, namespace: 'd', uid }, spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: String(cpu) } } }], ...more },
});
const noStorage: SlowCluster['storage'] = { claims: [], volumes: [], classes: [], csiNodes: [], csiDrivers: [], capacities: [], attachments: [] };

test('a full cluster refuses pod after pod as it would refuse each anew, whatever comes, goes and is promised between them', () => {
  const step = fc.record({ kind: fc.constantFrom('ask', 'ask', 'ask', 'come', 'go', 'promise', 'taint', 'node'), which: fc.nat(7), node: fc.nat(4), cpu: fc.integer({ min: 1, max: 3 }), priority: fc.nat(1) });
  const nodeOf = (at: number, tainted: boolean): Node => ({ metadata: { name: `n${at}` }, spec: tainted ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {}, status: { allocatable: { cpu: '4', memory: '8Gi', pods: '4' } } });
  let [refused, placed] = [0, 0];
  fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
    const cluster: SlowCluster = { nodes: [0, 1, 2].map((at) => nodeOf(at, false)), pods: [0, 1, 2].map((at) => plain(`full-${at}`, 3, { nodeName: `n${at}` })), namespaces: {}, storage: noStorage };
    const [cache, nominations] = [cacheOf(cluster), new Nominations()];
    const framework = makeFramework(defaultProfile, handleOf(cluster), host.timers);
    for (const { kind, which, node, cpu, priority } of steps) {
      const asked = plain(`asked-${which}`, cpu, { priority });
      switch (kind) {
        case 'come': cache.setPod(plain(`placed-${which}`, cpu, { nodeName: `n${node}`, priority })); break;
        case 'go': cache.removePod(which < 3 ? `full-${which}` : `placed-${which}`); break;
        case 'promise': nominations.nominate(podInfoOf(asked), priority === 0 && cpu === 1 ? '' : `n${node}`); break;
        case 'taint': cache.setNode(nodeOf(node % 3, cpu > 1)); break;
        case 'node': if (cpu === 1) cache.removeNode(`n${node}`); else cache.setNode(nodeOf(node, false)); break;
        case 'ask': {
          const decision = decideOn(framework, cache, asked, which, undefined, nominations);
          const anew = decideOn(makeFramework(defaultProfile, handleOf(cluster), host.timers), cache, asked, which, undefined, sameNominations(nominations));
          expect(told(decision)).toEqual(told(anew));
          if (decision.kind === 'unfit') refused += 1; else placed += 1;
          if (decision.kind === 'unfit' && anew.kind === 'unfit') {
            const snapshot = cache.snapshot();
            const [potential, potentialAnew] = [decision, anew].map(({ diagnosis }) => { const { count, has } = diagnosis.rowsWith('Unschedulable', snapshot); return { count, rows: snapshot.rows.filter(has) }; });
            expect(potential).toEqual(potentialAnew);
            expect(potential?.rows.length).toBe(potential?.count);
            expect(decision.diagnosis.unschedulablePlugins).toEqual(anew.diagnosis.unschedulablePlugins);
          }
        }
      }
    }
  }), { numRuns: 300, seed: 23 });
  expect(Math.min(refused, placed)).toBeGreaterThan(500);
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
