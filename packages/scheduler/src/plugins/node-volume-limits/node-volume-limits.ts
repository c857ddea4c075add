import { claimedVolumes, claimKey, claims, classNameOf, notFound, whyNotForPod } from '@coxswain/api/volumes';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { CSINode } from 'kubernetes-types/storage/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import type { AnyPlugin } from '../../framework/interface.ts';
import { failed, skip, success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import type { Storage } from '../../storage/storage.ts';

const name = 'NodeVolumeLimits';
export const reasonLimit = 'node(s) exceed max volume count';

/** Driver by volume: a volume that several pods of a node use is attached there once. */
type Attachable = ReadonlyMap<string, string>;

interface Wanted extends StateData {
  readonly volumes: Attachable;
  /** What is wrong with the pod, on every node. */
  readonly problem: Status | undefined;
}

function limitsOf(csiNode: CSINode | undefined): ReadonlyMap<string, number> {
  return new Map((csiNode?.spec.drivers ?? []).flatMap(({ name: driver, allocatable }) => (allocatable?.count === undefined ? [] : [[driver, allocatable.count] as const])));
}

function tally(volumes: Attachable): Map<string, number> {
  const counts = new Map<string, number>();
  for (const driver of volumes.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  return counts;
}

/** Looks volumes up. */
class Attached {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
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

  wantedBy(pod: Pod): Wanted {
    const volumes = new Map<string, string>();
    const wanted = (problem?: Status): Wanted => { const data: Wanted = { volumes, problem, clone: () => data }; return data; };
    for (const { claimName, ephemeral } of claimedVolumes(pod)) {
      if (claimName === '') return wanted(failed('PersistentVolumeClaim had no name'));
      const claim = this.#storage.claims.get({ namespace: pod.metadata?.namespace, name: claimName });
      if (claim === undefined) return wanted(unresolvable(`looking up PVC ${pod.metadata?.namespace ?? ''}/${claimName}: ${notFound.claim(claimName)}`));
      const foreign = ephemeral ? whyNotForPod(pod, claim) : undefined;
      if (foreign !== undefined) return wanted(failed(foreign));
      const found = this.#ofClaim(claim);
      if (found !== undefined) volumes.set(found.volume, found.driver);
    }
    return wanted();
  }

  /** By the pods that are there; claims that have gone count no more. */
  byPods(node: NodeInfo): Map<string, string> {
    const attached = new Map<string, string>();
    for (const { pod } of node.pods.values()) {
      for (const { claimName } of claimedVolumes(pod)) {
        const claim = this.#storage.claims.get({ namespace: pod.metadata?.namespace, name: claimName });
        const found = claim === undefined ? undefined : this.#ofClaim(claim);
        if (found !== undefined) attached.set(found.volume, found.driver);
      }
    }
    return attached;
  }

  /** Also what is (still) attached for nobody. */
  addOthers(node: NodeInfo, attached: Map<string, string>): void {
    for (const { spec } of this.#storage.attachmentsOn(node.name)) {
      const csi = spec.source.persistentVolumeName === undefined ? undefined : this.#storage.volumes.get({ name: spec.source.persistentVolumeName })?.spec?.csi;
      if (spec.attacher !== '' && csi !== undefined) attached.set(`${spec.attacher}/${csi.volumeHandle}`, spec.attacher);
    }
  }
}

/** A node's drivers say how many volumes each can attach there. */
export function nodeVolumeLimits(storage: Storage): AnyPlugin {
  const looked = new Attached(storage);
  return {
    name,
    preFilter(state, { pod }) {
      if (claimedVolumes(pod).length === 0) return { status: skip };
      state.write(name, looked.wantedBy(pod));
      return { status: success };
    },
    filter(state, _pod, node) {
      const { volumes, problem } = state.read<Wanted>(name) as Wanted;
      if (problem !== undefined) return problem;
      const limits = volumes.size === 0 ? undefined : limitsOf(storage.csiNode(node.name));
      if (limits === undefined || limits.size === 0) return success;
      const attached = looked.byPods(node);
      const fresh = new Map([...volumes].filter(([volume]) => !attached.has(volume)));
      looked.addOthers(node, attached);
      const there = tally(attached);
      for (const [driver, count] of tally(fresh)) {
        const limit = limits.get(driver);
        if (limit !== undefined && (there.get(driver) ?? 0) + count > limit) return unschedulable(reasonLimit);
      }
      return success;
    },
    eventsToRegister: () => [
      { resource: 'CSINode', actions: ['Add'] },
      { resource: 'AssignedPod', actions: ['Delete'], hint: (_pod, event) => claimedVolumes(event.before as Pod).length > 0 },
      { resource: 'PersistentVolumeClaim', actions: ['Add'], hint: (pod, event) => claims(pod, event.after as PersistentVolumeClaim) },
      { resource: 'VolumeAttachment', actions: ['Delete'] },
    ],
  };
}
