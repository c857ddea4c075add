import type { Client } from '@coxswain/client';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from 'kubernetes-types/core/v1';
import { apiCode, messageOf, nodes, persistentVolumeClaims, persistentVolumes } from '../api-types.ts';
import { nodeSelectorMatches } from '../pod/admission.ts';
import { uidOf } from '../pod/pod-facts.ts';
import { VolumeError } from './payloads.ts';

/** Name of the claim behind a pod's volume; a generic ephemeral volume has one that is named for pod and volume. */
export function claimName(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral !== undefined) return `${pod.metadata?.name ?? ''}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

/** Finds the volume that a pod's claim is bound to. Once found it is kept until the pod ends: a bound claim never changes its volume. */
export class ClaimedVolumes {
  readonly #client: Client;
  readonly #nodeName: string;
  readonly #found = new Map<string, PersistentVolume>();

  constructor(client: Client, nodeName: string) {
    this.#client = client;
    this.#nodeName = nodeName;
  }

  async volume(pod: Pod, volume: Volume): Promise<PersistentVolume> {
    const key = `${uidOf(pod)}/${volume.name}`;
    const found = this.#found.get(key) ?? await this.#find(pod, volume);
    this.#found.set(key, found);
    return found;
  }

  forget(uid: string): void {
    for (const key of this.#found.keys()) if (key.startsWith(`${uid}/`)) this.#found.delete(key);
  }

  async #find(pod: Pod, volume: Volume): Promise<PersistentVolume> {
    const namespace = pod.metadata?.namespace ?? '';
    const name = claimName(pod, volume) ?? '';
    const problem = (text: string): VolumeError => new VolumeError(`error processing PVC ${namespace}/${name}: ${text}`);
    const claim = await this.#client.get(persistentVolumeClaims, { namespace, name }).catch((error: unknown) => { throw problem(`failed to fetch PVC from API server: ${messageOf(error)}`); });
    if (claim.metadata?.deletionTimestamp !== undefined) throw problem('PVC is being deleted');
    if (volume.ephemeral !== undefined && claim.metadata?.ownerReferences?.some((owner) => owner.uid === uidOf(pod) && owner.controller === true) !== true) throw problem('PVC was not created for the pod');
    if (claim.status?.phase !== 'Bound' || (claim.spec?.volumeName ?? '') === '') throw problem('PVC is not bound');
    if (claim.spec?.volumeMode === 'Block') throw problem('block volumes are not built yet');
    const bound = await this.#client.get(persistentVolumes, { name: claim.spec?.volumeName ?? '' }).catch((error: unknown) => {
      throw problem(apiCode(error) === 404 ? `failed to fetch PV ${claim.spec?.volumeName ?? ''} from API server: ${messageOf(error)}` : messageOf(error));
    });
    if (!isFor(bound, claim)) throw problem(`volume ${bound.metadata?.name ?? ''} is bound to another claim`);
    await this.#checkNode(bound);
    return bound;
  }

  async #checkNode(volume: PersistentVolume): Promise<void> {
    const required = volume.spec?.nodeAffinity?.required;
    if (required === undefined) return;
    const node: Node = await this.#client.get(nodes, { name: this.#nodeName });
    if (!nodeSelectorMatches(required, node)) throw new VolumeError(`MountVolume.NodeAffinity check failed for volume "${volume.metadata?.name ?? ''}" : no matching NodeSelectorTerms`);
  }
}

function isFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const uid = volume.spec?.claimRef?.uid;
  return uid !== undefined && uid === claim.metadata?.uid;
}
