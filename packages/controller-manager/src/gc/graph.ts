import { splitKey, type KubeObject, type ResourceType } from '@coxswain/client';
import type { OwnerReference } from 'kubernetes-types/meta/v1';

/** What is known of one object: that it exists (seen in a cache) or only that somebody names it as an owner. */
export interface GraphNode {
  readonly uid: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Undefined while it was only named by a dependent. */
  type: ResourceType | undefined;
  /** Not seen itself: the name is a dependent's claim, to be checked. */
  virtual: boolean;
  owners: readonly OwnerReference[];
  finalizers: readonly string[];
  beingDeleted: boolean;
  readonly dependents: Set<GraphNode>;
}

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

/** What a change of the graph makes worth looking at. */
export interface GraphChanges {
  /** May have lost its last owner, or waits for its dependents. */
  attempt(node: GraphNode): void;
  /** Is being deleted and wants its dependents to stay. */
  orphan(node: GraphNode): void;
}

/** Who owns whom, by uid, over all resources. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #changes: GraphChanges;

  constructor(changes: GraphChanges) {
    this.#changes = changes;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Added or changed. */
  observe(type: ResourceType, object: KubeObject): void {
    const { uid = '', namespace = '', name = '', ownerReferences = [], finalizers = [], deletionTimestamp } = object.metadata ?? {};
    let node = this.#nodes.get(uid);
    const isNew = node === undefined || node.virtual;
    if (node === undefined || (node.virtual && (node.namespace !== namespace || node.name !== name || node.kind !== type.kind))) {
      const dependents = node?.dependents ?? new Set();
      node = { uid, apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}`, kind: type.kind, namespace, name, type, virtual: false, owners: [], finalizers: [], beingDeleted: false, dependents };
      this.#nodes.set(uid, node);
      // Whoever named it with other coordinates named something that does not exist.
      for (const dependent of dependents) this.#changes.attempt(dependent);
    }
    const startedDeleting = deletionTimestamp !== undefined && (!node.beingDeleted || finalizers.join() !== node.finalizers.join());
    const ownersChanged = this.#setOwners(node, ownerReferences);
    Object.assign(node, { type, virtual: false, finalizers, beingDeleted: deletionTimestamp !== undefined });
    if (startedDeleting && finalizers.includes(orphanFinalizer)) this.#changes.orphan(node);
    if (startedDeleting && finalizers.includes(foregroundFinalizer)) {
      for (const dependent of node.dependents) this.#changes.attempt(dependent);
      this.#changes.attempt(node);
    }
    if ((isNew || ownersChanged) && ownerReferences.length > 0) this.#changes.attempt(node);
  }

  #setOwners(node: GraphNode, owners: readonly OwnerReference[]): boolean {
    const before = new Map(node.owners.map((owner) => [owner.uid, owner]));
    const after = new Map(owners.map((owner) => [owner.uid, owner]));
    for (const uid of before.keys()) if (!after.has(uid)) this.#dropDependent(uid, node);
    for (const [uid, owner] of after) {
      const known = this.#nodes.get(uid) ?? this.#virtual(owner, node.namespace);
      known.dependents.add(node);
      const was = before.get(uid);
      // An owner that waited for this one may be free now.
      if (was?.blockOwnerDeletion === true && owner.blockOwnerDeletion !== true) this.#changes.attempt(known);
    }
    node.owners = owners;
    return JSON.stringify([...before.values()]) !== JSON.stringify([...after.values()]);
  }

  #dropDependent(ownerUid: string, node: GraphNode): void {
    const owner = this.#nodes.get(ownerUid);
    if (owner === undefined) return;
    owner.dependents.delete(node);
    if (owner.virtual && owner.dependents.size === 0) this.#nodes.delete(ownerUid);
    else if (owner.beingDeleted) this.#changes.attempt(owner);
  }

  #virtual(owner: OwnerReference, namespace: string): GraphNode {
    const node: GraphNode = {
      uid: owner.uid, apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, namespace, type: undefined, virtual: true, owners: [], finalizers: [], beingDeleted: false, dependents: new Set(),
    };
    this.#nodes.set(owner.uid, node);
    // Perhaps it has never existed: the dependent's check will tell.
    return node;
  }

  remove(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node === undefined) return;
    this.#nodes.delete(uid);
    for (const owner of node.owners) {
      const known = this.#nodes.get(owner.uid);
      known?.dependents.delete(node);
      if (known?.virtual === true && known.dependents.size === 0) this.#nodes.delete(owner.uid);
      else if (known !== undefined && known.beingDeleted) this.#changes.attempt(known);
    }
    for (const dependent of node.dependents) this.#changes.attempt(dependent);
  }

  /** Does one of its dependents wait for dependents of its own already? It may be a circle; that it might be none does no harm. */
  closesCircle(node: GraphNode): boolean {
    return [...node.dependents].some((dependent) => dependent.beingDeleted && dependent.finalizers.includes(foregroundFinalizer));
  }

  /** Dependents that keep a foreground deletion waiting. */
  blockingDependents(node: GraphNode): GraphNode[] {
    return [...node.dependents].filter((dependent) => dependent.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion === true));
  }
}

export function keyOfNode(node: GraphNode): { readonly namespace?: string; readonly name: string } {
  return splitKey(node.namespace === '' ? node.name : `${node.namespace}/${node.name}`) as { readonly namespace?: string; readonly name: string };
}
