import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { KubeObject } from '@coxswain/client';
import { typedOrNone } from '../typed.ts';
import type { CacheReader } from '../types.ts';
import { podReferences, referenceKey } from './pod-references.ts';

/** Objects that say which node they are of, by resource: their group. */
const ofNode: Readonly<Record<string, string>> = { volumeattachments: 'storage.k8s.io', resourceslices: 'resource.k8s.io' };
type OfNode = KubeObject & { readonly spec?: { readonly nodeName?: string } };

/** The pods of one node. */
class NodePods {
  /** By namespace and name; undefined: not looked at yet. */
  readonly #pods = new Map<string, ReadonlySet<string> | undefined>();
  readonly #unknown = new Set<string>();
  readonly #counts = new Map<string, number>();

  get empty(): boolean {
    return this.#pods.size === 0;
  }

  set(key: string): void {
    this.delete(key);
    this.#pods.set(key, undefined);
    this.#unknown.add(key);
  }

  delete(key: string): void {
    for (const reference of this.#pods.get(key) ?? []) this.#count(reference, -1);
    this.#pods.delete(key);
    this.#unknown.delete(key);
  }

  #count(reference: string, step: 1 | -1): void {
    const next = (this.#counts.get(reference) ?? 0) + step;
    if (next === 0) this.#counts.delete(reference);
    else this.#counts.set(reference, next);
  }

  /** What they refer to, and how many of them. */
  references(podOf: (key: string) => Pod | undefined): ReadonlyMap<string, number> {
    for (const key of this.#unknown) {
      const pod = podOf(key);
      // A mirror pod is written by the kubelet itself: it must not open secrets to it.
      const references = pod === undefined || pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined ? new Set<string>() : podReferences(pod);
      this.#pods.set(key, references);
      for (const reference of references) this.#count(reference, 1);
    }
    this.#unknown.clear();
    return this.#counts;
  }
}

/**
 * What each node's pods refer to, kept from pod changes. A pod counts while it exists and is bound, finished or not: the kubelet
 * still unmounts what it had. Pods are looked at when their node first asks; volumes are followed at the time of asking, since claims
 * are bound later than pods are made.
 */
export class NodeGraph {
  readonly #cache: CacheReader;
  readonly #nodes = new Map<string, NodePods>();
  readonly #nodeOf = new Map<string, string>();

  constructor(cache: CacheReader) {
    this.#cache = cache;
    cache.onChange('', 'pods', ({ type, namespace, name, nodeName }) => {
      const key = `${namespace}/${name}`;
      const now = type === 'DELETED' ? '' : nodeName;
      if (this.#nodeOf.get(key) !== now) this.#remove(key);
      if (now !== '') this.#add(key, now);
    }, { known: true });
  }

  #add(key: string, nodeName: string): void {
    let node = this.#nodes.get(nodeName);
    if (node === undefined) {
      node = new NodePods();
      this.#nodes.set(nodeName, node);
    }
    node.set(key);
    this.#nodeOf.set(key, nodeName);
  }

  #remove(key: string): void {
    const nodeName = this.#nodeOf.get(key);
    const node = nodeName === undefined ? undefined : this.#nodes.get(nodeName);
    if (nodeName === undefined || node === undefined) return;
    this.#nodeOf.delete(key);
    node.delete(key);
    if (node.empty) this.#nodes.delete(nodeName);
  }

  readonly #podOf = (key: string): Pod | undefined => {
    const [namespace = '', name = ''] = key.split('/', 2);
    return typedOrNone<Pod>(this.#cache.get('', 'pods', namespace, name));
  };

  #podsReferTo(nodeName: string, resource: string, namespace: string, name: string): boolean {
    const counts = this.#nodes.get(nodeName)?.references(this.#podOf);
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
