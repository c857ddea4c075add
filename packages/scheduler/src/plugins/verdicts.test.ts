import type { Affinity, ContainerPort, Node, NodeAffinity, Pod, PodAffinityTerm, PodSpec, Taint, Toleration, TopologySpreadConstraint } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import type { PluginArgs } from '../config.ts';
import { tableNode, tablePod, verdictsOf } from '../testing/plugin-table.ts';

// Reasons and outcomes as upstream's sources and tests of v1.32 have them.

const onNode = (name: string, labels: Readonly<Record<string, string>>): Node => tableNode(name, { node: name, ...labels });
const zoned = [onNode('node-a', { zone: 'zone1' }), onNode('node-b', { zone: 'zone1' }), onNode('node-x', { zone: 'zone2' }), onNode('node-y', { zone: 'zone2' })];
const named = ['node-a', 'node-b', 'node-c'].map((name) => onNode(name, {}));
const foo = (nodeName: string, labels: Readonly<Record<string, string>> = {}, spec: Partial<PodSpec> = {}): Pod => tablePod({ foo: '', ...labels }, [], { nodeName, ...spec });
/** So many pods on each of the nodes, in order. */
const spreadAs = (nodes: readonly Node[], counts: readonly number[]): Pod[] => counts.flatMap((count, at) => Array.from({ length: count }, () => foo(nodes[at]?.metadata?.name ?? '')));
const constraint = (topologyKey: string, maxSkew = 1, more: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint =>
  ({ topologyKey, maxSkew, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchExpressions: [{ key: 'foo', operator: 'Exists' }] }, ...more });
const spreads = (constraints: readonly TopologySpreadConstraint[], spec: Partial<PodSpec> = {}, labels: Readonly<Record<string, string>> = { foo: '' }): Pod => tablePod(labels, [], { topologySpreadConstraints: [...constraints], ...spec });
const skew = 'Unschedulable: node(s) didn\'t match pod topology spread constraints';
const missing = 'UnschedulableAndUnresolvable: node(s) didn\'t match pod topology spread constraints (missing required label)';
const colored = ['node-a', 'node-b', 'node-x', 'node-y'].map((name) => onNode(name, name === 'node-y' ? {} : { foo: '' }));
const taintedLast = ['node-a', 'node-b', 'node-x', 'node-y'].map((name) => tableNode(name, { node: name }, {}, name === 'node-y' ? { taints: [{ key: 'bar', value: '', effect: 'NoSchedule' }] } : {}));

