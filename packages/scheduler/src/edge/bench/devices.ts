import { claimFinalizer, podClaims, podClaimStatuses, type DeviceClass, type ResourceClaim, type ResourceClaimTemplate, type ResourceSlice } from '@coxswain/api/dynamic-resources';
import type { Pod } from 'kubernetes-types/core/v1';

// What scheduler_perf's dra says in templates of these names.

const driver = 'test-driver.cdi.k8s.io';
const className = 'test-class';
const request = 'req-0';
export const claimTemplateName = 'test-claim-template';
const spec = { devices: { requests: [{ name: request, deviceClassName: className }] } };

/** Made in this order. */
export interface DeviceObjects {
  readonly classes: readonly DeviceClass[];
  readonly slices: readonly ResourceSlice[];
  readonly templates: readonly ResourceClaimTemplate[];
  /** With their allocations. */
  readonly claims: readonly ResourceClaim[];
}

const apiVersion = 'resource.k8s.io/v1beta1';

function makeSlice(nodeName: string, count: number): ResourceSlice {
  return {
    apiVersion, kind: 'ResourceSlice', metadata: { name: nodeName },
    spec: {
      driver, nodeName, pool: { name: nodeName, generation: 0, resourceSliceCount: 1 },
      devices: Array.from({ length: count }, (_, at) => ({
        name: `instance-${at}`,
        basic: { attributes: { model: { string: 'A100' }, family: { string: 'GPU' }, driverVersion: { version: '1.2.3' }, 'dra.example.com/numa': { int: at } }, capacity: { memory: { value: '1Gi' } } },
      })),
    },
  };
}

/** So many devices on each node, and the class that has them all. */
export function makeDriver(nodeNames: readonly string[], devicesEach: number): DeviceObjects {
  const deviceClass = { apiVersion, kind: 'DeviceClass', metadata: { name: className }, spec: { selectors: [{ cel: { expression: `device.driver == "${driver}"` } }] } };
  return { classes: [deviceClass], slices: nodeNames.map((name) => makeSlice(name, devicesEach)), templates: [], claims: [] };
}

export function makeClaimTemplate(namespace: string): DeviceObjects {
  return { classes: [], slices: [], templates: [{ apiVersion, kind: 'ResourceClaimTemplate', metadata: { name: claimTemplateName, namespace }, spec: { spec } }], claims: [] };
}

/** Scatters them over all nodes, where scheduler_perf draws: the same at each run. */
function scattered<T>(items: readonly T[]): readonly T[] {
  const shuffled = [...items];
  let state = 1;
  for (let at = shuffled.length - 1; at > 0; at -= 1) {
    state = (state * 48_271) % 2_147_483_647;
    const other = state % (at + 1);
    [shuffled[at], shuffled[other]] = [shuffled[other] as T, shuffled[at] as T];
  }
  return shuffled;
}

/** Claims that have a device each, and nobody who uses it. */
export function makeAllocatedClaims(namespace: string, count: number, nodeNames: readonly string[], devicesEach: number): DeviceObjects {
  const devices = scattered(nodeNames.flatMap((pool) => Array.from({ length: devicesEach }, (_, at) => ({ pool, device: `instance-${at}` })))).slice(0, count);
  const claims = devices.map(({ pool, device }, at): ResourceClaim => ({
    apiVersion, kind: 'ResourceClaim', metadata: { name: `test-claim-${at}`, namespace, finalizers: [claimFinalizer] }, spec,
    status: { allocation: {
      devices: { results: [{ request, driver, pool, device }] },
      nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [pool] }] }] },
    } },
  }));
  return { classes: [], slices: [], templates: [], claims };
}

/** What the controller for claims does with a new pod: a claim of its own from the template, which its status then names. */
export function claimed(pod: Pod): { readonly pod: Pod; readonly claims: readonly ResourceClaim[] } {
  const statuses: { name: string; resourceClaimName: string }[] = [];
  const claims: ResourceClaim[] = [];
  const { name: podName = '', namespace = '', uid = '' } = pod.metadata ?? {};
  for (const { name, resourceClaimTemplateName } of podClaims(pod)) {
    if (resourceClaimTemplateName === undefined) continue;
    const claimName = `${podName}-${name}`;
    statuses.push({ name, resourceClaimName: claimName });
    claims.push({
      apiVersion, kind: 'ResourceClaim', spec,
      metadata: { name: claimName, namespace, uid: `claim-of-${uid}-${name}`, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid, controller: true }] },
    });
  }
  return statuses.length === 0 ? { pod, claims } : { pod: { ...pod, status: { ...pod.status, resourceClaimStatuses: statuses } }, claims };
}

/** The claims that were made for the pod, and go with it. */
export function claimNamesOf(pod: Pod): readonly string[] {
  return podClaimStatuses(pod).flatMap(({ resourceClaimName }) => (resourceClaimName === undefined ? [] : [resourceClaimName]));
}
