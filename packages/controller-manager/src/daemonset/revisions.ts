import { isAlreadyExists, isNotFound, objectKey, resources } from '@coxswain/client';
import type { ControllerRevision, DaemonSet } from 'kubernetes-types/apps/v1';
import { claim } from '../common/claim.ts';
import { deepEqual, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { newControllerRef } from '../common/owner.ts';
import { shortHash } from '../deployment/hash.ts';
import type { ControllerContext } from '../types.ts';

export const hashLabel = 'controller-revision-hash';

/** What a revision holds: a patch that brings the template back (kubectl rollout undo applies it). */
export function revisionData(set: DaemonSet): { readonly spec: { readonly template: object } } {
  return { spec: { template: { ...set.spec?.template, $patch: 'replace' } } };
}

export interface Revisions { readonly current: ControllerRevision; readonly old: readonly ControllerRevision[] }

/** Finds or makes the revision of the current template; its number is the highest. */
export async function currentRevision(context: ControllerContext, set: DaemonSet, all: readonly ControllerRevision[]): Promise<Revisions> {
  const selector = set.spec?.selector ?? {};
  const own = await claim({ client: context.client, ownerType: resources.daemonsets, owner: set, selector, childType: resources.controllerrevisions }, all);
  const data = revisionData(set);
  const found = own.filter((revision) => deepEqual(revision.data, data)).toSorted((a, b) => b.revision - a.revision)[0];
  const old = own.filter((revision) => revision !== found);
  const newest = old.reduce((most, { revision }) => Math.max(most, revision), 0);
  if (found === undefined) return { current: await make(context, set, data, newest + 1), old };
  if (found.revision > newest) return { current: found, old };
  return { current: await context.client.update(resources.controllerrevisions, { ...found, revision: newest + 1 }), old };
}

async function make(context: ControllerContext, set: DaemonSet, data: object, revision: number): Promise<ControllerRevision> {
  const hash = shortHash(set.spec?.template, set.status?.collisionCount);
  const name = `${nameOf(set)}-${hash}`;
  const wanted: ControllerRevision = {
    metadata: { name, namespace: namespaceOf(set), labels: { ...set.spec?.template?.metadata?.labels, [hashLabel]: hash }, ownerReferences: [newControllerRef(resources.daemonsets, set)] },
    data: data as ControllerRevision['data'], revision,
  };
  try {
    return await context.client.create(resources.controllerrevisions, wanted);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const live = await context.client.get(resources.controllerrevisions, { namespace: namespaceOf(set), name });
    if (deepEqual(live.data, data)) return live;
    await context.client.updateStatus(resources.daemonsets, { ...set, status: { ...emptyStatus, ...set.status, collisionCount: (set.status?.collisionCount ?? 0) + 1 } });
    throw error;
  }
}

export const emptyStatus = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };

/** Old revisions past the limit go, but none that a pod still has. */
export async function cleanUp(context: ControllerContext, set: DaemonSet, old: readonly ControllerRevision[], liveHashes: ReadonlySet<string>): Promise<void> {
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  const idle = old.filter((revision) => !liveHashes.has(revision.metadata?.labels?.[hashLabel] ?? '')).toSorted((a, b) => a.revision - b.revision);
  for (const revision of idle.slice(0, Math.max(0, idle.length - limit))) {
    await context.client.delete(resources.controllerrevisions, objectKey(revision), { preconditions: { uid: uidOf(revision) } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
