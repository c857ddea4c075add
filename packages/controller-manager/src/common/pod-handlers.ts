import { type Informer, type KubeObject } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';
import { deepEqual, isDeleting, namespaceOf, uidOf } from './object.ts';
import { controllerOf } from './owner.ts';
import { isPodReady } from './pods.ts';

/** What a controller that owns pods wants to hear. Keys are those of its own objects. */
export interface PodWatcher {
  /** Of the object that controls the pod, if it is of this controller's kind and known with the same uid. */
  ownerKey(pod: Pod): string | undefined;
  /** Objects that could adopt an orphan. */
  matching(pod: Pod): readonly string[];
  created(key: string): void;
  deleted(key: string, pod: Pod): void;
  enqueue(key: string): void;
  becameReady?(key: string): void;
}

export function watchPods(pods: Informer<Pod>, watcher: PodWatcher): void {
  const deleted = (pod: Pod): void => {
    const key = watcher.ownerKey(pod);
    if (key === undefined) return;
    watcher.deleted(key, pod);
    watcher.enqueue(key);
  };
  const orphan = (pod: Pod): void => { for (const key of watcher.matching(pod)) watcher.enqueue(key); };
  pods.addHandler({
    added: (pod) => {
      // After a restart, a pod that is already on its way out counts as deleted.
      if (isDeleting(pod)) {
        deleted(pod);
        return;
      }
      if (controllerOf(pod) === undefined) {
        orphan(pod);
        return;
      }
      const key = watcher.ownerKey(pod);
      if (key === undefined) return;
      watcher.created(key);
      watcher.enqueue(key);
    },
    updated: (before, pod) => {
      if (isDeleting(pod)) {
        deleted(pod);
        if (!deepEqual(before.metadata?.labels, pod.metadata?.labels)) deleted(before);
        return;
      }
      if (controllerOf(before)?.uid !== controllerOf(pod)?.uid) {
        const old = watcher.ownerKey(before);
        if (old !== undefined) watcher.enqueue(old);
      }
      if (controllerOf(pod) === undefined) {
        if (controllerOf(before) !== undefined || !deepEqual(before.metadata?.labels, pod.metadata?.labels)) orphan(pod);
        return;
      }
      const key = watcher.ownerKey(pod);
      if (key === undefined) return;
      watcher.enqueue(key);
      if (!isPodReady(before) && isPodReady(pod)) watcher.becameReady?.(key);
    },
    deleted,
  });
}

const indexed = new WeakSet<Informer<Pod>>();

/** Pods by the uid of their controller, and orphans by namespace. The informer is shared: the first asker makes the index. */
export function podIndex(pods: Informer<Pod>): void {
  if (indexed.has(pods)) return;
  indexed.add(pods);
  pods.addIndex('controllerUid', (pod) => {
    const uid = controllerOf(pod)?.uid;
    return uid === undefined ? [] : [uid];
  });
  pods.addIndex('orphan', (pod) => (controllerOf(pod) === undefined ? [namespaceOf(pod)] : []));
  pods.addIndex('node', (pod) => (pod.spec?.nodeName === undefined ? [] : [pod.spec.nodeName]));
}

/** What the object controls, and every orphan of its namespace. */
export function podsForSelector(pods: Informer<Pod>, owner: KubeObject): Pod[] {
  return [...pods.lister.byIndex('controllerUid', uidOf(owner)), ...pods.lister.byIndex('orphan', namespaceOf(owner))];
}
