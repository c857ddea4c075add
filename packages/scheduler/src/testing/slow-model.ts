import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, PodAffinityTerm, Taint, Toleration, NodeSelectorTerm } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from 'kubernetes-types/storage/v1';

/**
 * What each filter means, written down from the API's documentation in the plainest way: no caches, no counting ahead, the raw
 * objects only. The plugins must agree with it on every cluster.
 */
export interface SlowCluster {
  readonly nodes: readonly Node[];
  /** With spec.nodeName. */
  readonly pods: readonly Pod[];
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly storage: SlowStorage;
}

export interface SlowStorage {
  readonly claims: readonly PersistentVolumeClaim[];
  readonly volumes: readonly PersistentVolume[];
  readonly classes: readonly StorageClass[];
  readonly csiNodes: readonly CSINode[];
  readonly csiDrivers: readonly CSIDriver[];
  readonly capacities: readonly CSIStorageCapacity[];
  readonly attachments: readonly VolumeAttachment[];
}

type Labels = Readonly<Record<string, string>>;
export type SlowFilter = (pod: Pod, node: Node, cluster: SlowCluster) => boolean;

function labelsOf(object: Pod | Node): Labels { return object.metadata?.labels ?? {}; }

function holds(labels: Labels, { key, operator, values = [] }: { key: string; operator: string; values?: readonly string[] }): boolean {
  const value = labels[key];
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  if (value === undefined || Number.isNaN(Number(value))) return false;
  return operator === 'Gt' ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
}

function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) && (selector.matchExpressions ?? []).every((expression) => holds(labels, expression));
}

function termSelectsNode(term: NodeSelectorTerm, node: Node): boolean {
  const all = [...(term.matchExpressions ?? []).map((e) => holds(labelsOf(node), e)), ...(term.matchFields ?? []).map((e) => holds({ 'metadata.name': node.metadata?.name ?? '' }, e))];
  return all.length > 0 && all.every(Boolean);
}

const nodeAffinity: SlowFilter = (pod, node) => {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => labelsOf(node)[key] === value)
    && (terms === undefined || terms.some((term) => termSelectsNode(term, node)));
};

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some((toleration) => {
    if (toleration.effect !== undefined && toleration.effect !== taint.effect) return false;
    if (toleration.operator === 'Exists') return toleration.key === undefined || toleration.key === taint.key;
    return toleration.key === taint.key && (toleration.value ?? '') === (taint.value ?? '');
  });
}

const taintToleration: SlowFilter = (pod, node) =>
  (node.spec?.taints ?? []).every((taint) => taint.effect === 'PreferNoSchedule' || isTolerated(taint, pod.spec?.tolerations ?? []));

const nodeUnschedulable: SlowFilter = (pod, node) =>
  node.spec?.unschedulable !== true || isTolerated({ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }, pod.spec?.tolerations ?? []);

function podsOn(cluster: SlowCluster, node: Node): Pod[] {
  return cluster.pods.filter((pod) => pod.spec?.nodeName === node.metadata?.name);
}

/** Only whole numbers are generated: cores, bytes. */
function effectiveRequest(pod: Pod, resource: string): number {
  const of = (list: readonly { resources?: { requests?: Record<string, string> } }[]): number[] => list.map((container) => Number(container.resources?.requests?.[resource] ?? 0));
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const init = pod.spec?.initContainers ?? [];
  const isSidecar = (container: object): boolean => (container as { restartPolicy?: string }).restartPolicy === 'Always';
  const running = sum(of(pod.spec?.containers ?? [])) + sum(of(init.filter(isSidecar)));
  const moments = init.map((container, index) => sum(of([...init.slice(0, index).filter(isSidecar), container])));
  return Math.max(running, ...moments) + Number((pod.spec?.overhead as Record<string, string> | undefined)?.[resource] ?? 0);
}

const fit: SlowFilter = (pod, node, cluster) => {
  const there = podsOn(cluster, node);
  const allocatable = (node.status?.allocatable ?? {}) as Record<string, string>;
  if (there.length >= Number(allocatable['pods'])) return false;
  return ['cpu', 'memory', 'example.com/gpu'].every((resource) => {
    const wanted = effectiveRequest(pod, resource);
    return wanted === 0 || wanted + there.reduce((used, other) => used + effectiveRequest(other, resource), 0) <= Number(allocatable[resource] ?? 0);
  });
};

