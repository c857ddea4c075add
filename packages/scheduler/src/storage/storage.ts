import { claimedVolumes, claimKey, classNameOf } from '@coxswain/api/volumes';
import type { Informer, KubeObject, Lister } from '@coxswain/client';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from 'kubernetes-types/storage/v1';
import { AssumeCacheWithPast, Past, type PastOf } from './past.ts';

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

/**
 * Claims, volumes and what is known about where they can be, with what was decided and is being written. What plugins judge by can be looked at as it was
 * (`at`); nodes, and whether a pod exists, are those of now.
 */
export class Storage {
  readonly claims: AssumeCacheWithPast<PersistentVolumeClaim>;
  readonly volumes: AssumeCacheWithPast<PersistentVolume>;
  readonly #past = new Past();
  readonly past: { readonly [K in Exclude<keyof StorageKinds, 'pods' | 'nodes'>]: PastOf<StorageKinds[K]> } = {
    claims: this.#past.kind(), volumes: this.#past.kind(), classes: this.#past.kind(), csiNodes: this.#past.kind(), csiDrivers: this.#past.kind(),
    capacities: this.#past.kind(), attachments: this.#past.kind(),
  };
  readonly #listers: StorageListers;
  /** By claim: who waits for it to be bound. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #observers: ((change: StorageChange) => void)[] = [];

  constructor(listers: StorageListers) {
    this.#listers = listers;
    this.claims = new AssumeCacheWithPast(listers.claims, this.past.claims, (claim) => this.changed({ kind: 'claim', key: claimKey(claim) }));
    this.volumes = new AssumeCacheWithPast(listers.volumes, this.past.volumes, (volume) => this.changed({ kind: 'volume', key: volume.metadata?.name ?? '' }));
  }

  volumesOfClass(name: string): readonly PersistentVolume[] {
    return this.volumes.among(this.#listers.volumes.byIndex(byClass, name), (volume) => classNameOf(volume) === name);
  }

  volumesWithDataset(name: string): readonly PersistentVolume[] { return this.past.volumes.among(this.#listers.volumes.byIndex(byDataset, name), (volume) => datasetsIn(volume).includes(name)); }
  storageClass(name: string): StorageClass | undefined { return this.past.classes.get({ name }, (key) => this.#listers.classes.get(key)); }
  csiNode(name: string): CSINode | undefined { return this.past.csiNodes.get({ name }, (key) => this.#listers.csiNodes.get(key)); }
  csiDriver(name: string): CSIDriver | undefined { return this.past.csiDrivers.get({ name }, (key) => this.#listers.csiDrivers.get(key)); }
  capacities(): readonly CSIStorageCapacity[] { return this.past.capacities.among(this.#listers.capacities.list(), () => true); }
  attachmentsOn(nodeName: string): readonly VolumeAttachment[] { return this.past.attachments.among(this.#listers.attachments.byIndex(byNode, nodeName), ({ spec }) => spec.nodeName === nodeName); }
  node(name: string): Node | undefined { return this.#listers.nodes.get({ name }); }

  /** The place of the next change. */
  get place(): number { return this.#past.place; }
  /** The earliest place to which `at` can go back. */
  get earliestPlace(): number { return this.#past.earliestPlace; }

  /** What `look` sees of it as it was when `place` was its next change. It must not await, and nothing of what it saw may be kept. */
  at<T>(place: number, look: () => T): T {
    if (place === this.place) return look();
    try {
      return this.#past.at(place, () => { this.changed(undefined); return look(); });
    } finally {
      this.changed(undefined);
    }
  }

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

function observePast(storage: Storage, { claims, volumes, classes, csiNodes, csiDrivers, capacities, attachments }: StorageInformers): void {
  const { past } = storage;
  past.claims.observe(claims, (claim) => storage.claims.over(claim));
  past.volumes.observe(volumes, (volume) => storage.volumes.over(volume));
  past.classes.observe(classes);
  past.csiNodes.observe(csiNodes);
  past.csiDrivers.observe(csiDrivers);
  past.capacities.observe(capacities);
  past.attachments.observe(attachments);
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
  observePast(storage, informers);
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
