import { done, isConflict, isNotFound, objectKey, resources, splitKey, type SyncResult } from '@coxswain/client';
import { parseRfc3339 } from '@coxswain/host';
import type { Job } from 'kubernetes-types/batch/v1';
import { isDeleting, uidOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller } from '../types.ts';

const name = 'ttl-after-finished-controller';

/** When a finished job is to go; undefined: never. */
export function expiryMs(job: Job): number | undefined {
  const seconds = job.spec?.ttlSecondsAfterFinished;
  const finished = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
  if (seconds === undefined || finished?.lastTransitionTime === undefined) return undefined;
  return parseRfc3339(finished.lastTransitionTime) + seconds * 1000;
}

export const ttlAfterFinishedController: Controller = {
  name, account: 'ttl-after-finished-controller',
  start: (context) => {
    const jobs = context.informers.informer(resources.jobs);
    const loop = newLoop(context, name);
    const changed = (job: Job): void => { if (expiryMs(job) !== undefined && !isDeleting(job)) loop.enqueue(job); };
    jobs.addHandler({ added: changed, updated: (_before, job) => changed(job) });
    return runLoop(context, name, loop, async (key): Promise<SyncResult> => {
      const job = jobs.lister.get(splitKey(key));
      const atMs = job === undefined ? undefined : expiryMs(job);
      if (job === undefined || atMs === undefined || isDeleting(job)) return done;
      const delayMs = atMs - context.host.clock.nowMs();
      if (delayMs > 0) return { kind: 'retry-after', delayMs };
      const preconditions = { uid: uidOf(job), ...(job.metadata?.resourceVersion === undefined ? {} : { resourceVersion: job.metadata.resourceVersion }) };
      await context.client.delete(resources.jobs, objectKey(job), { propagationPolicy: 'Foreground', preconditions }).catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
      return done;
    });
  },
};
