import { claimedVolumes, claimKey, classNameOf, notFound, whyNotForPod } from '@coxswain/api/volumes';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { CSINode } from 'kubernetes-types/storage/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import { failed, unresolvable, type Status } from '../../framework/status.ts';
import type { Storage, StorageChange } from '../../storage/storage.ts';
import type { NodeTable } from '../../table/node-table.ts';

/** Driver by volume: a volume that several pods of a node use is attached there once. */
export type Attachable = ReadonlyMap<string, string>;

/** What a pod wants attached. */
export interface PodVolumes {
  readonly volumes: Attachable;
  /** What is wrong with the pod, on every node. */
  readonly problem: Status | undefined;
}

/** What a node has attached, and may. */
export interface Attached {
  /** By the pods that are there; claims that have gone count no more. */
  readonly byPods: Attachable;
  /** By driver: also what is (still) attached for nobody. */
  readonly counts: ReadonlyMap<string, number>;
  readonly limits: ReadonlyMap<string, number>;
}

interface Kept extends Attached {
  readonly touchedAt: number;
  /** In the words of `keyOf`: what it was made of besides pods. */
  readonly madeOf: readonly string[];
  isStale: boolean;
}

function limitsOf(csiNode: CSINode | undefined): ReadonlyMap<string, number> {
  return new Map((csiNode?.spec.drivers ?? []).flatMap(({ name: driver, allocatable }) => (allocatable?.count === undefined ? [] : [[driver, allocatable.count] as const])));
}

function tally(volumes: Attachable): Map<string, number> {
  const counts = new Map<string, number>();
  for (const driver of volumes.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  return counts;
}

function keyOf({ kind, key }: NonNullable<StorageChange>): string {
  return `${kind} ${key}`;
}

/** Looks volumes up; what each node has is kept until its pods or one of those objects change. */
export class AttachedVolumes {
  readonly #storage: Storage;
  #table: NodeTable | undefined;
  #byRow: (Kept | undefined)[] = [];
  readonly #users = new Map<string, Set<Kept>>();

  constructor(storage: Storage) {
    this.#storage = storage;
    storage.observe((change) => {
      if (change === undefined) this.#forget();
      else for (const kept of this.#users.get(keyOf(change)) ?? []) kept.isStale = true;
    });
  }

  /** What the claim attaches, or will once it is provisioned; undefined if no driver says so. */
  #ofClaim(claim: PersistentVolumeClaim): { readonly driver: string; readonly volume: string } | undefined {
    const volume = this.#storage.volumes.get({ name: claim.spec?.volumeName ?? '' });
    if (volume !== undefined) {
      const csi = volume.spec?.csi;
      return csi === undefined || csi.driver === '' || csi.volumeHandle === '' ? undefined : { driver: csi.driver, volume: `${csi.driver}/${csi.volumeHandle}` };
    }
    const driver = this.#storage.storageClass(classNameOf(claim))?.provisioner ?? '';
    // No handle of a driver begins with a tab.
    return driver === '' ? undefined : { driver, volume: `${driver}/\t${claimKey(claim)}` };
  }

  wantedBy(pod: Pod): PodVolumes {
    const volumes = new Map<string, string>();
    for (const { claimName, ephemeral } of claimedVolumes(pod)) {
      if (claimName === '') return { volumes, problem: failed('PersistentVolumeClaim had no name') };
      const claim = this.#storage.claims.get({ namespace: pod.metadata?.namespace, name: claimName });
      if (claim === undefined) return { volumes, problem: unresolvable(`looking up PVC ${pod.metadata?.namespace ?? ''}/${claimName}: ${notFound.claim(claimName)}`) };
      const foreign = ephemeral ? whyNotForPod(pod, claim) : undefined;
      if (foreign !== undefined) return { volumes, problem: failed(foreign) };
      const found = this.#ofClaim(claim);
      if (found !== undefined) volumes.set(found.volume, found.driver);
    }
    return { volumes, problem: undefined };
  }

  /** `madeOf` is told of all that it looked at. */
  on(node: NodeInfo, madeOf: (change: NonNullable<StorageChange>) => void = () => undefined): Attached {
    const byPods = new Map<string, string>();
    madeOf({ kind: 'node', key: node.name });
    for (const { pod, namespace } of node.pods.values()) {
      for (const { claimName } of claimedVolumes(pod)) {
        madeOf({ kind: 'claim', key: `${namespace}/${claimName}` });
        const claim = this.#storage.claims.get({ namespace, name: claimName });
        if (claim === undefined) continue;
        madeOf({ kind: 'volume', key: claim.spec?.volumeName ?? '' });
        const found = this.#ofClaim(claim);
        if (found !== undefined) byPods.set(found.volume, found.driver);
      }
    }
    const all = new Map(byPods);
    for (const { spec } of this.#storage.attachmentsOn(node.name)) {
      const { persistentVolumeName } = spec.source;
      if (persistentVolumeName === undefined) continue;
      madeOf({ kind: 'volume', key: persistentVolumeName });
      const csi = this.#storage.volumes.get({ name: persistentVolumeName })?.spec?.csi;
      if (spec.attacher !== '' && csi !== undefined) all.set(`${spec.attacher}/${csi.volumeHandle}`, spec.attacher);
    }
    return { byPods, counts: tally(all), limits: limitsOf(this.#storage.csiNode(node.name)) };
  }

  /** The same of a row as it is now. */
  at(table: NodeTable, row: number): Attached {
    if (table !== this.#table) this.#forget();
    this.#table = table;
    const kept = this.#byRow[row];
    const touchedAt = table.touchedAt[row] as number;
    if (kept !== undefined && kept.touchedAt === touchedAt && !kept.isStale) return kept;
    if (kept !== undefined) this.#drop(kept);
    const madeOf = new Set<string>();
    const attached = this.on(table.nodeAt(row), (change) => { madeOf.add(keyOf(change)); });
    const fresh: Kept = { ...attached, touchedAt, madeOf: [...madeOf], isStale: false };
    for (const key of madeOf) {
      const users = this.#users.get(key);
      if (users === undefined) this.#users.set(key, new Set([fresh]));
      else users.add(fresh);
    }
    this.#byRow[row] = fresh;
    return fresh;
  }

  #drop(kept: Kept): void {
    for (const key of kept.madeOf) {
      const users = this.#users.get(key);
      users?.delete(kept);
      if (users?.size === 0) this.#users.delete(key);
    }
  }

  #forget(): void {
    this.#byRow = [];
    this.#users.clear();
  }
}
