import type { Affinity, Node, NodeAffinity, Pod, PodAffinityTerm, PodSpec, Taint, Toleration } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { defaultPluginArgs, type PluginArgs } from '../config.ts';
import { scoresOf, tableNode, tablePod } from '../testing/plugin-table.ts';

// Values as upstream's own tests of v1.32 have them.

const room = (name: string, cpu: string, memory: string, more: Readonly<Record<string, string>> = {}): Node => tableNode(name, {}, { cpu, memory, ...more });
const asks = (cpu: string, memory: string, more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => ({ cpu, memory, ...more });
const on = (nodeName: string, ...requests: readonly Readonly<Record<string, string>>[]): Pod => tablePod({}, requests, { nodeName });
const two = [asks('1000', '2000'), asks('2000', '3000')];

type Strategy = PluginArgs['nodeResourcesFit']['scoringStrategy'];
const strategy = (type: Strategy['type'], more: Partial<Strategy> = {}): Partial<PluginArgs> =>
  ({ nodeResourcesFit: { ...defaultPluginArgs.nodeResourcesFit, scoringStrategy: { ...defaultPluginArgs.nodeResourcesFit.scoringStrategy, type, ...more } } });
const memoryTwice = { resources: [{ name: 'memory', weight: 2 }, { name: 'cpu', weight: 1 }] };
const withExtended = { resources: [{ name: 'cpu', weight: 1 }, { name: 'memory', weight: 1 }, { name: 'abc.com/xyz', weight: 1 }] };
const falling = { shape: [{ utilization: 0, score: 10 }, { utilization: 100, score: 0 }] };
const small = [room('node1', '4000', '10000'), room('node2', '6000', '10000')];
const large = [room('node1', '10000', '20000'), room('node2', '10000', '20000')];
const mixed = [room('node1', '10000', '20000'), room('node2', '10000', '50000')];
const cpuThenBoth = [on('node1', asks('3000', '0')), on('node2', asks('3000', '5000'))];
const fourOfThem = [on('node1', asks('3000', '0')), on('node1', asks('3000', '0')), on('node2', asks('3000', '0')), on('node2', asks('3000', '5000'))];

test.each<[string, Partial<PluginArgs>, Pod, readonly Node[], readonly Pod[], readonly number[]]>([
  ['least: nothing asked', strategy('LeastAllocated'), tablePod(), [room('node1', '4000', '10000'), room('node2', '4000', '10000')], [], [100, 100]],
  ['least: different sizes', strategy('LeastAllocated'), tablePod({}, two), small, [], [37, 50]],
  ['least: others are there', strategy('LeastAllocated'), tablePod(), large, fourOfThem, [70, 57]],
  ['least: with others', strategy('LeastAllocated'), tablePod({}, two), large, cpuThenBoth, [57, 45]],
  ['least: with others on different sizes', strategy('LeastAllocated'), tablePod({}, two), mixed, cpuThenBoth, [57, 60]],
  ['least: more than there is', strategy('LeastAllocated'), tablePod({}, [asks('3000', '0')]), [room('node1', '4000', '10000'), room('node2', '4000', '10000')], cpuThenBoth, [50, 25]],
  ['least: no capacity', strategy('LeastAllocated'), tablePod(), [tableNode('node1'), tableNode('node2')], cpuThenBoth, [0, 0]],
  ['least: memory weighs twice', strategy('LeastAllocated', memoryTwice), tablePod({}, two), small, [], [41, 50]],
  ['most: nothing asked', strategy('MostAllocated'), tablePod(), [room('node1', '4000', '10000'), room('node2', '4000', '10000')], [], [0, 0]],
  ['most: different sizes', strategy('MostAllocated'), tablePod({}, two), small, [], [62, 50]],
  ['most: others are there', strategy('MostAllocated'), tablePod(), large, fourOfThem, [30, 42]],
  ['most: with others', strategy('MostAllocated'), tablePod({}, two), large, cpuThenBoth, [42, 55]],
  ['most: memory weighs twice', strategy('MostAllocated', memoryTwice), tablePod({}, two), small, [], [58, 50]],
  ['most: an extended resource that is not asked for', strategy('MostAllocated', withExtended), tablePod({}, two), [room('node1', '6000', '10000'), room('node2', '6000', '10000', { 'abc.com/xyz': '4' })], [], [50, 50]],
  ['ratio: nothing asked', strategy('RequestedToCapacityRatio', falling), tablePod(), [room('node1', '4000', '10000'), room('node2', '4000', '10000')], [], [100, 100]],
  ['ratio: different sizes', strategy('RequestedToCapacityRatio', falling), tablePod({}, two), small, [], [38, 50]],
  ['ratio: others are there', strategy('RequestedToCapacityRatio', falling), tablePod(), small, [on('node1', asks('3000', '5000')), on('node2', asks('3000', '5000'))], [38, 50]],
])('NodeResourcesFit, %s', (_name, args, pod, nodes, placed, expected) => {
  expect(scoresOf('NodeResourcesFit', { pod, nodes, placed, args })).toEqual(expected);
});

const balanced = (placed: readonly Pod[]): { placed: readonly Pod[] } => ({ placed });
test.each<[string, Pod, readonly Node[], { placed: readonly Pod[] }, readonly number[]]>([
  ['different sizes', tablePod({}, two), small, balanced([]), [87, 100]],
  ['with others', tablePod({}, two), large, balanced(cpuThenBoth), [82, 95]],
  ['with others on different sizes', tablePod({}, two), mixed, balanced(cpuThenBoth), [82, 80]],
  ['all that there is', tablePod({}, [asks('1000', '0'), asks('2000', '0')]), [room('node1', '6000', '10000'), room('node2', '6000', '10000')], balanced(cpuThenBoth), [50, 75]],
  ['nothing asked, others are there', tablePod(), large, balanced(fourOfThem), [70, 82]],
])('NodeResourcesBalancedAllocation, %s', (_name, pod, nodes, { placed }, expected) => {
  expect(scoresOf('NodeResourcesBalancedAllocation', { pod, nodes, placed })).toEqual(expected);
});

const soft = (key: string, value: string, effect = 'PreferNoSchedule'): Taint => ({ key, value, effect });
const tainted = (name: string, ...taints: readonly Taint[]): Node => tableNode(name, {}, {}, { taints: [...taints] });
const tolerates = (...tolerations: readonly Toleration[]): Pod => tablePod({}, [], { tolerations: [...tolerations] });
const three = [tainted('a'), tainted('b', soft('cpu-type', 'arm64')), tainted('c', soft('cpu-type', 'arm64'), soft('disk-type', 'ssd'))];

test.each<[string, Pod, readonly Node[], readonly number[]]>([
  ['tolerated beats untolerated', tolerates({ key: 'foo', operator: 'Equal', value: 'bar', effect: 'PreferNoSchedule' }), [tainted('a', soft('foo', 'bar')), tainted('b', soft('foo', 'blah'))], [100, 0]],
  ['how many are tolerated does not matter', tolerates({ ...soft('cpu-type', 'arm64'), operator: 'Equal' }, { ...soft('disk-type', 'ssd'), operator: 'Equal' }), three, [100, 100, 100]],
  ['how many are not does', tolerates({ key: 'foo', operator: 'Equal', value: 'bar', effect: 'PreferNoSchedule' }), three, [100, 50, 0]],
  ['only the soft effect counts', tolerates({ key: 'cpu-type', operator: 'Equal', value: 'arm64', effect: 'NoSchedule' }, { key: 'disk-type', operator: 'Equal', value: 'ssd', effect: 'NoSchedule' }),
    [tainted('a'), tainted('b', soft('cpu-type', 'arm64', 'NoSchedule')), three[2] as Node], [100, 100, 0]],
])('TaintToleration, %s', (_name, pod, nodes, expected) => {
  expect(scoresOf('TaintToleration', { pod, nodes })).toEqual(expected);
});

const likes = (...terms: readonly (readonly [weight: number, labels: Readonly<Record<string, string>>])[]): NodeAffinity => ({
  preferredDuringSchedulingIgnoredDuringExecution: terms.map(([weight, labels]) => ({ weight, preference: { matchExpressions: Object.entries(labels).map(([key, value]) => ({ key, operator: 'In', values: [value] })) } })),
});
const [foo, keyed, all] = [{ foo: 'bar' }, { key: 'value' }, { foo: 'bar', key: 'value', az: 'az1' }];
const byNodes = (nodeAffinity: NodeAffinity): Pod => tablePod({}, [], { affinity: { nodeAffinity } });
const labelled = [tableNode('node1', foo), tableNode('node2', keyed), tableNode('node3', { az: 'az1' })];

test.each<[string, Pod, readonly Node[], NodeAffinity | undefined, readonly number[] | 'skipped']>([
  ['none', tablePod(), labelled, undefined, 'skipped'],
  ['one node matches', byNodes(likes([2, foo])), labelled, undefined, [100, 0, 0]],
  ['weights are summed', byNodes(likes([2, foo], [4, keyed], [5, all])), [tableNode('node1', foo), tableNode('node5', all), tableNode('node2', keyed)], undefined, [18, 100, 36]],
  ['added affinity', tablePod(), labelled.slice(0, 2), likes([2, foo]), [100, 0]],
  ['added affinity and the pod\'s', byNodes(likes([2, foo])), [tableNode('node1', foo), tableNode('node2', keyed), tableNode('node3', all)], likes([3, keyed]), [40, 60, 100]],
])('NodeAffinity, %s', (_name, pod, nodes, addedAffinity, expected) => {
  expect(scoresOf('NodeAffinity', { pod, nodes, args: { nodeAffinity: addedAffinity === undefined ? {} : { addedAffinity } } })).toEqual(expected);
});

const mebibyte = 1024 * 1024;
const holding = (name: string, ...sizes: readonly number[]): Node =>
  ({ ...tableNode(name), status: { images: sizes.map((size) => ({ names: [`gcr.io/${size}:latest`], sizeBytes: size * mebibyte })) } });
const images = (...sizes: readonly number[]): Pod => tablePod({}, [], { containers: sizes.map((size) => ({ name: `c${size}`, image: `gcr.io/${size}` })) });
const imageNodes = { a: holding('node1', 40, 300, 2000), b: holding('node2', 250, 10), c: holding('node1', 4000, 30) };

test.each<[string, Pod, readonly Node[], readonly number[]]>([
  ['the larger image wins', images(40, 250), [imageNodes.a, imageNodes.b], [0, 5]],
  ['two images on one node', images(40, 300), [imageNodes.a, imageNodes.b], [7, 0]],
  ['no more than the limit', images(10, 4000), [imageNodes.c, imageNodes.b], [100, 0]],
  ['an image counts by the nodes that have it', images(10, 4000), [imageNodes.c, imageNodes.b, tableNode('node3')], [66, 0, 0]],
  ['init containers count', tablePod({}, [], { containers: [{ name: 'c', image: 'gcr.io/30' }], initContainers: [{ name: 'i', image: 'gcr.io/300' }] }), [imageNodes.a, holding('node2', 20, 30, 40)], [6, 0]],
])('ImageLocality, %s', (_name, pod, nodes, expected) => {
  expect(scoresOf('ImageLocality', { pod, nodes })).toEqual(expected);
});

const term = (security: string, topologyKey: string, more: Partial<PodAffinityTerm> = {}): PodAffinityTerm =>
  ({ labelSelector: { matchExpressions: [{ key: 'security', operator: 'In', values: [security] }] }, topologyKey, ...more });
const prefers = (weight: number, podAffinityTerm: PodAffinityTerm): Affinity => ({ podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] } });
const avoids = (weight: number, podAffinityTerm: PodAffinityTerm): Affinity => ({ podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] } });
const needs = (podAffinityTerm: PodAffinityTerm): Affinity => ({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [podAffinityTerm] } });
const secure = (security: string, spec: Partial<PodSpec> = {}, namespace = 'default'): Pod => { const pod = tablePod({ security }, [], spec); return { ...pod, metadata: { ...pod.metadata, namespace } }; };
const [china, india, az] = [{ region: 'China' }, { region: 'India' }, { az: 'az1' }];
const regions = [tableNode('node1', china), tableNode('node2', india), tableNode('node3', az)];
const s1 = prefers(5, term('S1', 'region'));
const s2 = prefers(6, term('S2', 'region'));
const team = { namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['team1'] }] }, namespaces: ['subteam2.team2'] };
const teams = { namespaceLabels: (namespace: string): Readonly<Record<string, string>> => (namespace === 'subteam1.team1' ? { team: 'team1' } : {}) };

