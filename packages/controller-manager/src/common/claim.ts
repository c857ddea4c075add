import { isNotFound, isInvalid, objectKey, selectorMatches, type Client, type KubeObject, type ResourceType } from '@coxswain/client';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { isDeleting, namespaceOf, uidOf } from './object.ts';
import { controllerOf, newControllerRef } from './owner.ts';

export interface Claimer<O extends KubeObject, C extends KubeObject> {
  readonly client: Client;
  readonly ownerType: ResourceType<O>;
  readonly owner: O;
  readonly selector: LabelSelector;
  readonly childType: ResourceType<C>;
}

/**
 * The children that belong to the owner: those it controls and selects. Orphans that match are adopted, its own that match no
 * more are released. Adoption asks the server first whether the owner is still the one that we know.
 */
export async function claim<O extends KubeObject, C extends KubeObject>(claimer: Claimer<O, C>, candidates: readonly C[], mayAdopt: (child: C) => boolean = () => true): Promise<C[]> {
  const claimed: C[] = [];
  let fresh: Promise<void> | undefined;
  for (const child of candidates) {
    const controller = controllerOf(child);
    const matches = selectorMatches(claimer.selector, child.metadata?.labels);
    if (controller !== undefined) {
      if (controller.uid !== uidOf(claimer.owner)) continue;
      if (matches) claimed.push(child);
      else if (!isDeleting(claimer.owner)) await release(claimer, child);
      continue;
    }
    if (!matches || isDeleting(claimer.owner) || isDeleting(child) || namespaceOf(child) !== namespaceOf(claimer.owner) || !mayAdopt(child)) continue;
    fresh ??= mustBeCurrent(claimer);
    await fresh;
    if (await adopt(claimer, child)) claimed.push(child);
  }
  return claimed;
}

async function mustBeCurrent<O extends KubeObject, C extends KubeObject>(claimer: Claimer<O, C>): Promise<void> {
  const live = await claimer.client.get(claimer.ownerType, objectKey(claimer.owner));
  if (uidOf(live) !== uidOf(claimer.owner)) throw new Error(`${claimer.ownerType.kind} was made again: got uid ${uidOf(live)}, wanted ${uidOf(claimer.owner)}`);
  if (isDeleting(live)) throw new Error(`${claimer.ownerType.kind} is being deleted`);
}

/** False if the child is gone. */
async function adopt<O extends KubeObject, C extends KubeObject>(claimer: Claimer<O, C>, child: C): Promise<boolean> {
  const patch = { metadata: { uid: uidOf(child), ownerReferences: [newControllerRef(claimer.ownerType, claimer.owner)] } };
  return await patchChild(claimer, child, patch);
}

async function release<O extends KubeObject, C extends KubeObject>(claimer: Claimer<O, C>, child: C): Promise<void> {
  await patchChild(claimer, child, { metadata: { uid: uidOf(child), ownerReferences: [{ $patch: 'delete', uid: uidOf(claimer.owner) }] } });
}

async function patchChild<O extends KubeObject, C extends KubeObject>(claimer: Claimer<O, C>, child: C, patch: unknown): Promise<boolean> {
  try {
    await claimer.client.patch(claimer.childType, objectKey(child), 'strategic', patch);
    return true;
  } catch (error) {
    // Gone, or another object by now (the uid in the patch no longer fits): not ours to claim.
    if (isNotFound(error) || isInvalid(error)) return false;
    throw error;
  }
}