function hostPorts(pod: Pod): { ip: string; protocol: string; port: number }[] {
  return (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort !== undefined).map((port) => ({ ip: port.hostIP ?? '0.0.0.0', protocol: port.protocol ?? 'TCP', port: port.hostPort as number }));
}

const nodePorts: SlowFilter = (pod, node, cluster) => hostPorts(pod).every((mine) => podsOn(cluster, node).flatMap(hostPorts).every((other) =>
  mine.port !== other.port || mine.protocol !== other.protocol || (mine.ip !== other.ip && mine.ip !== '0.0.0.0' && other.ip !== '0.0.0.0')));

function termSelectsPod(term: PodAffinityTerm, owner: Pod, target: Pod, cluster: SlowCluster): boolean {
  const space = target.metadata?.namespace ?? '';
  const listed = term.namespaces ?? [];
  const inSpace = listed.includes(space) || (term.namespaceSelector !== undefined && selects(term.namespaceSelector, cluster.namespaces[space] ?? {}))
    || (listed.length === 0 && term.namespaceSelector === undefined && space === owner.metadata?.namespace);
  return inSpace && selects(term.labelSelector, labelsOf(target));
}

function sameDomain(cluster: SlowCluster, key: string, node: Node, pod: Pod): boolean {
  const other = cluster.nodes.find((candidate) => candidate.metadata?.name === pod.spec?.nodeName);
  const value = labelsOf(node)[key];
  return other !== undefined && value !== undefined && labelsOf(other)[key] === value;
}

const antiTerms = (pod: Pod): readonly PodAffinityTerm[] => pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

const interPodAffinity: SlowFilter = (pod, node, cluster) => {
  const terms = pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  // A pod attracts only if it matches every term.
  const attracting = cluster.pods.filter((other) => terms.every((term) => termSelectsPod(term, pod, other, cluster)));
  const onKnownDomain = attracting.filter((other) => terms.some((term) => cluster.nodes.some((candidate) => sameDomain(cluster, term.topologyKey, candidate, other))));
  const first = onKnownDomain.length === 0 && terms.every((term) => termSelectsPod(term, pod, pod, cluster));
  const hasKeys = terms.every((term) => labelsOf(node)[term.topologyKey] !== undefined);
  const attracted = terms.length === 0 || (hasKeys && (first || terms.every((term) => attracting.some((other) => sameDomain(cluster, term.topologyKey, node, other)))));
  const repelled = antiTerms(pod).some((term) => cluster.pods.some((other) => termSelectsPod(term, pod, other, cluster) && sameDomain(cluster, term.topologyKey, node, other)));
  const unwanted = cluster.pods.some((other) => antiTerms(other).some((term) => termSelectsPod(term, other, pod, cluster) && sameDomain(cluster, term.topologyKey, node, other)));
  return attracted && !repelled && !unwanted;
};

const podTopologySpread: SlowFilter = (pod, node, cluster) => {
  const hard = (pod.spec?.topologySpreadConstraints ?? []).filter((constraint) => constraint.whenUnsatisfiable === 'DoNotSchedule');
  const hasKeys = (candidate: Node): boolean => hard.every((constraint) => labelsOf(candidate)[constraint.topologyKey] !== undefined);
  return hard.every((constraint) => {
    const domain = labelsOf(node)[constraint.topologyKey];
    if (domain === undefined) return false;
    const keys = (constraint.matchLabelKeys ?? []).filter((key) => labelsOf(pod)[key] !== undefined);
    const counts = (other: Pod): boolean => selects(constraint.labelSelector, labelsOf(other)) && keys.every((key) => labelsOf(other)[key] === labelsOf(pod)[key]);
    // Upstream counts nobody by a selector that asks for nothing.
    const { matchLabels = {}, matchExpressions = [] } = constraint.labelSelector ?? {};
    const asks = keys.length + Object.keys(matchLabels).length + matchExpressions.length > 0;
    const eligible = cluster.nodes.filter((candidate) => hasKeys(candidate)
      && (constraint.nodeAffinityPolicy === 'Ignore' || nodeAffinity(pod, candidate, cluster)) && (constraint.nodeTaintsPolicy !== 'Honor' || taintToleration(pod, candidate, cluster)));
    const inDomain = (name: string): number => cluster.pods.filter((other) => asks && counts(other) && other.metadata?.namespace === pod.metadata?.namespace && other.metadata?.deletionTimestamp === undefined
      && eligible.some((candidate) => candidate.metadata?.name === other.spec?.nodeName && labelsOf(candidate)[constraint.topologyKey] === name)).length;
    const domains = [...new Set(eligible.map((candidate) => labelsOf(candidate)[constraint.topologyKey] as string))];
    const least = domains.length < (constraint.minDomains ?? 1) ? 0 : Math.min(...domains.map(inDomain));
    return inDomain(domain) + (counts(pod) ? 1 : 0) - least <= constraint.maxSkew;
  });
};

