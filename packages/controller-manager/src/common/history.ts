import { isAlreadyExists, isNotFound, objectKey, resources, type KubeObject, type ResourceType } from '@coxswain/client';
import type { ControllerRevision } from 'kubernetes-types/apps/v1';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { shortHash } from '../deployment/hash.ts';
import type { ControllerContext } from '../types.ts';
import { claim } from './claim.ts';
import { deepEqual, nameOf, namespaceOf, sortedKeys, uidOf } from './object.ts';
import { newControllerRef } from './owner.ts';

/** An object whose templates are kept as ControllerRevisions. */
export interface Historied<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly owner: T;
  readonly selector: LabelSelector;
  readonly template: PodTemplateSpec | undefined;
  readonly collisionCount: number | undefined;
  /** Label of a revision that holds its hash. */
  readonly hashLabel: string;
  /** Writes down that two templates met in one hash, so that the next try gets another. */
  collided(): Promise<unknown>;
}

export interface Revisions { readonly current: ControllerRevision; readonly old: readonly ControllerRevision[] }

/**
 * What a revision holds: a patch that brings the template back (kubectl rollout undo applies it). Clients compare its bytes, as
 * upstream's do, so the order of its fields counts.
 */
export function revisionData(template: PodTemplateSpec | undefined): { readonly spec: { readonly template: object } } {
  return { spec: { template: sortedKeys({ ...template, $patch: 'replace' }) as object } };
}

export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { $patch: _patch, ...template } = (revision.data as { spec?: { template?: Record<string, unknown> } } | undefined)?.spec?.template ?? {};
  return template as PodTemplateSpec;
}

/** Finds or makes the revision of the current template; its number is the highest. */
export async function currentRevision<T extends KubeObject>(context: ControllerContext, of: Historied<T>, all: readonly ControllerRevision[]): Promise<Revisions> {
  const own = await claim({ client: context.client, ownerType: of.type, owner: of.owner, selector: of.selector, childType: resources.controllerrevisions }, all);
  const data = revisionData(of.template);
  const found = own.filter((revision) => deepEqual(revision.data, data)).toSorted((a, b) => b.revision - a.revision)[0];
  const old = own.filter((revision) => revision !== found);
  const newest = old.reduce((most, { revision }) => Math.max(most, revision), 0);
  if (found === undefined) return { current: await make(context, of, data, newest + 1), old };
  if (found.revision > newest) return { current: found, old };
  return { current: await context.client.update(resources.controllerrevisions, { ...found, revision: newest + 1 }), old };
}

async function make<T extends KubeObject>(context: ControllerContext, of: Historied<T>, data: object, revision: number): Promise<ControllerRevision> {
  const hash = shortHash(of.template, of.collisionCount);
  const name = `${nameOf(of.owner)}-${hash}`;
  const wanted: ControllerRevision = {
    metadata: { name, namespace: namespaceOf(of.owner), labels: { ...of.template?.metadata?.labels, [of.hashLabel]: hash }, ownerReferences: [newControllerRef(of.type, of.owner)] },
    data: data as ControllerRevision['data'], revision,
  };
  try {
    return await context.client.create(resources.controllerrevisions, wanted);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const live = await context.client.get(resources.controllerrevisions, { namespace: namespaceOf(of.owner), name });
    if (deepEqual(live.data, data)) return live;
    await of.collided();
    throw error;
  }
}

/** Old revisions past the limit go, the oldest first, but none that is in use. */
export async function trimHistory(context: ControllerContext, old: readonly ControllerRevision[], limit: number, inUse: (revision: ControllerRevision) => boolean): Promise<void> {
  const idle = old.filter((revision) => !inUse(revision)).toSorted((a, b) => a.revision - b.revision);
  for (const revision of idle.slice(0, Math.max(0, idle.length - limit))) {
    await context.client.delete(resources.controllerrevisions, objectKey(revision), { preconditions: { uid: uidOf(revision) } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
