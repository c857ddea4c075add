import { quantityFromMilliValue, formatQuantity, parseQuantity, quantityMilliValue } from '../quantity/quantity.ts';
import type { Json, JsonObject } from '../resource.ts';
import { child, children, ensure, isEmpty, isUnset, setDefault, setDefaults, setPointerDefaults, type SetDefaults } from './helpers.ts';

const core = 'io.k8s.api.core.v1';

const namePart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const host = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?';
/** What a registry takes for the name of an image; other names have no tag to look at. */
const reference = new RegExp(`^(?:${host}/)?${namePart}(?:/${namePart})*(?::[\\w][\\w.-]{0,127})?$`);

/** Sixty-four hexadecimal digits are an image's digest, and no name. */
const bareDigest = /^[a-f0-9]{64}$/;

/** `latest`, said or unsaid, is pulled again each time. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  if (image === '' || image.includes('@') || bareDigest.test(image) || !reference.test(image)) return 'IfNotPresent';
  const last = image.slice(image.lastIndexOf('/') + 1);
  const colon = last.indexOf(':');
  return colon < 0 || last.slice(colon + 1) === 'latest' ? 'Always' : 'IfNotPresent';
}

const container: SetDefaults = (object) => {
  if (isUnset(object['imagePullPolicy'])) object['imagePullPolicy'] = pullPolicyOf(typeof object['image'] === 'string' ? object['image'] : '');
  setDefault(object, 'terminationMessagePath', '/dev/termination-log');
  setDefault(object, 'terminationMessagePolicy', 'File');
};

const podSpec: SetDefaults = (object) => {
  setDefault(object, 'dnsPolicy', 'ClusterFirst');
  setDefault(object, 'restartPolicy', 'Always');
  ensure(object, 'securityContext');
  setDefault(object, 'terminationGracePeriodSeconds', 30);
  setDefault(object, 'schedulerName', 'default-scheduler');
  // The old name of the field follows the new one, and stands in for it.
  if (isUnset(object['serviceAccountName']) && !isUnset(object['serviceAccount'])) object['serviceAccountName'] = object['serviceAccount'] as Json;
  if (isUnset(object['serviceAccountName'])) delete object['serviceAccount'];
  else object['serviceAccount'] = object['serviceAccountName'] as Json;
};

function requestsFromLimits(object: JsonObject): void {
  const resources = child(object, 'resources');
  const limits = resources === undefined ? undefined : child(resources, 'limits');
  if (resources === undefined || limits === undefined || isEmpty(limits)) return;
  const requests = ensure(resources, 'requests');
  for (const [name, limit] of Object.entries(limits)) setDefault(requests, name, limit);
}

function hostPorts(object: JsonObject): void {
  for (const port of children(object, 'ports')) if (!port['hostPort'] && port['containerPort']) port['hostPort'] = port['containerPort'];
}

const pod: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  const all = [...children(spec, 'containers'), ...children(spec, 'initContainers')];
  all.forEach(requestsFromLimits);
  setDefault(spec, 'enableServiceLinks', true);
  if (typeof spec['terminationGracePeriodSeconds'] === 'number' && spec['terminationGracePeriodSeconds'] < 0) spec['terminationGracePeriodSeconds'] = 1;
  if (spec['hostNetwork'] === true) all.forEach(hostPorts);
};

const volumeKeys = new Set(['name']);

const volume: SetDefaults = (object) => {
  const source = Object.entries(object).some(([key, value]) => !volumeKeys.has(key) && value !== null && value !== undefined);
  if (!source) object['emptyDir'] = {};
};

const probe: SetDefaults = (object) => {
  for (const [key, value] of [['timeoutSeconds', 1], ['periodSeconds', 10], ['successThreshold', 1], ['failureThreshold', 3]] as const) {
    if (isUnset(object[key]) || object[key] === 0) object[key] = value;
  }
};

const httpGet: SetDefaults = setDefaults({ path: '/', scheme: 'HTTP' });

/** Finer than a thousandth is rounded up in every resource list. */
function roundResourceList(list: JsonObject): void {
  for (const [name, amount] of Object.entries(list)) {
    if (typeof amount !== 'string' || !/[nu.]|e-/.test(amount)) continue;
    const quantity = parseQuantity(amount);
    if (quantity.nanos % 1_000_000n !== 0n) list[name] = formatQuantity(quantityFromMilliValue(quantityMilliValue(quantity), quantity.format));
  }
}