test.each<[string, Pod, readonly Node[], readonly Pod[], readonly string[]]>([
  ['2/1/0/3 by node', spreads([constraint('node')]), zoned, spreadAs(zoned, [2, 1, 0, 3]), [skew, skew, '', skew]],
  ['2/1/0/3 by node, a skew of two', spreads([constraint('node', 2)]), zoned, spreadAs(zoned, [2, 1, 0, 3]), [skew, '', '', skew]],
  ['2/1/0/3, but the pod is not one of them', spreads([constraint('node')], {}, { bar: '' }), zoned, spreadAs(zoned, [2, 1, 0, 3]), [skew, '', '', skew]],
  ['3/3 by zone', spreads([constraint('zone')]), zoned, spreadAs(zoned, [2, 1, 0, 3]), ['', '', '', '']],
  ['no such label', spreads([constraint('rack')]), zoned, [], [missing, missing, missing, missing]],
  ['terminating pods do not count', spreads([constraint('node')]), named.slice(0, 2), [foo('node-b'), { ...foo('node-a'), metadata: { ...foo('node-a').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }], ['', skew]],
  ['fewer domains than minDomains', spreads([constraint('node', 2, { minDomains: 4 })]), named, spreadAs(named, [2, 2, 1]), [skew, skew, '']],
  ['more domains than minDomains', spreads([constraint('node', 2, { minDomains: 2 })]), named, spreadAs(named, [2, 2, 1]), ['', '', '']],
  ['fewer zones than minDomains', spreads([constraint('zone', 2, { minDomains: 3 })]), zoned, spreadAs(zoned, [1, 1, 0, 1]), [skew, skew, '', '']],
  ['nodeAffinityPolicy honoured by default', spreads([constraint('node')], { nodeSelector: { foo: '' } }), colored, spreadAs(colored, [1, 1, 0, 1]), [skew, skew, '', '']],
  ['nodeAffinityPolicy ignored', spreads([constraint('node', 1, { nodeAffinityPolicy: 'Ignore' })], { nodeSelector: { foo: '' } }), colored, spreadAs(colored, [1, 1, 0, 1]), [skew, skew, '', skew]],
  ['nodeTaintsPolicy honoured', spreads([constraint('node', 1, { nodeTaintsPolicy: 'Honor' })]), taintedLast, spreadAs(taintedLast, [1, 1, 0, 1]), [skew, skew, '', '']],
  ['nodeTaintsPolicy ignored by default', spreads([constraint('node')]), taintedLast, spreadAs(taintedLast, [1, 1, 0, 1]), [skew, skew, '', skew]],
  ['matchLabelKeys: only pods of the same value count', spreads([constraint('node', 1, { matchLabelKeys: ['hash'] })], {}, { foo: '', hash: '2' }), named.slice(0, 2), [foo('node-a', { hash: '1' }), foo('node-a', { hash: '1' }), foo('node-b', { hash: '2' })], ['', skew]],
  ['zone and node, 3/3 and 2/1/0/3', spreads([constraint('zone'), constraint('node')]), zoned, spreadAs(zoned, [2, 1, 0, 3]), [skew, skew, '', skew]],
  ['zone and node, 3/4 and 2/1/0/4', spreads([constraint('zone'), constraint('node')]), zoned, spreadAs(zoned, [2, 1, 0, 4]), [skew, skew, skew, skew]],
])('PodTopologySpread, %s', (_name, pod, nodes, placed, expected) => {
  expect(verdictsOf('PodTopologySpread', { pod, nodes, placed })).toEqual(expected);
});

test('PodTopologySpread, constraints by default', () => {
  const args: Partial<PluginArgs> = { podTopologySpread: { defaultingType: 'List', defaultConstraints: [{ maxSkew: 1, topologyKey: 'node', whenUnsatisfiable: 'DoNotSchedule' }] } };
  const selector = { key: 'service', matches: (labels: Readonly<Record<string, string>>): boolean => Object.hasOwn(labels, 'foo') };
  const question = { nodes: named.slice(0, 2), placed: [foo('node-a')], args };
  expect(verdictsOf('PodTopologySpread', { ...question, pod: tablePod({ foo: '' }), handle: { owningSelectors: () => [selector] } })).toEqual([skew, '']);
  expect(verdictsOf('PodTopologySpread', { ...question, pod: tablePod({ foo: '' }) })).toEqual(['', '']);
  expect(verdictsOf('PodTopologySpread', { ...question, pod: spreads([constraint('node', 9)]), handle: { owningSelectors: () => [selector] } })).toEqual(['', '']);
});

const tainted = (...taints: readonly Taint[]): Node[] => [tableNode('n', {}, {}, { taints: [...taints] })];
const dedicated: Taint = { key: 'dedicated', value: 'user1', effect: 'NoSchedule' };
const untolerated = 'UnschedulableAndUnresolvable: node(s) had untolerated taint {dedicated: user1}';

test.each<[string, readonly Toleration[], readonly Node[], string]>([
  ['none', [], tainted(dedicated), untolerated],
  ['equal without an operator', [{ key: 'dedicated', value: 'user1', effect: 'NoSchedule' }], tainted(dedicated), ''],
  ['another value', [{ key: 'dedicated', operator: 'Equal', value: 'user2', effect: 'NoSchedule' }], tainted(dedicated), untolerated],
  ['whatever the value', [{ key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' }], tainted(dedicated), ''],
  ['one of two', [{ key: 'dedicated', operator: 'Equal', value: 'user2', effect: 'NoSchedule' }, { key: 'foo', operator: 'Exists', effect: 'NoSchedule' }], tainted(dedicated, { key: 'foo', value: 'bar', effect: 'NoSchedule' }), untolerated],
  ['another effect', [{ key: 'dedicated', operator: 'Equal', value: 'user1', effect: 'PreferNoSchedule' }], tainted(dedicated), untolerated],
  ['every effect', [{ key: 'dedicated', operator: 'Equal', value: 'user1' }], tainted(dedicated), ''],
  ['a soft taint refuses nobody', [], tainted({ ...dedicated, effect: 'PreferNoSchedule' }), ''],
  ['everything', [{ operator: 'Exists' }], tainted(dedicated, { key: 'x', effect: 'NoExecute' }), ''],
])('TaintToleration, %s', (_name, tolerations, nodes, expected) => {
  expect(verdictsOf('TaintToleration', { pod: tablePod({}, [], { tolerations: [...tolerations] }), nodes })).toEqual([expected]);
});

const required = (key: string, operator: string, ...values: readonly string[]): NodeAffinity =>
  ({ requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values: [...values] }] }] } });
const inField = (name: string): NodeAffinity => ({ requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }] } });
const [mismatch, enforced] = ['UnschedulableAndUnresolvable: node(s) didn\'t match Pod\'s node affinity/selector', 'UnschedulableAndUnresolvable: node(s) didn\'t match scheduler-enforced node affinity'];
const fooNode = [tableNode('node1', { foo: 'bar', gpu: '5' })];

