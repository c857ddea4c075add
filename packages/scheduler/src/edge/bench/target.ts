import type { Namespace, Node, Pod, Service } from 'kubernetes-types/core/v1';
import type { PodGroup } from '../../gangs/pod-group.ts';
import type { CSINode } from 'kubernetes-types/storage/v1';
import type { Binds } from './binds.ts';
import type { DeviceObjects } from './devices.ts';
import type { RequestCounts } from './requests.ts';
import type { SchedulerCounts } from './scheduler-counts.ts';
import type { BoundVolume } from './volumes.ts';

/** A program whose processor time and memory are told. */
export interface WatchedProcess {
  readonly name: string;
  cpuSeconds(): number;
  residentMb(): number;
}

/** What a workload needs beside nodes and pods. */
export interface Needs {
  /** Pod groups: their definition is made, and our scheduler has Coscheduling. */
  readonly gangs: boolean;
  /** Devices for claims, the controller that makes the claims, and a scheduler that hands them out. */
  readonly devices: boolean;
}

/** A cluster and its scheduler. */
export interface Target {
  readonly name: string;
  /** What the reader should know of how it is asked, such as limits of clients. */
  readonly notes: readonly string[];
  /** The scheduler's, which the pods name. */
  readonly schedulerName: string;
  readonly binds: Binds;
  /** Rejects when something that the run needs has ended. */
  readonly broken: Promise<never>;
  createNamespaces(namespaces: readonly Namespace[]): Promise<void>;
  createNodes(nodes: readonly Node[]): Promise<void>;
  /** Tells `binds` of each. */
  createPods(pods: readonly Pod[]): Promise<void>;
  /** Bound to each other before a pod uses them. */
  createVolumes(volumes: readonly BoundVolume[]): Promise<void>;
  createCsiNodes(nodes: readonly CSINode[]): Promise<void>;
  createDevices(objects: DeviceObjects): Promise<void>;
  createPodGroups(groups: readonly PodGroup[]): Promise<void>;
  createService(service: Service): Promise<void>;
  /** A merge patch. */
  patchPod(namespace: string, name: string, patch: object): Promise<void>;
  patchNode(name: string, patch: object, subresource?: 'status'): Promise<void>;
  deleteNode(name: string): Promise<void>;
  deletePod(namespace: string, name: string): Promise<void>;
  deleteService(namespace: string, name: string): Promise<void>;
  /** A resumed scheduler decides at once; else a process is started, and a drained queue is measured from its first binding on. */
  readonly resumesAtOnce: boolean;
  /** No decisions until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  processes(): readonly WatchedProcess[];
  /** Of decisions since the last call, in milliseconds; undefined: it cannot tell. */
  decisionTimes(): readonly number[] | undefined;
  /** That the scheduler tells of itself; undefined: it is not running, or does not. */
  schedulerCounts(): Promise<SchedulerCounts | undefined>;
  /** That the API server has done so far; undefined: there is none, or it does not tell. */
  writes(): Promise<RequestCounts | undefined>;
  close(): Promise<void>;
}
