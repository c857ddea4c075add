import type { Informer, KubeObject } from '@coxswain/client';
import type { Namespace, Node, Pod, Service } from 'kubernetes-types/core/v1';
import type { SchedulerCache } from './cache/cache.ts';
import { nodeUpdate, podUpdate } from './cluster-events.ts';
import type { DeviceInformers } from './dynamic-resources/resource-claims.ts';
import type { ClusterEvent, DeviceResource, StorageResource } from './framework/events.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';
import type { StorageInformers } from './storage/storage.ts';

export interface HandlerParts {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  /** Is the pod ours to schedule? */
  readonly isOurs: (pod: Pod) => boolean;
}

function isAssigned(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? '') !== '';
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function event(resource: ClusterEvent['resource'], action: 'Add' | 'Delete' | 'Update', before: KubeObject | undefined, after: KubeObject | undefined): ClusterEvent {
  return { resource, actions: [action], before, after };
}

/** A pod is in the cache once it has a node, in the queue before, and nowhere once it has ended. */
function handlePods(informer: Informer<Pod>, { cache, queue, isOurs }: HandlerParts): void {
  const leave = (pod: Pod): void => {
    const uid = pod.metadata?.uid ?? '';
    queue.delete(uid);
    cache.removePod(uid);
    if (isAssigned(pod)) queue.moveAll(event('AssignedPod', 'Delete', pod, undefined));
  };
  const enter = (pod: Pod): void => {
    if (isFinished(pod)) return;
    if (isAssigned(pod)) {
      cache.setPod(pod);
      queue.moveAll(event('AssignedPod', 'Add', undefined, pod));
    } else if (isOurs(pod) && pod.metadata?.deletionTimestamp === undefined) {
      queue.add(pod);
    }
  };
  const change = (before: Pod, after: Pod): void => {
    if (isFinished(after)) {
      if (!isFinished(before)) leave(after);
    } else if (isAssigned(after)) {
      cache.setPod(after);
      if (isAssigned(before)) { queue.moveAll(podUpdate('AssignedPod', before, after)); return; }
      queue.done(after.metadata?.uid ?? '');
      queue.delete(after.metadata?.uid ?? '');
      queue.moveAll(event('AssignedPod', 'Add', undefined, after));
    } else if (after.metadata?.deletionTimestamp !== undefined) {
      queue.delete(after.metadata.uid ?? '');
    } else if (isOurs(after) && !cache.isAssumed(after.metadata?.uid ?? '')) {
      queue.update(after, podUpdate('UnscheduledPod', before, after));
    }
  };
  informer.addHandler({ added: enter, updated: change, deleted: leave });
}

function handleNodes(informer: Informer<Node>, { cache, queue }: HandlerParts): void {
  informer.addHandler({
    added(node) {
      cache.setNode(node);
      queue.moveAll(event('Node', 'Add', undefined, node));
    },
    updated(before, after) {
      const change = nodeUpdate(before, after);
      if (change !== undefined || before.status?.images !== after.status?.images) cache.setNode(after);
      if (change !== undefined) queue.moveAll(change);
    },
    deleted(node) {
      cache.removeNode(node.metadata?.name ?? '');
      queue.moveAll(event('Node', 'Delete', node, undefined));
    },
  });
}

/** Labels of namespaces are part of affinity. */
function handleNamespaces(informer: Informer<Namespace>, { cache }: HandlerParts): void {
  const changed = (): void => cache.namespaceChanged();
  informer.addHandler({
    added: changed, deleted: changed,
    updated(before, after) { if (JSON.stringify(before.metadata?.labels) !== JSON.stringify(after.metadata?.labels)) changed(); },
  });
}

function handleOthers<T extends KubeObject>(informer: Informer<T>, resource: 'Service' | 'Namespace' | StorageResource | DeviceResource, { queue }: HandlerParts): void {
  informer.addHandler({
    added: (object) => queue.moveAll(event(resource, 'Add', undefined, object)),
    updated: (before, after) => queue.moveAll(event(resource, 'Update', before, after)),
    deleted: (object) => queue.moveAll(event(resource, 'Delete', object, undefined)),
  });
}

export interface ObservedInformers {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly services: Informer<Service>;
  readonly namespaces: Informer<Namespace>;
  readonly storage: Omit<StorageInformers, 'pods' | 'nodes'>;
  readonly devices?: DeviceInformers | undefined;
}

/** Nodes first: pods that are told later find them. */
export function observe(informers: ObservedInformers, parts: HandlerParts): void {
  handleNodes(informers.nodes, parts);
  handleNamespaces(informers.namespaces, parts);
  handleOthers(informers.namespaces, 'Namespace', parts);
  handleOthers(informers.services, 'Service', parts);
  const { claims, volumes, classes, csiNodes, csiDrivers, capacities, attachments } = informers.storage;
  handleOthers(claims, 'PersistentVolumeClaim', parts);
  handleOthers(volumes, 'PersistentVolume', parts);
  handleOthers(classes, 'StorageClass', parts);
  handleOthers(csiNodes, 'CSINode', parts);
  handleOthers(csiDrivers, 'CSIDriver', parts);
  handleOthers(capacities, 'CSIStorageCapacity', parts);
  handleOthers(attachments, 'VolumeAttachment', parts);
  if (informers.devices !== undefined) {
    handleOthers(informers.devices.claims, 'ResourceClaim', parts);
    handleOthers(informers.devices.classes, 'DeviceClass', parts);
    handleOthers(informers.devices.slices, 'ResourceSlice', parts);
  }
  handlePods(informers.pods, parts);
}
