import type { Client, EventRecorder } from '@coxswain/client';
import type { PodDeletions, PodStatusPatches } from '@coxswain/client/fast-path';
import type { Host } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { Extenders } from '../extender/extenders.ts';
import type { Gangs } from '../gangs/gangs.ts';
import type { ResourceClaims } from '../dynamic-resources/resource-claims.ts';
import type { Framework, Nominator } from '../framework/framework.ts';
import type { Leadership } from '../leadership.ts';
import type { Labels } from '../selectors/labels.ts';
import type { Storage } from '../storage/storage.ts';
import type { AwaitedVictims } from './default-preemption/awaited-victims.ts';
import type { KeyedSelector } from './pod-topology-spread/constraints.ts';

/** What plugins may use of the scheduler. The functions answer the present, not the time of the plugin's making. */
export interface PluginHandle {
  readonly host: Host;
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly podStatuses: PodStatusPatches;
  readonly podDeletions: PodDeletions;
  readonly awaitedVictims: AwaitedVictims;
  /** Pods that wait for an event may try again at once. */
  activate(uids: Iterable<string>): void;
  readonly schedulerName: string;
  /** undefined: this scheduler leads without asking. */
  readonly leadership?: Leadership | undefined;
  framework(): Framework;
  nominator(): Nominator & { nominate(pod: PodInfo, nodeName: string): void };
  readonly storage: Storage;
  /** undefined: the API server has none. */
  readonly resourceClaims?: ResourceClaims | undefined;
  readonly extenders: Extenders;
  readonly gangs: Gangs;
  /** Of the present. */
  snapshot(): Snapshot;
  budgets(): readonly PodDisruptionBudget[];
  namespaceLabels(namespace: string): Labels;
  /** Selectors of the Services, ReplicaSets, … that select or own the pod. */
  owningSelectors(pod: Pod): readonly KeyedSelector[];
}