const nodeName: SlowFilter = (pod, node) => (pod.spec?.nodeName ?? '') === '' || pod.spec?.nodeName === node.metadata?.name;

/** Claims of the pod; undefined if one of them is not there. Sizes of generated objects are whole numbers. */
function claimsOf(pod: Pod, { storage }: SlowCluster): PersistentVolumeClaim[] | undefined {
  const names = (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
  const found = names.map((name) => storage.claims.find(({ metadata }) => metadata?.name === name && metadata.namespace === pod.metadata?.namespace));
  return found.includes(undefined) ? undefined : found as PersistentVolumeClaim[];
}

function volumeOf(claim: PersistentVolumeClaim, { storage }: SlowCluster): PersistentVolume | undefined {
  return storage.volumes.find(({ metadata }) => metadata?.name === claim.spec?.volumeName);
}

function classOf(claim: PersistentVolumeClaim, { storage }: SlowCluster): StorageClass | undefined {
  return storage.classes.find(({ metadata }) => metadata?.name === claim.spec?.storageClassName);
}

const volumeRestrictions: SlowFilter = (pod, node, cluster) => {
  const claims = claimsOf(pod, cluster);
  if (claims === undefined) return false;
  const exclusive = claims.filter(({ spec }) => spec?.accessModes?.includes('ReadWriteOncePod')).map(({ metadata }) => metadata?.name);
  const elsewhere = cluster.pods.some((other) => other.metadata?.namespace === pod.metadata?.namespace
    && other.spec?.volumes?.some((volume) => volume.persistentVolumeClaim !== undefined && exclusive.includes(volume.persistentVolumeClaim.claimName)));
  const disks = (of: Pod): { name: string; readOnly: boolean }[] => (of.spec?.volumes ?? []).flatMap(({ gcePersistentDisk: disk }) => (disk === undefined ? [] : [{ name: disk.pdName, readOnly: disk.readOnly === true }]));
  const taken = podsOn(cluster, node).flatMap(disks);
  return !elsewhere && disks(pod).every((mine) => taken.every((other) => mine.name !== other.name || (mine.readOnly && other.readOnly)));
};

const nodeVolumeLimits: SlowFilter = (pod, node, cluster) => {
  const attached = (claims: readonly PersistentVolumeClaim[]): { driver: string; id: string }[] => claims.flatMap((claim) => {
    const volume = volumeOf(claim, cluster);
    if (volume !== undefined) return volume.spec?.csi === undefined ? [] : [{ driver: volume.spec.csi.driver, id: `handle ${volume.spec.csi.volumeHandle}` }];
    const made = classOf(claim, cluster);
    return made === undefined ? [] : [{ driver: made.provisioner, id: `claim ${claim.metadata?.namespace}/${claim.metadata?.name}` }];
  });
  const claims = claimsOf(pod, cluster);
  if (claims === undefined) return false;
  const mine = attached(claims);
  const there = podsOn(cluster, node).flatMap((other) => (other.spec?.volumes ?? []).flatMap((volume) =>
    attached(cluster.storage.claims.filter(({ metadata }) => metadata?.name === volume.persistentVolumeClaim?.claimName && metadata?.namespace === other.metadata?.namespace))));
  const hanging = cluster.storage.attachments.filter(({ spec }) => spec.nodeName === node.metadata?.name).flatMap(({ spec }) => {
    const csi = cluster.storage.volumes.find(({ metadata }) => metadata?.name === spec.source.persistentVolumeName)?.spec?.csi;
    return csi === undefined ? [] : [{ driver: spec.attacher, id: `handle ${csi.volumeHandle}` }];
  });
  const count = (list: readonly { driver: string; id: string }[], driver: string): number => new Set(list.filter((item) => item.driver === driver).map(({ id }) => id)).size;
  const limits = cluster.storage.csiNodes.find(({ metadata }) => metadata?.name === node.metadata?.name)?.spec.drivers ?? [];
  return limits.every(({ name: driver, allocatable }) => {
    const fresh = mine.filter(({ id }) => !there.some((other) => other.id === id));
    // What hangs there and is asked for again is counted twice, as upstream does.
    return allocatable?.count === undefined || count(fresh, driver) === 0 || count([...there, ...hanging], driver) + count(fresh, driver) <= allocatable.count;
  });
};

function canReach(volume: PersistentVolume, node: Node): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => termSelectsNode(term, node));
}

