import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { KubeObject } from '@coxswain/client';
import { typed, typedOrNone } from '../typed.ts';
import type { CacheReader } from '../types.ts';
import { podReferences, referenceKey } from './pod-references.ts';

/** Objects that say which node they are of, by resource: their group. */
const ofNode: Readonly<Record<string, string>> = { volumeattachments: 'storage.k8s.io', resourceslices: 'resource.k8s.io' };
type OfNode = KubeObject & { readonly spec?: { readonly nodeName?: string } };

interface KnownPod {
  readonly nodeName: string;
  readonly references: ReadonlySet<string>;
}

/**
 * What each node's pods refer to, kept from pod changes. A pod counts while it exists and is bound, finished or not: the kubelet
 * still unmounts what it had. Volumes are followed at the time of asking, since claims are bound later than pods are made.
 */
export class NodeGraph {
  readonly #cache: CacheReader;
  readonly #pods = new Map<string, KnownPod>();
  readonly #counts = new Map<string, Map<string, number>>();

  constructor(cache: CacheReader) {
    this.#cache = cache;
    cache.onChange('', 'pods', (event) => {
      const pod = typed<Pod>(event.object);
      const key = `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;
      if (event.type === 'DELETED') this.#remove(key);
      else this.#set(key, pod);
    });
  }

  /** Once the cache has its first list: what was there before the listener. */
  seed(): void {
    for (const object of this.#cache.list('', 'pods')) {
      const pod = typed<Pod>(object);
      this.#set(`${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`, pod);
    }
  }

  #set(key: string, pod: Pod): void {
    this.#remove(key);
    const nodeName = pod.spec?.nodeName;
    if (!nodeName) return;
    // A mirror pod is written by the kubelet itself: it must not open secrets to it.
    const mirror = pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
    const known = { nodeName, references: mirror ? new Set<string>() : podReferences(pod) };
    this.#pods.set(key, known);
    this.#count(known, 1);
  }

  #remove(key: string): void {
    const known = this.#pods.get(key);
    if (known === undefined) return;
    this.#pods.delete(key);
    this.#count(known, -1);
  }

  #count(known: KnownPod, step: 1 | -1): void {
    const counts = this.#counts.get(known.nodeName) ?? new Map<string, number>();
    this.#counts.set(known.nodeName, counts);
    for (const reference of known.references) {
      const next = (counts.get(reference) ?? 0) + step;
      if (next === 0) counts.delete(reference);
      else counts.set(reference, next);
    }
    if (counts.size === 0) this.#counts.delete(known.nodeName);
  }

  #podsReferTo(nodeName: string, resource: string, namespace: string, name: string): boolean {
    const counts = this.#counts.get(nodeName);
    if (counts === undefined) return false;
    if (counts.has(referenceKey(resource, namespace, name))) return true;
    if (resource === 'persistentvolumes') return this.#volumeIsUsed(counts, this.#volume(name));
    return resource === 'secrets' && this.#secretOfVolume(counts, namespace, name);
  }

  /** Whether a pod of that node refers to it, directly or through a claim's volume, or it is of that node itself. */
  refersTo(nodeName: string, resource: string, namespace: string, name: string): boolean {
    const group = ofNode[resource];
    if (group !== undefined) return typedOrNone<OfNode>(this.#cache.get(group, resource, '', name))?.spec?.nodeName === nodeName;
    return this.#podsReferTo(nodeName, resource, namespace, name);
  }

  podIsOf(nodeName: string, namespace: string, name: string): boolean {
    return typedOrNone<Pod>(this.#cache.get('', 'pods', namespace, name))?.spec?.nodeName === nodeName;
  }

  /** It exists, and is bound to another node or to none. */
  podIsElsewhere(nodeName: string, namespace: string, name: string): boolean {
    const pod = typedOrNone<Pod>(this.#cache.get('', 'pods', namespace, name));
    return pod !== undefined && pod.spec?.nodeName !== nodeName;
  }

  #volume(name: string): PersistentVolume | undefined {
    return typedOrNone<PersistentVolume>(this.#cache.get('', 'persistentvolumes', '', name));
  }

  #volumeIsUsed(counts: ReadonlyMap<string, number>, volume: PersistentVolume | undefined): boolean {
    const claim = volume?.spec?.claimRef;
    return claim !== undefined && counts.has(referenceKey('persistentvolumeclaims', claim.namespace ?? '', claim.name ?? ''));
  }

  #secretOfVolume(counts: ReadonlyMap<string, number>, namespace: string, name: string): boolean {
    for (const reference of counts.keys()) {
      if (!reference.startsWith('persistentvolumeclaims ')) continue;
      const [claimNamespace = '', claimName = ''] = reference.slice('persistentvolumeclaims '.length).split('/', 2);
      const claim = typedOrNone<PersistentVolumeClaim>(this.#cache.get('', 'persistentvolumeclaims', claimNamespace, claimName));
      const volume = claim?.spec?.volumeName === undefined ? undefined : this.#volume(claim.spec.volumeName);
      if (volume !== undefined && volumeSecrets(volume, claimNamespace).includes(`${namespace}/${name}`)) return true;
    }
    return false;
  }
}

function volumeSecrets(volume: PersistentVolume, claimNamespace: string): string[] {
  const csi = volume.spec?.csi;
  const references = [csi?.nodePublishSecretRef, csi?.nodeStageSecretRef, csi?.nodeExpandSecretRef, volume.spec?.iscsi?.secretRef, volume.spec?.rbd?.secretRef, volume.spec?.cephfs?.secretRef];
  return references.filter((one) => one !== undefined).map((one) => `${one.namespace ?? claimNamespace}/${one.name ?? ''}`);
}
