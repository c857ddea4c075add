import { deviceKey, type Device, type ResourceSlice } from '@coxswain/api/dynamic-resources';
import type { Node, NodeSelector } from 'kubernetes-types/core/v1';
import { compileNodeSelector, type NodeMatcher } from '../selectors/node-selector.ts';

/** A device and where it was told of. */
export interface OfferedDevice {
  readonly key: string;
  readonly device: Device;
  readonly pool: Pool;
  readonly slice: ResourceSlice;
}

export interface Pool {
  readonly driver: string;
  readonly name: string;
  readonly devices: readonly OfferedDevice[];
  /** Not all of its slices are there. */
  readonly incomplete: boolean;
  /** Why nothing of it may be given away. */
  readonly invalid: string | undefined;
}

const matchers = new WeakMap<NodeSelector, NodeMatcher>();

function reaches({ spec }: ResourceSlice, node: Node): boolean {
  if ((spec?.nodeName ?? '') !== '') return spec?.nodeName === node.metadata?.name;
  if (spec?.allNodes === true) return true;
  const selector = spec?.nodeSelector;
  if (selector === undefined) return false;
  const matches = matchers.get(selector) ?? compileNodeSelector(selector);
  matchers.set(selector, matches);
  return matches(node);
}

function duplicate(devices: readonly OfferedDevice[]): string | undefined {
  const seen = new Set<string>();
  for (const { device } of devices) {
    if (seen.has(device.name)) return `duplicate device name ${device.name}`;
    seen.add(device.name);
  }
  return undefined;
}

class GatheredPool implements Pool {
  readonly driver: string;
  readonly name: string;
  readonly devices: readonly OfferedDevice[];
  readonly incomplete: boolean;
  readonly invalid: string | undefined;

  constructor(slices: readonly ResourceSlice[]) {
    const { driver = '', pool } = slices[0]?.spec ?? {};
    this.driver = driver;
    this.name = pool?.name ?? '';
    this.devices = slices.flatMap((slice) => (slice.spec?.devices ?? []).map((device) => ({ key: deviceKey({ driver, pool: this.name, device: device.name }), device, pool: this, slice })));
    this.incomplete = slices.length !== pool?.resourceSliceCount;
    this.invalid = duplicate(this.devices);
  }
}

/** What can be reached from the node. Of a pool only the newest generation counts. */
export function gatherPools(slices: readonly ResourceSlice[], node: Node): readonly Pool[] {
  const pools = new Map<string, ResourceSlice[]>();
  for (const slice of slices) {
    if (!reaches(slice, node)) continue;
    const { driver = '', pool } = slice.spec ?? {};
    const key = `${driver}/${pool?.name ?? ''}`;
    const known = pools.get(key);
    const ahead = (pool?.generation ?? 0) - (known?.[0]?.spec?.pool.generation ?? Number.NEGATIVE_INFINITY);
    if (known === undefined || ahead > 0) pools.set(key, [slice]);
    else if (ahead === 0) known.push(slice);
  }
  return [...pools.values()].map((found) => new GatheredPool(found));
}
