import type { NodeSelector, Pod } from 'kubernetes-types/core/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';

/** resource.k8s.io/v1beta1 of 1.32, as far as claims are allocated by it. */
interface KubeObject { apiVersion?: string; kind?: string; metadata?: ObjectMeta }

export interface DeviceSelector { cel?: { expression: string } }

export interface DeviceRequest {
  name: string;
  deviceClassName: string;
  selectors?: DeviceSelector[];
  allocationMode?: string;
  count?: number;
  adminAccess?: boolean;
}

/** What a driver is told; nobody else reads it. */
export interface DeviceConfiguration { opaque?: { driver: string; parameters: unknown } }

export interface ResourceClaimSpec {
  devices?: {
    requests?: DeviceRequest[];
    constraints?: { requests?: string[]; matchAttribute?: string }[];
    config?: (DeviceConfiguration & { requests?: string[] })[];
  };
}

export interface AllocatedDevice { request: string; driver: string; pool: string; device: string; adminAccess?: boolean }

export interface AllocationResult {
  devices?: { results?: AllocatedDevice[]; config?: (DeviceConfiguration & { source: 'FromClass' | 'FromClaim'; requests?: string[] })[] };
  nodeSelector?: NodeSelector;
}

export interface ConsumerReference { apiGroup?: string; resource: string; name: string; uid: string }

export interface ResourceClaim extends KubeObject {
  spec?: ResourceClaimSpec;
  status?: { allocation?: AllocationResult; reservedFor?: ConsumerReference[] };
}

export interface ResourceClaimTemplate extends KubeObject {
  spec?: { metadata?: ObjectMeta; spec?: ResourceClaimSpec };
}

export interface DeviceClass extends KubeObject {
  spec?: { selectors?: DeviceSelector[]; config?: DeviceConfiguration[] };
}

export interface DeviceAttribute { int?: number; bool?: boolean; string?: string; version?: string }

export interface Device {
  name: string;
  basic?: { attributes?: Record<string, DeviceAttribute>; capacity?: Record<string, { value: string }> };
}

export interface ResourceSlice extends KubeObject {
  spec?: {
    driver: string;
    pool: { name: string; generation: number; resourceSliceCount: number };
    nodeName?: string;
    nodeSelector?: NodeSelector;
    allNodes?: boolean;
    devices?: Device[];
  };
}

/** Fields of pods that kubernetes-types 1.30 does not know yet. */
export interface PodClaim { name: string; resourceClaimName?: string; resourceClaimTemplateName?: string }
export interface PodClaimStatus { name: string; resourceClaimName?: string }

export function podClaims(pod: Pod): readonly PodClaim[] {
  return (pod.spec?.resourceClaims ?? none) as readonly PodClaim[];
}

export function podClaimStatuses(pod: Pod): readonly PodClaimStatus[] {
  return pod.status?.resourceClaimStatuses ?? none;
}

const none: readonly never[] = [];
