import fc from 'fast-check';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { SlowCluster, SlowStorage } from './slow-model.ts';

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

const volume = fc.oneof(
  { weight: 4, arbitrary: fc.record({ name: fc.constant('v'), persistentVolumeClaim: fc.record({ claimName: fc.oneof({ weight: 12, arbitrary: pick('c0', 'c1', 'c2', 'c3', 'c4') }, { weight: 1, arbitrary: pick('gone') }) }) }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('v'), gcePersistentDisk: fc.record({ pdName: pick('d0', 'd1'), readOnly: maybe(fc.boolean()) }) }) });
const zoneKey = 'topology.kubernetes.io/zone';
const driver = 'disk.example.com';

/** Two of the claims of each namespace are bound to volumes, the others are not, or not yet. */
function claimArbitrary(namespace: string, index: number): fc.Arbitrary<unknown> {
  const bound = index < 2;
  return fc.record({
    metadata: fc.record({
      name: fc.constant(`c${index}`), namespace: fc.constant(namespace), uid: fc.constant(`${namespace}-c${index}`), resourceVersion: fc.constant('1'),
      annotations: bound ? fc.constant({ 'pv.kubernetes.io/bind-completed': 'yes' }) : fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant({ 'volume.kubernetes.io/selected-node': 'n0' }) }),
    }),
    spec: fc.record({
      accessModes: pick(['ReadWriteOnce'], ['ReadWriteOncePod'], ['ReadWriteOnce']), resources: fc.record({ requests: fc.record({ storage: pick('1', '3') }) }),
      storageClassName: fc.oneof({ weight: 8, arbitrary: pick('local', 'fast') }, { weight: 1, arbitrary: pick('now') }), volumeName: fc.constant(bound ? `${namespace}-v${index}` : undefined),
    }),
  });
}

const reach = maybe(fc.record({ required: fc.record({ nodeSelectorTerms: fc.array(fc.record({ matchExpressions: fc.array(nodeExpression, { minLength: 1, maxLength: 1 }) }), { minLength: 1, maxLength: 1 }) }) }));

function volumeArbitrary(name: string, isFree: boolean): fc.Arbitrary<unknown> {
  return fc.record({
    metadata: fc.record({ name: fc.constant(name), labels: maybe(fc.record({ [zoneKey]: pick('a', 'b', 'a__b') })) }),
    spec: fc.record({
      capacity: fc.record({ storage: pick('1', '2', '5') }), accessModes: pick(['ReadWriteOnce'], ['ReadWriteOnce', 'ReadWriteOncePod']), storageClassName: isFree ? pick('local', 'fast') : fc.constant('fast'), nodeAffinity: reach,
      csi: isFree ? fc.constant(undefined) : maybe(fc.record({ driver: fc.constant(driver), volumeHandle: pick('h0', 'h1', 'h2') })),
      claimRef: fc.constant(isFree ? undefined : { name: 'taken' }),
    }),
    status: fc.record({ phase: isFree ? pick('Available', 'Available', 'Released') : fc.constant('Bound') }),
  });
}

const namespaces = ['red', 'blue'];
const storage: fc.Arbitrary<SlowStorage> = fc.record({
  claims: fc.tuple(...namespaces.flatMap((namespace) => [0, 1, 2, 3, 4].map((index) => claimArbitrary(namespace, index)))),
  volumes: fc.tuple(...namespaces.flatMap((namespace) => [0, 1].map((index) => volumeArbitrary(`${namespace}-v${index}`, false))), ...[0, 1, 2].map((index) => volumeArbitrary(`free${index}`, true)))
    .map((volumes) => volumes.filter((_volume, index) => index !== 1)),
  classes: fc.record({
    allowed: maybe(fc.record({ matchLabelExpressions: fc.constant([{ key: 'zone', values: ['a'] }]) })),
  }).map(({ allowed }) => [
    { metadata: { name: 'local' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' },
    { metadata: { name: 'fast' }, provisioner: driver, volumeBindingMode: 'WaitForFirstConsumer', allowedTopologies: allowed === undefined ? undefined : [allowed] },
    { metadata: { name: 'now' }, provisioner: driver, volumeBindingMode: 'Immediate' },
  ]),
  csiNodes: some(fc.record({ metadata: fc.record({ name: pick('n0', 'n1') }), spec: fc.record({ drivers: fc.tuple(fc.record({ name: fc.constant(driver), nodeID: fc.constant('x'), allocatable: maybe(fc.record({ count: pick(1, 2) })) })) }) })),
  csiDrivers: some(fc.record({ metadata: fc.constant({ name: driver }), spec: fc.record({ storageCapacity: fc.boolean() }) }), 1),
  capacities: some(fc.record({ metadata: fc.record({ name: fc.uuid() }), storageClassName: pick('fast', 'local'), capacity: pick('2', '4'), nodeTopology: maybe(pick({}, { matchLabels: { zone: 'a' } })) })),
  attachments: some(fc.record({ metadata: fc.record({ name: fc.uuid() }), spec: fc.record({ attacher: fc.constant(driver), nodeName: pick('n0', 'n1'), source: fc.record({ persistentVolumeName: pick('red-v0', 'blue-v0') }) }) })),
}).map((objects) => plain<SlowStorage>(objects));

/** Pods that differ in their volumes and little else. */
function podWithVolumes(nodeNames: fc.Arbitrary<string | undefined>): fc.Arbitrary<Pod> {
  return fc.record({
    metadata: fc.record({ name: fc.uuid(), namespace: pick('red', 'blue'), labels: podLabels, uid: fc.uuid() }),
    spec: fc.record({ nodeName: nodeNames, containers: fc.constant([{ name: 'c' }]), nodeSelector: maybe(fc.record({ zone: pick('a', 'b') })), volumes: fc.array(volume, { minLength: 1, maxLength: 2 }) }),
  }).map((pod) => plain<Pod>(pod));
}

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

const volumeNodeLabels = fc.record({ zone: pick('a', 'b'), disk: pick('ssd', 'hdd'), rank: pick('1', '5'), [zoneKey]: pick('a', 'b') }, { requiredKeys: ['disk'] });

function nodeWithVolumes(index: number): fc.Arbitrary<Node> {
  return volumeNodeLabels.map((own) => plain<Node>({ metadata: { name: `n${index}`, labels: own }, spec: {}, status: { allocatable: { cpu: '4', memory: '20', pods: '20' } } }));
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

const noStorage: SlowStorage = { claims: [], volumes: [], classes: [], csiNodes: [], csiDrivers: [], capacities: [], attachments: [] };

interface Kind { readonly pod: typeof podArbitrary; readonly node: typeof nodeArbitrary; readonly storage: fc.Arbitrary<SlowStorage> }

function questions({ pod, node, storage: objects }: Kind): fc.Arbitrary<Question> {
  return fc.integer({ min: 1, max: 5 }).chain((count) => fc.record({
    pod: pod(fc.constant(undefined)),
    cluster: fc.record({
      nodes: fc.tuple(...Array.from({ length: count }, (_, index) => node(index))),
      pods: fc.array(pod(fc.integer({ min: 0, max: count - 1 }).map((index) => `n${index}`)), { maxLength: 8 }),
      namespaces: fc.constant({ red: { team: 'red' }, blue: {} }), storage: objects,
    }),
  }));
}

export const question = questions({ pod: podArbitrary, node: nodeArbitrary, storage: fc.constant(noStorage) });
export const volumeQuestion = questions({ pod: podWithVolumes, node: nodeWithVolumes, storage });
