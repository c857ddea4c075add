import { setMember } from '../decode/read.ts';
import type { Json, JsonObject } from '../resource.ts';
import { child, children, ensure, isEmpty, isUnset, setDefault, setDefaults, setPointerDefaults, type SetDefaults } from './helpers.ts';
import { both, roundLists } from './pods.ts';

const core = 'io.k8s.api.core.v1';

function isExternallyAccessible(spec: JsonObject): boolean {
  const { type } = spec;
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && !isEmpty(spec['externalIPs']));
}

function servicePort(port: JsonObject): void {
  setDefault(port, 'protocol', 'TCP');
  if (isUnset(port['targetPort']) || port['targetPort'] === 0) port['targetPort'] = port['port'] ?? 0;
}

const service: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  setDefault(spec, 'sessionAffinity', 'None');
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  if (spec['sessionAffinity'] === 'ClientIP') setDefault(ensure(ensure(spec, 'sessionAffinityConfig'), 'clientIP'), 'timeoutSeconds', 10_800);
  setDefault(spec, 'type', 'ClusterIP');
  children(spec, 'ports').forEach(servicePort);
  const { type } = spec;
  if (isExternallyAccessible(spec)) setDefault(spec, 'externalTrafficPolicy', 'Cluster');
  if (type === 'NodePort' || type === 'LoadBalancer' || type === 'ClusterIP') spec['internalTrafficPolicy'] ??= 'Cluster';
  if (type !== 'LoadBalancer') return;
  setDefault(spec, 'allocateLoadBalancerNodePorts', true);
  for (const ingress of children(child(ensure(object, 'status'), 'loadBalancer'), 'ingress')) if (!isUnset(ingress['ip'])) ingress['ipMode'] ??= 'VIP';
};

/** stringData is for writing only: it becomes data. */
const secret: SetDefaults = (object) => {
  setDefault(object, 'type', 'Opaque');
  const texts = child(object, 'stringData');
  if (texts === undefined) return;
  const data = ensure(object, 'data');
  for (const [key, text] of Object.entries(texts)) setMember(data, key, new TextEncoder().encode(typeof text === 'string' ? text : '').toBase64());
  delete object['stringData'];
};

const namespace: SetDefaults = (object) => {
  const metadata = ensure(object, 'metadata');
  if (!isUnset(metadata['name'])) setDefault(ensure(metadata, 'labels'), 'kubernetes.io/metadata.name', metadata['name'] as Json);
};

const replicationController: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  const labels = child(child(child(spec, 'template') ?? {}, 'metadata') ?? {}, 'labels');
  if (labels !== undefined && !isEmpty(labels)) {
    if (isEmpty(spec['selector'])) spec['selector'] = { ...labels };
    const metadata = ensure(object, 'metadata');
    if (isEmpty(metadata['labels'])) metadata['labels'] = { ...labels };
  }
  setDefault(spec, 'replicas', 1);
};

/** For containers: the limit follows the maximum, the request follows the limit, then the minimum. */
const limitRangeItem: SetDefaults = (object) => {
  if (object['type'] !== 'Container') return;
  const limits = ensure(object, 'default');
  for (const [name, amount] of Object.entries(child(object, 'max') ?? {})) setDefault(limits, name, amount);
  const requests = ensure(object, 'defaultRequest');
  for (const source of [limits, child(object, 'min') ?? {}]) for (const [name, amount] of Object.entries(source)) setDefault(requests, name, amount);
  if (isEmpty(limits)) delete object['default'];
  if (isEmpty(requests)) delete object['defaultRequest'];
};

/** `podCIDR` is the first of `podCIDRs`; where they differ it counts. */
const nodeSpec: SetDefaults = (object) => {
  const ranges = object['podCIDRs'];
  const [head] = Array.isArray(ranges) ? ranges : [];
  if (isUnset(object['podCIDR'])) {
    if (!isUnset(head)) object['podCIDR'] = head as Json;
  } else if (object['podCIDR'] !== head) object['podCIDRs'] = [object['podCIDR'] as Json];
};

const nodeStatus: SetDefaults = (object) => {
  if (isEmpty(object['allocatable']) && !isEmpty(object['capacity'])) object['allocatable'] = { ...child(object, 'capacity') };
};

export const coreDefaults: Readonly<Record<string, SetDefaults>> = {
  [`${core}.Service`]: service,
  [`${core}.Secret`]: secret,
  [`${core}.Namespace`]: namespace,
  [`${core}.NamespaceStatus`]: setDefaults({ phase: 'Active' }),
  [`${core}.ReplicationController`]: replicationController,
  [`${core}.EndpointPort`]: setDefaults({ protocol: 'TCP' }),
  [`${core}.LimitRangeItem`]: both(limitRangeItem, roundLists),
  [`${core}.NodeSpec`]: nodeSpec,
  [`${core}.NodeStatus`]: both(nodeStatus, roundLists),
  [`${core}.PersistentVolume`]: (object) => setDefault(ensure(object, 'status'), 'phase', 'Pending'),
  [`${core}.PersistentVolumeSpec`]: both(setDefaults({ persistentVolumeReclaimPolicy: 'Retain' }), setPointerDefaults({ volumeMode: 'Filesystem' }), roundLists),
  [`${core}.PersistentVolumeClaim`]: (object) => setDefault(ensure(object, 'status'), 'phase', 'Pending'),
  [`${core}.PersistentVolumeClaimSpec`]: setPointerDefaults({ volumeMode: 'Filesystem' }),
  [`${core}.PersistentVolumeClaimStatus`]: roundLists,
  [`${core}.ResourceQuotaSpec`]: roundLists,
  [`${core}.ResourceQuotaStatus`]: roundLists,
};
