import fc from 'fast-check';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { SlowCluster } from './slow-model.ts';

/** Small worlds, in which things collide often. */
const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const some = <T>(arbitrary: fc.Arbitrary<T>, max = 2): fc.Arbitrary<T[]> => fc.array(arbitrary, { maxLength: max });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

/** Leaves out what is undefined, as JSON does. */
function plain<T>(value: unknown): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const labels = fc.record({ zone: pick('a', 'b'), disk: pick('ssd', 'hdd'), rank: pick('1', '5', 'x') }, { requiredKeys: [] });
const podLabels = fc.record({ app: pick('web', 'db'), version: pick('1', '2') }, { requiredKeys: [] });
const expression = fc.oneof(
  fc.record({ key: pick('zone', 'disk', 'app', 'version', 'team'), operator: pick('In', 'NotIn'), values: fc.array(pick('a', 'b', 'ssd', 'web', '1', 'red'), { minLength: 1, maxLength: 2 }) }),
  fc.record({ key: pick('zone', 'disk', 'app', 'team'), operator: pick('Exists', 'DoesNotExist') }));
const nodeExpression = fc.oneof(expression, fc.record({ key: fc.constant('rank'), operator: pick('Gt', 'Lt'), values: pick(['2'], ['5']) }));
const selector = fc.record({ matchLabels: podLabels, matchExpressions: some(expression, 1) }, { requiredKeys: [] });
const field = fc.record({ key: fc.constant('metadata.name'), operator: pick('In', 'NotIn'), values: fc.array(pick('n0', 'n1', 'n2'), { minLength: 1, maxLength: 1 }) });
const nodeTerm = fc.record({ matchExpressions: some(nodeExpression), matchFields: some(field, 1) }, { requiredKeys: [] });
const taint = fc.record({ key: pick('dedicated', 'broken'), value: pick('x', 'y'), effect: pick('NoSchedule', 'NoExecute', 'PreferNoSchedule') });
const toleration = fc.oneof(
  fc.record({ key: pick('dedicated', 'broken'), value: pick('x', 'y'), effect: maybe(pick('NoSchedule', 'NoExecute')) }),
  fc.record({ key: maybe(pick('dedicated', 'node.kubernetes.io/unschedulable')), operator: fc.constant('Exists'), effect: maybe(pick('NoSchedule', 'NoExecute')) }));
const podTerm = fc.record({
  topologyKey: pick('zone', 'kubernetes.io/hostname'), labelSelector: maybe(selector), namespaces: maybe(fc.constant(['blue'])),
  namespaceSelector: maybe(fc.oneof(fc.constant({}), fc.constant({ matchLabels: { team: 'red' } }))),
});
const spread = fc.record({
  topologyKey: pick('zone', 'kubernetes.io/hostname'), maxSkew: pick(1, 2), whenUnsatisfiable: pick('DoNotSchedule', 'ScheduleAnyway'), labelSelector: selector,
  minDomains: maybe(pick(1, 2, 3)), nodeAffinityPolicy: maybe(pick('Honor', 'Ignore')), nodeTaintsPolicy: maybe(pick('Honor', 'Ignore')), matchLabelKeys: maybe(fc.constant(['version'])),
});
const requests = fc.record({ cpu: pick('0', '1', '2'), memory: pick('1', '3'), 'example.com/gpu': pick('1') }, { requiredKeys: [] });
const container = fc.record({
  name: fc.constant('c'), resources: fc.record({ requests }),
  ports: maybe(fc.array(fc.record({ containerPort: fc.constant(80), hostPort: pick(80, 81), hostIP: maybe(pick('10.0.0.1', '10.0.0.2')), protocol: maybe(pick('TCP', 'UDP')) }), { maxLength: 1 })),
});
const initContainer = fc.record({ name: fc.constant('i'), resources: fc.record({ requests }), restartPolicy: maybe(fc.constant('Always')) });

function podArbitrary(nodeNames: fc.Arbitrary<string | undefined>): fc.Arbitrary<Pod> {
  return fc.record({
    metadata: fc.record({ name: fc.uuid(), namespace: pick('red', 'blue'), labels: podLabels, uid: fc.uuid(), deletionTimestamp: maybe(fc.constant('2026-01-01T00:00:00Z')) }),
    spec: fc.record({
      nodeName: nodeNames, containers: fc.array(container, { minLength: 1, maxLength: 2 }), initContainers: some(initContainer), overhead: maybe(fc.constant({ cpu: '1' })),
      nodeSelector: maybe(fc.record({ zone: pick('a', 'b') })), tolerations: some(toleration), topologySpreadConstraints: maybe(some(spread)),
      affinity: fc.record({
        nodeAffinity: maybe(fc.record({ requiredDuringSchedulingIgnoredDuringExecution: fc.record({ nodeSelectorTerms: fc.array(nodeTerm, { minLength: 1, maxLength: 2 }) }) })),
        podAffinity: maybe(fc.record({ requiredDuringSchedulingIgnoredDuringExecution: some(podTerm) })),
        podAntiAffinity: maybe(fc.record({ requiredDuringSchedulingIgnoredDuringExecution: some(podTerm, 1) })),
      }),
    }),
  }).map((pod) => plain<Pod>(pod));
}

function nodeArbitrary(index: number): fc.Arbitrary<Node> {
  return fc.record({
    labels, hasHostname: fc.boolean(), taints: some(taint), unschedulable: maybe(fc.boolean()),
    allocatable: fc.record({ cpu: pick('2', '6', '12'), memory: pick('6', '20'), pods: pick('2', '4', '20'), 'example.com/gpu': maybe(pick('0', '2')) }),
  }).map(({ labels: own, hasHostname, taints, unschedulable, allocatable }) => plain<Node>({
    metadata: { name: `n${index}`, labels: { ...own, ...(hasHostname ? { 'kubernetes.io/hostname': `n${index}` } : {}) } }, spec: { taints, unschedulable }, status: { allocatable },
  }));
}

export interface Question { readonly cluster: SlowCluster; readonly pod: Pod }

export const question: fc.Arbitrary<Question> = fc.integer({ min: 1, max: 5 }).chain((count) => fc.record({
  pod: podArbitrary(fc.constant(undefined)),
  cluster: fc.record({
    nodes: fc.tuple(...Array.from({ length: count }, (_, index) => nodeArbitrary(index))),
    pods: fc.array(podArbitrary(fc.integer({ min: 0, max: count - 1 }).map((index) => `n${index}`)), { maxLength: 8 }),
    namespaces: fc.constant({ red: { team: 'red' }, blue: {} }),
  }),
}));
