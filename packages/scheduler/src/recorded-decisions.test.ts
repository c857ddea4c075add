import { readFileSync } from 'node:fs';
import type { Node, Pod, PodSpec, Service } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { SchedulerCache } from './cache/cache.ts';
import { podInfoOf, type PodInfo } from './cache/pod-info.ts';
import { defaultProfile } from './config.ts';
import { decide, findNodes } from './decide.ts';
import { CycleState } from './framework/cycle-state.ts';
import { fitErrorMessage } from './framework/diagnosis.ts';
import type { Framework } from './framework/framework.ts';
import { owningSelectors, type OwnerListers } from './owning-selectors.ts';
import { makeFramework } from './profile.ts';
import { Nominations } from './queue/nominations.ts';
import { testHandle } from './testing/handle.ts';
import { host } from './testing/history.ts';

interface RecordedPod { readonly namespace: string; readonly name?: string; readonly labels: Record<string, string>; readonly spec: PodSpec }
/** Either the pod's condition, or by feasible node the weighted score of each plugin; none are given where only one node was feasible. */
type Answer = { readonly message: string } | { readonly plugins: readonly string[]; readonly scores: Readonly<Record<string, readonly number[]>> };
interface World {
  readonly namespaces: Readonly<Record<string, Record<string, string>>>;
  readonly services: readonly { readonly namespace: string; readonly selector: Record<string, string> }[];
  readonly nodes: readonly Node[];
  readonly pods: readonly RecordedPod[];
  readonly asked: readonly (RecordedPod & Answer)[];
}

/** Random clusters and pods, with what kube-scheduler 1.32.2 decided on a kube-apiserver of that version, from its log at verbosity 10. */
const recorded = readFileSync(new URL('../test/recorded-decisions-1.32.jsonl', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as World);

function podOf({ namespace, labels, spec }: RecordedPod, name: string): Pod {
  return { metadata: { name, namespace, uid: `${namespace}/${name}`, labels }, spec: { ...spec, priority: 0 } };
}

function build(world: World): { cache: SchedulerCache; framework: Framework } {
  const cache = new SchedulerCache((namespace) => world.namespaces[namespace]);
  for (const node of world.nodes) cache.setNode(node);
  for (const pod of world.pods) cache.setPod(podOf(pod, pod.name ?? ''));
  const services = world.services.map(({ namespace, selector }): Service => ({ metadata: { namespace, name: 's' }, spec: { selector } }));
  const listers = { services: { list: ({ namespace = '' } = {}) => services.filter(({ metadata }) => metadata?.namespace === namespace) } } as unknown as OwnerListers;
  const framework = makeFramework(defaultProfile, testHandle(host, {
    namespaceLabels: (namespace) => world.namespaces[namespace] ?? {}, snapshot: () => cache.snapshot(), owningSelectors: (pod) => owningSelectors(pod, listers),
  }), host.timers);
  return { cache, framework };
}

const options = { nominator: new Nominations(), nominatedNodeName: '', percentageOfNodesToScore: 0, startIndex: 0, random: host.random };

async function messageFor(framework: Framework, pod: PodInfo, cache: SchedulerCache): Promise<string> {
  const state = new CycleState();
  const decision = decide(framework, state, pod, cache.snapshot(), options);
  if (decision.kind !== 'unfit') return `it was ${decision.kind}`;
  const { status } = await framework.postFilter(state, pod, cache.snapshot(), decision.diagnosis);
  decision.diagnosis.postFilterMessage = status.reasons.join(', ');
  return fitErrorMessage(decision.diagnosis, decision.nodeCount);
}

function scoresFor(framework: Framework, pod: PodInfo, cache: SchedulerCache, plugins: readonly string[]): Record<string, readonly number[]> {
  const [state, snapshot] = [new CycleState(), cache.snapshot()];
  const found = findNodes(framework, state, pod, snapshot, options);
  if (found.kind !== 'found') return {};
  const { candidates } = found;
  const names = Array.from({ length: candidates.count }, (_, i) => candidates.nodeAt(i).name);
  if (names.length === 1) return { [names[0] as string]: [] };
  expect(framework.preScore(state, pod, candidates, snapshot).code).toBe('Success');
  const parts = framework.scoreByPlugin(state, pod, candidates);
  const pointsOf = (plugin: string, i: number): number => {
    const part = parts.find((each) => each.plugin === plugin);
    return part === undefined ? 0 : part.weight * (part.normalized[i] as number);
  };
  const totals = framework.score(state, pod, candidates, snapshot);
  const sumOf = (i: number): number => parts.reduce((sum, { plugin }) => sum + pointsOf(plugin, i), 0);
  // What all candidates get alike may be left out of the totals.
  for (const [i] of names.entries()) expect((totals[i] as number) - (totals[0] as number)).toBe(sumOf(i) - sumOf(0));
  for (const { plugin, normalized } of parts) if (!plugins.includes(plugin)) expect([...normalized], plugin).toEqual(names.map(() => 0));
  return Object.fromEntries(names.toSorted().map((name) => [name, plugins.map((plugin) => pointsOf(plugin, names.indexOf(name)))]));
}

test.each(recorded.map((world, i) => [i, world] as const))('decides as kube-scheduler did: cluster %i', async (_i, world) => {
  const { cache, framework } = build(world);
  for (const [i, asked] of world.asked.entries()) {
    const pod = podInfoOf(podOf(asked, `asked-${i}`));
    if ('message' in asked) expect(await messageFor(framework, pod, cache)).toBe(asked.message);
    else expect(scoresFor(framework, pod, cache, asked.plugins)).toEqual(asked.scores);
  }
});
