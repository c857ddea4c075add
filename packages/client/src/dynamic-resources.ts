import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '@coxswain/api/dynamic-resources';
import { resource } from './resource.ts';

const [group, version] = ['resource.k8s.io', 'v1beta1'] as const;

/** Served only where --runtime-config asks for the group. */
export const dynamicResources = {
  resourceclaims: resource<ResourceClaim>(group, version, 'resourceclaims', 'ResourceClaim', true),
  resourceclaimtemplates: resource<ResourceClaimTemplate>(group, version, 'resourceclaimtemplates', 'ResourceClaimTemplate', true),
  deviceclasses: resource<DeviceClass>(group, version, 'deviceclasses', 'DeviceClass', false),
  resourceslices: resource<ResourceSlice>(group, version, 'resourceslices', 'ResourceSlice', false),
} as const;
