/**
 * What a server publishes of resource.k8s.io when --runtime-config asks for it: the description is of a default server, which has its Go types and
 * its protobuf, but no operations, and no word of what is required, what lists are, and which kinds there are (seen at a kube-apiserver 1.32 with it on).
 */
type Field = [string, string, string, number] | [string, string, string, number, Record<string, unknown>];
interface Described { k?: string[]; f: Field[] }

export const dynamicGroup = 'resource.k8s.io';
export const dynamicVersions = ['v1beta1', 'v1alpha3'] as const;

/** Each is served like a kind of a default server: in a namespace or not, with a status or without. */
export const dynamicKinds: Readonly<Record<string, { readonly plural: string; readonly like: { readonly group: string; readonly kind: string; readonly plural: string } }>> = {
  DeviceClass: { plural: 'deviceclasses', like: { group: 'storage.k8s.io', kind: 'CSINode', plural: 'csinodes' } },
  ResourceClaim: { plural: 'resourceclaims', like: { group: 'networking.k8s.io', kind: 'Ingress', plural: 'ingresses' } },
  ResourceClaimTemplate: { plural: 'resourceclaimtemplates', like: { group: 'networking.k8s.io', kind: 'NetworkPolicy', plural: 'networkpolicies' } },
  ResourceSlice: { plural: 'resourceslices', like: { group: 'storage.k8s.io', kind: 'CSINode', plural: 'csinodes' } },
};

const required: Readonly<Record<string, readonly string[]>> = {
  AllocatedDeviceStatus: ['driver', 'pool', 'device'], CELDeviceSelector: ['expression'], Device: ['name'], DeviceAllocationConfiguration: ['source'], DeviceCapacity: ['value'],
  DeviceRequest: ['name', 'deviceClassName'], DeviceRequestAllocationResult: ['request', 'driver', 'pool', 'device'], OpaqueDeviceConfiguration: ['driver', 'parameters'],
  ResourceClaimConsumerReference: ['resource', 'name', 'uid'], ResourceClaimTemplateSpec: ['spec'], ResourcePool: ['name', 'generation', 'resourceSliceCount'], ResourceSliceSpec: ['driver', 'pool'],
  ...Object.fromEntries(Object.keys(dynamicKinds).flatMap((kind) => [[kind, ['spec']], [`${kind}List`, ['items']]])),
};

/** All others are atomic, but the items of lists, of which nothing is said. */
const keyed: Readonly<Record<string, readonly string[]>> = {
  'AllocatedDeviceStatus.conditions': ['type'], 'ResourceClaimStatus.devices': ['driver', 'device', 'pool'], 'ResourceClaimStatus.reservedFor': ['uid'],
};

function listOf(type: string, name: string, shape: string): Record<string, unknown> {
  if (!shape.startsWith('[]') || name === 'items') return {};
  const keys = keyed[`${type}.${name}`];
  return keys === undefined ? { lt: 'atomic' } : { lt: 'map', lk: keys };
}

/** Structs that are there in any case are empty by default, and what is required of a plain type is its zero. */
function defaultOf(shape: string, flags: string, isRequired: boolean): Record<string, unknown> {
  if (!flags.startsWith('v')) return {};
  if (shape.startsWith('@')) return { d: {} };
  return isRequired && shape !== 'Q' && shape !== '*' ? { d: shape === 's' ? '' : 0 } : {};
}

function described(type: string, [name, shape, flags, proto, extras = {}]: Field): Field {
  if (name === '') return [name, shape, flags, proto, ...(Object.keys(extras).length === 0 ? [] : [extras])] as Field;
  const isRequired = required[type]?.includes(name) === true;
  const all = { ...extras, ...listOf(type, name, shape), ...defaultOf(shape, flags, isRequired) };
  const start: [string, string, string, number] = [name, shape, `${flags}${isRequired ? 'q' : ''}`, proto];
  return Object.keys(all).length === 0 ? start : [...start, all];
}

/** Completes the group's types in place. */
export function describeDynamicResources(packages: Record<string, Record<string, object>>): void {
  for (const version of dynamicVersions) {
    const types = packages[`io.k8s.api.resource.${version}`] as Record<string, Described>;
    for (const [type, description] of Object.entries(types)) {
      const isKind = Object.hasOwn(dynamicKinds, type.replace(/List$/, ''));
      types[type] = { ...(isKind ? { k: [`${dynamicGroup}/${version}/${type}`] } : {}), f: description.f.map((field) => described(type, field)) };
    }
  }
}