test.each<[string, Partial<PodSpec>, NodeAffinity | undefined, readonly string[] | string]>([
  ['no selector', {}, undefined, ['']],
  ['selector', { nodeSelector: { foo: 'bar' } }, undefined, ['']],
  ['selector that the node has not', { nodeSelector: { foo: 'other' } }, undefined, [mismatch]],
  ['In', { affinity: { nodeAffinity: required('foo', 'In', 'bar', 'value2') } }, undefined, ['']],
  ['NotIn', { affinity: { nodeAffinity: required('foo', 'NotIn', 'bar') } }, undefined, [mismatch]],
  ['NotIn of a label that is not there', { affinity: { nodeAffinity: required('mem', 'NotIn', 'x') } }, undefined, ['']],
  ['Gt', { affinity: { nodeAffinity: required('gpu', 'Gt', '4') } }, undefined, ['']],
  ['Lt', { affinity: { nodeAffinity: required('gpu', 'Lt', '4') } }, undefined, [mismatch]],
  ['a term without anything', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{}] } } } }, undefined, [mismatch]],
  ['by name', { affinity: { nodeAffinity: inField('node1') } }, undefined, ['']],
  ['by another name', { affinity: { nodeAffinity: inField('node2') } }, undefined, [mismatch]],
  ['added affinity that matches', {}, required('foo', 'In', 'bar'), ['']],
  ['added affinity that does not', {}, required('foo', 'In', 'other'), [enforced]],
  ['added affinity matches, the pod\'s does not', { nodeSelector: { foo: 'x' } }, required('foo', 'In', 'bar'), [mismatch]],
])('NodeAffinity, %s', (_name, spec, addedAffinity, expected) => {
  expect(verdictsOf('NodeAffinity', { pod: tablePod({}, [], spec), nodes: fooNode, args: { nodeAffinity: addedAffinity === undefined ? {} : { addedAffinity } } })).toEqual(expected);
});

const ports = (...list: readonly (readonly [protocol: string, ip: string, port: number])[]): ContainerPort[] => list.map(([protocol, hostIP, hostPort]) => ({ containerPort: hostPort, protocol, hostIP, hostPort }));
const taken = 'Unschedulable: node(s) didn\'t have free ports for the requested pod ports';

test.each<[string, readonly ContainerPort[], readonly ContainerPort[], string]>([
  ['other port', ports(['UDP', '127.0.0.1', 8080]), ports(['UDP', '127.0.0.1', 9090]), ''],
  ['same udp port', ports(['UDP', '127.0.0.1', 8080]), ports(['UDP', '127.0.0.1', 8080]), taken],
  ['same tcp port', ports(['TCP', '127.0.0.1', 8080]), ports(['TCP', '127.0.0.1', 8080]), taken],
  ['other address', ports(['TCP', '127.0.0.1', 8080]), ports(['TCP', '127.0.0.2', 8080]), ''],
  ['other protocol', ports(['UDP', '127.0.0.1', 8080]), ports(['TCP', '127.0.0.1', 8080]), ''],
  ['second of two', ports(['UDP', '127.0.0.1', 8000], ['UDP', '127.0.0.1', 8080]), ports(['UDP', '127.0.0.1', 8080]), taken],
  ['all addresses asked for', ports(['TCP', '0.0.0.0', 8001]), ports(['TCP', '127.0.0.1', 8001]), taken],
  ['all addresses in use', ports(['TCP', '127.0.0.1', 8001]), ports(['TCP', '0.0.0.0', 8001]), taken],
  ['all addresses, another protocol', ports(['TCP', '0.0.0.0', 8001]), ports(['UDP', '127.0.0.1', 8001]), ''],
  ['all addresses, in words and without', ports(['UDP', '0.0.0.0', 8001]), ports(['UDP', '', 8001]), taken],
])('NodePorts, %s', (_name, wanted, used, expected) => {
  const with_ = (list: readonly ContainerPort[], nodeName?: string): Pod => tablePod({}, [], { containers: [{ name: 'c', image: 'i', ports: [...list] }], ...(nodeName === undefined ? {} : { nodeName }) });
  expect(verdictsOf('NodePorts', { pod: with_(wanted), nodes: [tableNode('m1')], placed: [with_(used, 'm1')] })).toEqual([expected]);
});

