import { boundAnnotation, claimedVolumes, claimKey, classNameOf } from '@coxswain/api/volumes';
import { AssumeCache, resources, splitKey, type Informer, type InformerFactory } from '@coxswain/client';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { isPodTerminal } from '../common/pods.ts';
import { isDeleting, nameOf, namespaceOf } from '../common/object.ts';
import type { ClaimView } from './claim.ts';
import { annotationOf, defaultClass, ownerKey } from './facts.ts';

const ofOwner = 'owner';
const ofClass = 'free-of-class';
const ofVolume = 'volume-name';
const unboundOfClass = 'unbound-of-class';
const ofClaim = 'claimed';

/** Pods by the claims that they name, whether they have a node or not. */
export function indexByClaim(pods: Informer<Pod>): void {
  pods.addIndex(ofClaim, (pod) => claimedVolumes(pod).map(({ claimName }) => `${namespaceOf(pod)}/${claimName}`));
}

export function podsOfClaim(pods: Informer<Pod>, key: string): readonly Pod[] {
  return pods.lister.byIndex(ofClaim, key);
}

function hasEnded(pod: Pod): boolean {
  const all = [...pod.status?.initContainerStatuses ?? [], ...pod.status?.containerStatuses ?? [], ...pod.status?.ephemeralContainerStatuses ?? []];
  return isPodTerminal(pod) || (isDeleting(pod) && all.every(({ state }) => state?.terminated !== undefined || state?.waiting !== undefined));
}

/** Claims, volumes and classes as they are known, with what was written since. */
export class Caches implements ClaimView {
  readonly claims: AssumeCache<PersistentVolumeClaim>;
  readonly volumes: AssumeCache<PersistentVolume>;
  readonly claimInformer: Informer<PersistentVolumeClaim>;
  readonly volumeInformer: Informer<PersistentVolume>;
  readonly classInformer: Informer<StorageClass>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;

  constructor(informers: InformerFactory) {
    this.claimInformer = informers.informer(resources.persistentvolumeclaims);
    this.volumeInformer = informers.informer(resources.persistentvolumes);
    this.classInformer = informers.informer(resources.storageclasses);
    this.#pods = informers.informer(resources.pods);
    this.#nodes = informers.informer(resources.nodes);
    this.claims = new AssumeCache(this.claimInformer.lister);
    this.volumes = new AssumeCache(this.volumeInformer.lister);
    this.volumeInformer.addIndex(ofOwner, (volume) => [ownerKey(volume)].filter((key) => key !== undefined));
    this.volumeInformer.addIndex(ofClass, (volume) => (volume.spec?.claimRef === undefined ? [classNameOf(volume)] : []));
    this.claimInformer.addIndex(ofVolume, (claim) => [claim.spec?.volumeName ?? ''].filter((name) => name !== ''));
    this.claimInformer.addIndex(unboundOfClass, (claim) => (annotationOf(claim, boundAnnotation) === undefined ? [classNameOf(claim)] : []));
    indexByClaim(this.#pods);
  }

  claim(key: string): PersistentVolumeClaim | undefined { return this.claims.get(splitKey(key)); }
  volume(name: string): PersistentVolume | undefined { return this.volumes.get({ name }); }
  storageClass(name: string): StorageClass | undefined { return this.classInformer.lister.get({ name }); }
  defaultClass(): StorageClass | undefined { return defaultClass(this.classInformer.lister.list()); }
  hasNode(name: string): boolean { return this.#nodes.lister.get({ name }) !== undefined; }

  candidates(claim: PersistentVolumeClaim): readonly PersistentVolume[] {
    return [...this.volumesOf(claimKey(claim)), ...this.volumeInformer.lister.byIndex(ofClass, classNameOf(claim))].map((volume) => this.volumes.over(volume));
  }

  podsWithoutNode(claim: PersistentVolumeClaim): readonly string[] {
    return this.#livePods(claimKey(claim)).filter((pod) => (pod.spec?.nodeName ?? '') === '').map(nameOf);
  }

  /** Keys of the pods that still use what the volume's claim was. */
  users(volume: PersistentVolume): readonly string[] {
    return this.#livePods(ownerKey(volume) ?? '').map((pod) => `${namespaceOf(pod)}/${nameOf(pod)}`).toSorted();
  }

  #livePods(key: string): readonly Pod[] {
    return podsOfClaim(this.#pods, key).filter((pod) => !hasEnded(pod));
  }

  /** As reported: reserved for a claim of this key. */
  volumesOf(key: string): readonly PersistentVolume[] { return this.volumeInformer.lister.byIndex(ofOwner, key); }
  claimsNaming(volumeName: string): readonly PersistentVolumeClaim[] { return this.claimInformer.lister.byIndex(ofVolume, volumeName); }
  unboundClaims(className: string): readonly PersistentVolumeClaim[] { return this.claimInformer.lister.byIndex(unboundOfClass, className); }
}
