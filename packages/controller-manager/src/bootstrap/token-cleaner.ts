import { done, isNotFound, objectKey, resources, splitKey, type SyncResult } from '@coxswain/client';
import { parseRfc3339 } from '@coxswain/host';
import type { Secret } from 'kubernetes-types/core/v1';
import { isDeleting, uidOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller } from '../types.ts';

const name = 'token-cleaner-controller';

/** When the bootstrap token in a Secret ends; undefined: never, or it cannot be read (then it does not work either). */
function tokenExpiryMs(secret: Secret): number | undefined {
  const data = secret.data?.['expiration'];
  if (secret.type !== 'bootstrap.kubernetes.io/token' || data === undefined) return undefined;
  const atMs = parseRfc3339(atob(data));
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** Deletes bootstrap tokens that have ended. */
export const tokenCleaner: Controller = {
  name, account: 'token-cleaner',
  start: (context) => {
    const secrets = context.informers.informer(resources.secrets, { namespace: 'kube-system', fieldSelector: 'type=bootstrap.kubernetes.io/token' });
    const loop = newLoop(context, name);
    secrets.addHandler({ added: (secret) => loop.enqueue(secret), updated: (_before, secret) => loop.enqueue(secret) });
    return runLoop(context, name, loop, async (key): Promise<SyncResult> => {
      const secret = secrets.lister.get(splitKey(key));
      const atMs = secret === undefined ? undefined : tokenExpiryMs(secret);
      if (secret === undefined || atMs === undefined || isDeleting(secret)) return done;
      const delayMs = atMs - context.host.clock.nowMs();
      if (delayMs > 0) return { kind: 'retry-after', delayMs };
      await context.client.delete(resources.secrets, objectKey(secret), { preconditions: { uid: uidOf(secret) } }).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
      return done;
    }, 1);
  },
};