function canProvision(claim: PersistentVolumeClaim, node: Node, cluster: SlowCluster): boolean {
  const by = classOf(claim, cluster) as StorageClass;
  if (by.provisioner === 'kubernetes.io/no-provisioner') return false;
  const allowed = by.allowedTopologies === undefined || by.allowedTopologies.some((term) => (term.matchLabelExpressions ?? []).every(({ key, values }) => values.includes(labelsOf(node)[key] ?? '')));
  const counted = cluster.storage.csiDrivers.some(({ metadata, spec }) => metadata?.name === by.provisioner && spec.storageCapacity === true);
  return allowed && (!counted || cluster.storage.capacities.some((capacity) => capacity.storageClassName === by.metadata?.name
    && Number(capacity.capacity ?? 0) >= Number(claim.spec?.resources?.requests?.['storage']) && selects(capacity.nodeTopology, labelsOf(node))));
}

const volumeBinding: SlowFilter = (pod, node, cluster) => {
  const claims = claimsOf(pod, cluster);
  if (claims === undefined || claims.some(({ metadata }) => metadata?.deletionTimestamp !== undefined)) return false;
  const size = (object: PersistentVolumeClaim | PersistentVolume): number => Number((object as PersistentVolumeClaim).spec?.resources?.requests?.['storage'] ?? (object as PersistentVolume).spec?.capacity?.['storage']);
  const open = claims.filter(({ spec }) => spec?.volumeName === undefined).toSorted((a, b) => size(a) - size(b));
  if (open.some((claim) => classOf(claim, cluster)?.volumeBindingMode !== 'WaitForFirstConsumer')) return false;
  const taken: PersistentVolume[] = [];
  const served = open.every((claim) => {
    const promised = claim.metadata?.annotations?.['volume.kubernetes.io/selected-node'];
    if (promised !== undefined) return promised === node.metadata?.name && canProvision(claim, node, cluster);
    const fitting = cluster.storage.volumes.filter((volume) => size(volume) >= size(claim) && canReach(volume, node) && !taken.includes(volume)
      && volume.spec?.storageClassName === claim.spec?.storageClassName && volume.status?.phase === 'Available' && volume.spec?.claimRef === undefined
      && (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode)));
    const [smallest] = fitting.toSorted((a, b) => size(a) - size(b) || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
    if (smallest === undefined) return canProvision(claim, node, cluster);
    taken.push(smallest);
    return true;
  });
  return served && claims.filter(({ spec }) => spec?.volumeName !== undefined).every((claim) => {
    const volume = volumeOf(claim, cluster);
    return volume !== undefined && canReach(volume, node);
  });
};

const volumeZone: SlowFilter = (pod, node, cluster) => {
  const claims = claimsOf(pod, cluster);
  if (claims === undefined) return false;
  const key = 'topology.kubernetes.io/zone';
  return claims.every((claim) => {
    if (claim.spec?.volumeName === undefined) return classOf(claim, cluster)?.volumeBindingMode === 'WaitForFirstConsumer';
    const volume = volumeOf(claim, cluster);
    const zones = volume?.metadata?.labels?.[key];
    return volume !== undefined && (zones === undefined || labelsOf(node)[key] === undefined || zones.split('__').includes(labelsOf(node)[key] as string));
  });
};

export const slowFilters = {
  NodeUnschedulable: nodeUnschedulable, NodeName: nodeName, TaintToleration: taintToleration, NodeAffinity: nodeAffinity, NodePorts: nodePorts,
  NodeResourcesFit: fit, VolumeRestrictions: volumeRestrictions, NodeVolumeLimits: nodeVolumeLimits, VolumeBinding: volumeBinding, VolumeZone: volumeZone, PodTopologySpread: podTopologySpread, InterPodAffinity: interPodAffinity,
} as const;
