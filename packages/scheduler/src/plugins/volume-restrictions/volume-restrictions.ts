import { claims, notFound } from '@coxswain/api/volumes';
import type { PersistentVolumeClaim, Pod, Volume } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import type { AnyPlugin } from '../../framework/interface.ts';
import { skip, success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import type { Storage } from '../../storage/storage.ts';

const name = 'VolumeRestrictions';
const reasonDisk = 'node(s) had no available disk';
const reasonReadWriteOncePod = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';

/** Claims of the pod that only one pod may use, and how often others use them. */
class Exclusive implements StateData {
  readonly keys: ReadonlySet<string>;
  users: number;

  constructor(keys: ReadonlySet<string>, users: number) {
    this.keys = keys;
    this.users = users;
  }

  clone(): Exclusive { return new Exclusive(this.keys, this.users); }

  count(other: PodInfo, by: 1 | -1): void {
    for (const key of other.claims) if (this.keys.has(key)) this.users += by;
  }
}

function bothReadOnly(a: { readonly readOnly?: boolean }, b: { readonly readOnly?: boolean }): boolean {
  return a.readOnly === true && b.readOnly === true;
}

/** Disks that must not be mounted twice on a node, at least not for writing. */
function sameDisk(a: Volume, b: Volume): boolean {
  const [gce, otherGce] = [a.gcePersistentDisk, b.gcePersistentDisk];
  if (gce !== undefined && otherGce !== undefined && gce.pdName === otherGce.pdName && !bothReadOnly(gce, otherGce)) return true;
  const [ebs, otherEbs] = [a.awsElasticBlockStore, b.awsElasticBlockStore];
  if (ebs !== undefined && otherEbs !== undefined && ebs.volumeID === otherEbs.volumeID) return true;
  const [iscsi, otherIscsi] = [a.iscsi, b.iscsi];
  if (iscsi !== undefined && otherIscsi !== undefined && iscsi.iqn === otherIscsi.iqn && !bothReadOnly(iscsi, otherIscsi)) return true;
  const [rbd, otherRbd] = [a.rbd, b.rbd];
  return rbd !== undefined && otherRbd !== undefined && rbd.monitors.some((monitor) => otherRbd.monitors.includes(monitor))
    && (rbd.pool ?? 'rbd') === (otherRbd.pool ?? 'rbd') && rbd.image === otherRbd.image && !bothReadOnly(rbd, otherRbd);
}

function isDisk({ gcePersistentDisk, awsElasticBlockStore, rbd, iscsi }: Volume): boolean {
  return gcePersistentDisk !== undefined || awsElasticBlockStore !== undefined || rbd !== undefined || iscsi !== undefined;
}

function disksOf(pod: Pod): readonly Volume[] {
  return pod.spec?.volumes?.filter(isDisk) ?? [];
}

function shareDisk(pod: Pod, other: Pod): boolean {
  return disksOf(pod).some((disk) => other.spec?.volumes?.some((volume) => sameDisk(disk, volume)) === true);
}

function diskTaken(pod: Pod, node: NodeInfo): boolean {
  return disksOf(pod).length > 0 && node.pods.values().some((other) => shareDisk(pod, other.pod));
}

function podGone(waiting: Pod, gone: Pod): boolean {
  if (waiting.metadata?.namespace !== gone.metadata?.namespace) return false;
  const claimed = (pod: Pod): string[] => (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
  const mine = claimed(waiting);
  return shareDisk(waiting, gone) || claimed(gone).some((claim) => mine.includes(claim));
}

/** Some disks, and claims that are ReadWriteOncePod, have one user at a time. */
export function volumeRestrictions(storage: Storage): AnyPlugin {
  const exclusiveClaims = ({ claims: keys, namespace }: PodInfo): Set<string> | Status => {
    const exclusive = new Set<string>();
    for (const key of keys) {
      const claimName = key.slice(namespace.length + 1);
      const claim = storage.claims.get({ namespace, name: claimName });
      if (claim === undefined) return unresolvable(notFound.claim(claimName));
      if (claim.spec?.accessModes?.includes('ReadWriteOncePod') === true) exclusive.add(key);
    }
    return exclusive;
  };
  return {
    name,
    preFilter(state, pod, snapshot) {
      const hasDisks = pod.pod.spec?.volumes?.some(isDisk) === true;
      if (!hasDisks && pod.claims.length === 0) return { status: skip };
      const exclusive = exclusiveClaims(pod);
      if (!(exclusive instanceof Set)) return { status: exclusive };
      const users = [...exclusive].reduce((sum, key) => sum + snapshot.claimUsers(key), 0);
      if (!hasDisks && users === 0) return { status: skip };
      state.write(name, new Exclusive(exclusive, users));
      return { status: success };
    },
    addPod: (state, _pod, toAdd) => state.read<Exclusive>(name)?.count(toAdd, 1),
    removePod: (state, _pod, toRemove) => state.read<Exclusive>(name)?.count(toRemove, -1),
    filter(state, { pod }, node) {
      if (diskTaken(pod, node)) return unschedulable(reasonDisk);
      return (state.read<Exclusive>(name)?.users ?? 0) > 0 ? unschedulable(reasonReadWriteOncePod) : success;
    },
    eventsToRegister: () => [
      { resource: 'AssignedPod', actions: ['Delete'], hint: (pod, event) => podGone(pod, event.before as Pod) },
      { resource: 'Node', actions: ['Add'] },
      { resource: 'PersistentVolumeClaim', actions: ['Add'], hint: (pod, event) => claims(pod, event.after as PersistentVolumeClaim) },
    ],
  };
}
