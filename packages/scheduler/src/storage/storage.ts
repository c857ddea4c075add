import { claimedVolumes, claimKey, classNameOf } from '@coxswain/api/volumes';
import { AssumeCache, type Informer, type KubeObject, type Lister } from '@coxswain/client';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from 'kubernetes-types/storage/v1';

/** Kinds by which volumes are judged. */
export interface StorageKinds {
  readonly claims: PersistentVolumeClaim;
  readonly volumes: PersistentVolume;
  readonly classes: StorageClass;
  readonly csiNodes: CSINode;
  readonly csiDrivers: CSIDriver;
  readonly capacities: CSIStorageCapacity;
  readonly attachments: VolumeAttachment;
  readonly pods: Pod;
  readonly nodes: Node;
}

export type StorageListers = { readonly [K in keyof StorageKinds]: Lister<StorageKinds[K]> };
export type StorageInformers = { readonly [K in keyof StorageKinds]: Informer<StorageKinds[K]> };

const byClass = 'storage-class';
const byNode = 'node';
const byDataset = 'dataset';
/** With the name of a data set: on a node or a volume that holds it. */
export const datasetLabel = 'dataset.coxswain.dev/';

function datasetsIn({ metadata }: PersistentVolume): readonly string[] {
  return Object.keys(metadata?.labels ?? {}).filter((key) => key.startsWith(datasetLabel)).map((key) => key.slice(datasetLabel.length));
}

export const storageIndexes = {
  volumes: { [byClass]: (volume: PersistentVolume): readonly string[] => [classNameOf(volume)], [byDataset]: datasetsIn },
  attachments: { [byNode]: ({ spec }: VolumeAttachment): readonly string[] => [spec.nodeName] },
} as const;

/** Something of which volumes are attached where has changed. Nodes are named; undefined: anything may have. */
export type StorageChange = { readonly kind: 'claim' | 'volume' | 'node'; readonly key: string } | undefined;

/** Claims, volumes and what is known about where they can be, with what was decided and is being written. */
export class Storage {
  readonly claims: AssumeCache<PersistentVolumeClaim>;
  readonly volumes: AssumeCache<PersistentVolume>;
  readonly #listers: StorageListers;
  /** By claim: who waits for it to be bound. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #observers: ((change: StorageChange) => void)[] = [];

  constructor(listers: StorageListers) {
    this.#listers = listers;
    this.claims = new AssumeCache(listers.claims, (claim) => this.changed({ kind: 'claim', key: claimKey(claim) }));
    this.volumes = new AssumeCache(listers.volumes, (volume) => this.changed({ kind: 'volume', key: volume.metadata?.name ?? '' }));
  }

  volumesOfClass(name: string): readonly PersistentVolume[] {
    return this.#listers.volumes.byIndex(byClass, name).map((volume) => this.volumes.over(volume));
  }

  volumesWithDataset(name: string): readonly PersistentVolume[] { return this.#listers.volumes.byIndex(byDataset, name); }
  storageClass(name: string): StorageClass | undefined { return this.#listers.classes.get({ name }); }
  csiNode(name: string): CSINode | undefined { return this.#listers.csiNodes.get({ name }); }
  csiDriver(name: string): CSIDriver | undefined { return this.#listers.csiDrivers.get({ name }); }
  capacities(): readonly CSIStorageCapacity[] { return this.#listers.capacities.list(); }
  attachmentsOn(nodeName: string): readonly VolumeAttachment[] { return this.#listers.attachments.byIndex(byNode, nodeName); }
  node(name: string): Node | undefined { return this.#listers.nodes.get({ name }); }

  podExists(pod: Pod): boolean {
    return this.#listers.pods.get({ namespace: pod.metadata?.namespace, name: pod.metadata?.name ?? '' }) !== undefined;
  }

  /** For as long as this lives. */
  observe(changed: (change: StorageChange) => void): void {
    this.#observers.push(changed);
  }

  changed(change: StorageChange): void {
    for (const observer of this.#observers) observer(change);
  }

  /** Calls back whenever one of the claims may have become bound, or never will be. Answers how to end that. */
  watchClaims(keys: readonly string[], changed: () => void): () => void {
    for (const key of keys) {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting.add(changed));
    }
    return () => {
      for (const key of keys) {
        const waiting = this.#waiting.get(key);
        waiting?.delete(changed);
        if (waiting?.size === 0) this.#waiting.delete(key);
      }
    };
  }

  tell(key: string): void {
    for (const changed of this.#waiting.get(key) ?? []) changed();
  }

  tellAll(): void {
    for (const key of this.#waiting.keys()) this.tell(key);
  }
}

function tellOfVolume(storage: Storage, { spec }: PersistentVolume): void {
  if (spec?.claimRef !== undefined) storage.tell(`${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`);
}

function onAny<T extends KubeObject>(informer: Informer<T>, changed: (object: T) => void): void {
  informer.addHandler({ added: changed, updated: (_before, object) => { changed(object); }, deleted: changed });
}

function observeChanges(storage: Storage, { claims, volumes, classes, csiNodes, attachments }: StorageInformers): void {
  onAny(claims, (claim) => storage.changed({ kind: 'claim', key: claimKey(claim) }));
  onAny(volumes, ({ metadata }) => storage.changed({ kind: 'volume', key: metadata?.name ?? '' }));
  onAny(csiNodes, ({ metadata }) => storage.changed({ kind: 'node', key: metadata?.name ?? '' }));
  onAny(attachments, ({ spec }) => storage.changed({ kind: 'node', key: spec.nodeName }));
  onAny(classes, () => storage.changed(undefined));
}

/** Before the informers start. */
export function observeStorage(informers: StorageInformers): Storage {
  for (const [name, values] of Object.entries(storageIndexes.volumes)) informers.volumes.addIndex(name, values);
  for (const [name, values] of Object.entries(storageIndexes.attachments)) informers.attachments.addIndex(name, values);
  const { claims, volumes, classes, csiNodes, csiDrivers, capacities, attachments, pods, nodes } = informers;
  const storage = new Storage({
    claims: claims.lister, volumes: volumes.lister, classes: classes.lister, csiNodes: csiNodes.lister, csiDrivers: csiDrivers.lister,
    capacities: capacities.lister, attachments: attachments.lister, pods: pods.lister, nodes: nodes.lister,
  });
  observeChanges(storage, informers);
  claims.addHandler({
    updated(_before, claim) { storage.claims.over(claim); storage.tell(claimKey(claim)); },
    deleted(claim) { storage.claims.restore(claim); storage.tell(claimKey(claim)); },
  });
  volumes.addHandler({
    added: (volume) => tellOfVolume(storage, volume),
    updated(_before, volume) { storage.volumes.over(volume); tellOfVolume(storage, volume); },
    deleted(volume) { storage.volumes.restore(volume); tellOfVolume(storage, volume); },
  });
  pods.addHandler({ deleted(pod) {
    for (const { claimName } of claimedVolumes(pod)) storage.tell(`${pod.metadata?.namespace ?? ''}/${claimName}`);
  } });
  nodes.addHandler({ deleted: () => storage.tellAll() });
  return storage;
}
