import type { Client, EventRecorder } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { Service } from 'kubernetes-types/core/v1';
import type { KubeletConfig } from '../config.ts';
import type { ContainerRuntime } from '../cri/types.ts';
import type { ProbeManager } from '../probes/manager.ts';
import type { KubeletMetrics } from '../kubelet-metrics.ts';
import type { NodeSystem } from '../system.ts';
import type { VolumeManager } from '../volumes/manager.ts';
import type { ReferencedObjects } from '../volumes/objects.ts';
import type { BackOff } from './backoff.ts';
import type { ImageManager } from './images.ts';
import type { PodStateReader } from './runtime-state.ts';
import type { StatusManager } from './status-manager.ts';

/** What a node knows of itself that its pods see. */
export interface NodeFacts {
  readonly hostIp: () => string;
  readonly memoryBytes: number;
  readonly allocatable: () => Readonly<Record<string, string>>;
  /** Why no pod sandbox can be made now; undefined if one can. */
  readonly networkProblem: () => string | undefined;
}

/** Shared by all pod workers of a kubelet. */
export interface WorkerDeps {
  readonly config: KubeletConfig;
  readonly host: Host;
  readonly client: Client;
  readonly runtime: ContainerRuntime;
  readonly system: NodeSystem;
  readonly recorder: EventRecorder;
  readonly metrics: KubeletMetrics;
  readonly reader: PodStateReader;
  readonly statuses: StatusManager;
  readonly volumes: VolumeManager;
  readonly objects: ReferencedObjects;
  readonly images: ImageManager;
  readonly probes: ProbeManager;
  readonly crashBackOff: BackOff;
  readonly node: NodeFacts;
  readonly services: () => readonly Service[];
  readonly hostResolvConf: () => Promise<string>;
}
