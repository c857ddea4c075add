import { resources } from '@coxswain/client';
import type { ControllerRevision, DaemonSet } from 'kubernetes-types/apps/v1';
import { currentRevision, trimHistory, type Revisions } from '../common/history.ts';
import type { ControllerContext } from '../types.ts';

export const hashLabel = 'controller-revision-hash';

const emptyStatus = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };

export async function daemonRevisions(context: ControllerContext, set: DaemonSet, all: readonly ControllerRevision[]): Promise<Revisions> {
  const collisionCount = set.status?.collisionCount;
  return await currentRevision(context, {
    type: resources.daemonsets, owner: set, selector: set.spec?.selector ?? {}, template: set.spec?.template, collisionCount, hashLabel,
    collided: () => context.client.updateStatus(resources.daemonsets, { ...set, status: { ...emptyStatus, ...set.status, collisionCount: (collisionCount ?? 0) + 1 } }),
  }, all);
}

/** Those that a pod still has stay. */
export async function cleanUp(context: ControllerContext, set: DaemonSet, old: readonly ControllerRevision[], liveHashes: ReadonlySet<string>): Promise<void> {
  await trimHistory(context, old, set.spec?.revisionHistoryLimit ?? 10, (revision) => liveHashes.has(revision.metadata?.labels?.[hashLabel] ?? ''));
}
