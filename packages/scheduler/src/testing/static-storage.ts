import type { KubeObject, Lister } from '@coxswain/client';
import { Storage, storageIndexes, type StorageKinds } from '../storage/storage.ts';

export type StorageObjects = { readonly [K in keyof StorageKinds]?: readonly StorageKinds[K][] };

/** Lists objects as they are at the time of asking. */
function listerOf<T extends KubeObject>(objects: readonly T[] = [], indexes: Readonly<Record<string, (object: T) => readonly string[]>> = {}): Lister<T> {
  return {
    get: ({ namespace, name }) => objects.find(({ metadata }) => metadata?.name === name && (metadata.namespace ?? '') === (namespace ?? '')),
    list: () => objects,
    byIndex: (index, value) => objects.filter((object) => indexes[index]?.(object).includes(value) === true),
    get size() { return objects.length; },
  };
}

/** The plugins' view of these objects; nothing ever changes but what is assumed. */
export function staticStorage(objects: StorageObjects): Storage {
  const { claims, volumes, classes, csiNodes, csiDrivers, capacities, attachments, pods, nodes } = objects;
  return new Storage({
    claims: listerOf(claims), volumes: listerOf(volumes, storageIndexes.volumes), classes: listerOf(classes), csiNodes: listerOf(csiNodes), csiDrivers: listerOf(csiDrivers),
    capacities: listerOf(capacities), attachments: listerOf(attachments, storageIndexes.attachments), pods: listerOf(pods), nodes: listerOf(nodes),
  });
}