const near = (podAffinityTerm: PodAffinityTerm): Affinity => ({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [podAffinityTerm] } });
const far = (podAffinityTerm: PodAffinityTerm): Affinity => ({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [podAffinityTerm] } });
const service = (value: string, more: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({ labelSelector: { matchLabels: { service: value } }, topologyKey: 'zone', ...more });
const serving = (value: string, spec: Partial<PodSpec> = {}, namespace = 'default'): Pod => { const pod = tablePod({ service: value }, [], spec); return { ...pod, metadata: { ...pod.metadata, namespace } }; };
const [noRule, noAnti, existing] = ['UnschedulableAndUnresolvable: node(s) didn\'t match pod affinity rules', 'Unschedulable: node(s) didn\'t match pod anti-affinity rules', 'Unschedulable: node(s) didn\'t satisfy existing pods anti-affinity rules'];
const pair = [zoned[0] as Node, zoned[2] as Node];
const red = { namespaceLabels: (namespace: string): Readonly<Record<string, string>> => (namespace === 'red' ? { team: 'red' } : {}) };

test.each<[string, Pod, readonly Pod[], readonly string[]]>([
  ['near one that is there', serving('b', { affinity: near(service('a')) }), [serving('a', { nodeName: 'node-a' })], ['', noRule]],
  ['near one that is nowhere', serving('b', { affinity: near(service('a')) }), [], [noRule, noRule]],
  ['near its own, the first of them', serving('a', { affinity: near(service('a')) }), [], ['', '']],
  ['near one of another namespace', serving('b', { affinity: near(service('a')) }), [serving('a', { nodeName: 'node-a' }, 'red')], [noRule, noRule]],
  ['near one of a named namespace', serving('b', { affinity: near(service('a', { namespaces: ['red'] })) }), [serving('a', { nodeName: 'node-a' }, 'red')], ['', noRule]],
  ['near one of a namespace by its label', serving('b', { affinity: near(service('a', { namespaceSelector: { matchLabels: { team: 'red' } } })) }), [serving('a', { nodeName: 'node-a' }, 'red')], ['', noRule]],
  ['near one of any namespace', serving('b', { affinity: near(service('a', { namespaceSelector: {} })) }), [serving('a', { nodeName: 'node-a' }, 'blue')], ['', noRule]],
  ['far from one that is there', serving('b', { affinity: far(service('a')) }), [serving('a', { nodeName: 'node-a' })], [noAnti, '']],
  ['one that is there wants to be far', serving('a'), [serving('b', { nodeName: 'node-a', affinity: far(service('a')) })], [existing, '']],
  ['one of another namespace wants to be far from its own', serving('a'), [serving('b', { nodeName: 'node-a', affinity: far(service('a')) }, 'red')], ['', '']],
])('InterPodAffinity, %s', (_name, pod, placed, expected) => {
  expect(verdictsOf('InterPodAffinity', { pod, nodes: pair, placed, handle: red })).toEqual(expected);
});

const gpu = { cpu: '10', memory: '20', 'example.com/aaa': '5', pods: '2' };
test.each<[string, readonly Readonly<Record<string, string>>[], Partial<PodSpec>, readonly Pod[], string]>([
  ['nothing asked', [], {}, [], ''],
  ['too much of two', [{ cpu: '6', memory: '16' }], {}, [tablePod({}, [{ cpu: '5', memory: '5' }], { nodeName: 'n' })], 'Unschedulable: Insufficient cpu, Insufficient memory'],
  ['an init container alone is too much', [{ cpu: '1', memory: '1' }], { initContainers: [{ name: 'i', image: 'i', resources: { requests: { cpu: '8', memory: '1' } } }] }, [tablePod({}, [{ cpu: '3' }], { nodeName: 'n' })], 'Unschedulable: Insufficient cpu'],
  ['sidecars add up', [{ cpu: '5' }], { initContainers: [{ name: 's', image: 'i', restartPolicy: 'Always', resources: { requests: { cpu: '6' } } }] }, [], 'Unschedulable: Insufficient cpu'],
  ['overhead counts', [{ cpu: '8' }], { overhead: { cpu: '3' } }, [], 'Unschedulable: Insufficient cpu'],
  ['an extended resource', [{ 'example.com/aaa': '6' }], {}, [], 'Unschedulable: Insufficient example.com/aaa'],
  ['one that the node does not have', [{ 'example.com/bbb': '1' }], {}, [], 'Unschedulable: Insufficient example.com/bbb'],
  ['too many pods', [], {}, [tablePod({}, [], { nodeName: 'n' }), tablePod({}, [], { nodeName: 'n' })], 'Unschedulable: Too many pods'],
])('NodeResourcesFit, %s', (_name, requests, spec, placed, expected) => {
  expect(verdictsOf('NodeResourcesFit', { pod: tablePod({}, requests, spec), nodes: [tableNode('n', {}, gpu)], placed })).toEqual([expected]);
});

test('NodeResourcesFit, resources that are ignored', () => {
  const fit = { ignoredResources: ['example.com/bbb'], ignoredResourceGroups: ['other.org'], scoringStrategy: { type: 'LeastAllocated', resources: [] } } as const;
  const pod = tablePod({}, [{ 'example.com/bbb': '1', 'other.org/x': '1' }]);
  expect(verdictsOf('NodeResourcesFit', { pod, nodes: [tableNode('n', {}, gpu)], args: { nodeResourcesFit: fit } })).toEqual(['']);
});