const resourceListKeys: ReadonlySet<string> = new Set([
  'limits', 'requests', 'overhead', 'capacity', 'allocatable', 'hard', 'used', 'max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio', 'allocatedResources',
]);

const roundLists: SetDefaults = (object) => {
  for (const key of resourceListKeys) {
    const list = child(object, key);
    if (list !== undefined) roundResourceList(list);
  }
};

function both(...functions: readonly SetDefaults[]): SetDefaults {
  return (object) => functions.forEach((apply) => apply(object));
}

const mode: Readonly<Record<string, Json>> = { defaultMode: 0o644 };

/** The one address and the first of the list are the same. */
const podStatus: SetDefaults = (object) => {
  if (isEmpty(object['podIPs'])) {
    if (!isUnset(object['podIP'])) object['podIPs'] = [{ ip: object['podIP'] as Json }];
    return;
  }
  const first = children(object, 'podIPs')[0]?.['ip'];
  if (isUnset(first)) delete object['podIP'];
  else object['podIP'] = first as Json;
};

export const podDefaults: Readonly<Record<string, SetDefaults>> = {
  [`${core}.Pod`]: pod,
  [`${core}.PodStatus`]: podStatus,
  [`${core}.PodSpec`]: both(podSpec, roundLists),
  [`${core}.Container`]: container,
  [`${core}.EphemeralContainer`]: container,
  [`${core}.ResourceRequirements`]: roundLists,
  [`${core}.VolumeResourceRequirements`]: roundLists,
  [`${core}.ContainerPort`]: setDefaults({ protocol: 'TCP' }),
  [`${core}.Volume`]: volume,
  [`${core}.SecretVolumeSource`]: setDefaults(mode),
  [`${core}.ConfigMapVolumeSource`]: setDefaults(mode),
  [`${core}.DownwardAPIVolumeSource`]: setDefaults(mode),
  [`${core}.ProjectedVolumeSource`]: setDefaults(mode),
  [`${core}.ServiceAccountTokenProjection`]: setDefaults({ expirationSeconds: 3600 }),
  [`${core}.HostPathVolumeSource`]: setDefaults({ type: '' }),
  [`${core}.ISCSIVolumeSource`]: setDefaults({ iscsiInterface: 'default' }),
  [`${core}.ISCSIPersistentVolumeSource`]: setDefaults({ iscsiInterface: 'default' }),
  [`${core}.RBDVolumeSource`]: setDefaults({ pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' }),
  [`${core}.RBDPersistentVolumeSource`]: setDefaults({ pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' }),
  [`${core}.AzureDiskVolumeSource`]: setPointerDefaults({ cachingMode: 'ReadWrite', kind: 'Shared', fsType: 'ext4', readOnly: false }),
  [`${core}.ScaleIOVolumeSource`]: setDefaults({ storageMode: 'ThinProvisioned', fsType: 'xfs' }),
  [`${core}.ScaleIOPersistentVolumeSource`]: setDefaults({ storageMode: 'ThinProvisioned', fsType: 'xfs' }),
  [`${core}.ObjectFieldSelector`]: setDefaults({ apiVersion: 'v1' }),
  [`${core}.Probe`]: probe,
  [`${core}.HTTPGetAction`]: httpGet,
  [`${core}.GRPCAction`]: setDefaults({ service: '' }),
};

export { both, roundLists };
