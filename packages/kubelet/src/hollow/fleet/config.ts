import type { Taint } from 'kubernetes-types/core/v1';
import { kubeletVersion } from '../../kubelet-config.ts';
import { noRules, type HollowRules } from './rules.ts';

export interface FleetConfig {
  readonly count: number;
  /** Nodes are PREFIX-0, PREFIX-1, … */
  readonly namePrefix: string;
  /** Decides together with a pod's uid what is left open by a range. */
  readonly seed: number;
  /** Zones zone-1, zone-2, …, in turn; 0: none. */
  readonly zones: number;
  /** Quantities of a node, all of which are allocatable. */
  readonly capacity: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Addresses of the nodes; networks of their pods, a part of it each; and of pods whose node has another's or no room: nothing answers at them. */
  readonly nodeCidr: string;
  readonly podCidr: string;
  readonly spareCidr: string;
  readonly kubeletVersion: string;
  readonly leaseDurationSeconds: number;
  readonly statusReportFrequencyMs: number;
  readonly maxContainerBackOffMs: number;
  /** Also events of what goes well (Created, Started, Killing). */
  readonly events: boolean;
  readonly rules: HollowRules;
}

export const defaultCapacity: Readonly<Record<string, string>> = { cpu: '4', memory: '32Gi', pods: '110' };

export function defaultFleetConfig(count: number): FleetConfig {
  return {
    count, namePrefix: 'hollow', seed: 1, zones: 0, capacity: defaultCapacity, labels: {}, taints: [], nodeCidr: '198.18.0.0/16', podCidr: '100.64.0.0/10', spareCidr: '198.19.0.0/16', kubeletVersion,
    leaseDurationSeconds: 40, statusReportFrequencyMs: 300_000, maxContainerBackOffMs: 300_000, events: false, rules: noRules,
  };
}