test.each<[string, Pod, readonly Node[], readonly Pod[], Partial<PluginArgs['interPodAffinity']>, readonly number[] | 'skipped']>([
  ['no preference anywhere', secure('S1'), regions, [], {}, 'skipped'],
  ['the region with the pod', secure('S1', { affinity: s1 }), regions, [secure('S1', { nodeName: 'node1' }), secure('S2', { nodeName: 'node2' }), secure('S1', { nodeName: 'node3' })], {}, [100, 0, 0]],
  ['the region with more of them', secure('S1', { affinity: s2 }), [...regions.slice(0, 2), tableNode('node4', china)],
    ['node1', 'node1', 'node2', 'node4'].map((nodeName) => secure('S2', { nodeName })), {}, [100, 0, 100]],
  ['those there prefer it', secure('S2'), regions, [secure('S1', { nodeName: 'node1', affinity: s1 }), secure('S2', { nodeName: 'node2', affinity: s2 })], {}, [0, 100, 0]],
  ['those there need it', secure('S1'), regions, [secure('S1', { nodeName: 'node1', affinity: needs(term('S1', 'region')) }), secure('S2', { nodeName: 'node2', affinity: needs(term('S1', 'region')) })], {}, [100, 100, 0]],
  ['those there need it, and that weighs nothing', secure('S1'), regions, [secure('S1', { nodeName: 'node1', affinity: needs(term('S1', 'region')) })], { hardPodAffinityWeight: 0 }, 'skipped'],
  ['away from its like', secure('S1', { affinity: avoids(5, term('S1', 'az')) }), [tableNode('node1', az), tableNode('node2', china)], [secure('S1', { nodeName: 'node1' }), secure('S2', { nodeName: 'node2' })], {}, [0, 100]],
  ['those there, of namespaces by label, prefer it', secure('S1', {}, 'subteam1.team1'), regions, [secure('S1', { nodeName: 'node1', affinity: prefers(5, term('S1', 'region', team)) }), secure('S2', { nodeName: 'node2', affinity: s2 })], {}, [100, 0, 0]],
  ['those there, of namespaces by label, avoid it', secure('S1', {}, 'subteam1.team1'), regions, [secure('S1', { nodeName: 'node1', affinity: avoids(5, term('S1', 'region', team)) }), secure('S2', { nodeName: 'node2', affinity: s2 })], {}, [0, 100, 100]],
  ['preferences of those there are ignored', secure('S2'), regions.slice(0, 2), [secure('S2', { nodeName: 'node2', affinity: s2 })], { ignorePreferredTermsOfExistingPods: true }, 'skipped'],
  ['preferences of those there are not ignored', secure('S2'), regions.slice(0, 2), [secure('S2', { nodeName: 'node2', affinity: s2 })], { ignorePreferredTermsOfExistingPods: false }, [0, 100]],
])('InterPodAffinity, %s', (_name, pod, nodes, placed, args, expected) => {
  expect(scoresOf('InterPodAffinity', { pod, nodes, placed, args: { interPodAffinity: { ...defaultPluginArgs.interPodAffinity, ...args } }, handle: teams })).toEqual(expected);
});
