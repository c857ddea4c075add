import type { Host } from '@coxswain/host';
import { isConflict, isNamespaceTerminating } from './api-error.ts';
import type { ControllerOptions, SyncResult } from './types.ts';

export const done: SyncResult = { kind: 'done' };

/** Runs the workers until `signal` aborts; resolves when the last sync under way has ended. */
export async function runController(host: Host, options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const stop = (): void => options.queue.shutDown();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  await Promise.all(Array.from({ length: options.workers }, () => work(host, options, signal)));
  signal.removeEventListener('abort', stop);
}

async function work(host: Host, options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { queue } = options;
  for (let key = await queue.next(); key !== undefined && !signal.aborted; key = await queue.next()) {
    await syncOnce(host, options, key);
    queue.done(key);
  }
}

async function syncOnce(host: Host, options: ControllerOptions, key: string): Promise<void> {
  const { name, queue } = options;
  try {
    const result = await options.sync(key);
    queue.forget(key);
    if (result.kind === 'retry-after') queue.addAfter(key, result.delayMs);
    if (result.kind === 'terminal') host.log.warn('sync gave up', { controller: name, key, reason: result.reason });
  } catch (error) {
    // Conflicts are everyday life: the cache was behind, and the retry will see what the other wrote.
    const everyday = isConflict(error) || isNamespaceTerminating(error);
    const fields = { controller: name, key, error: error instanceof Error ? error.message : String(error) };
    if (everyday) host.log.debug('sync is tried again', fields);
    else host.log.warn('sync failed, trying again', fields);
    queue.addRateLimited(key);
  }
}
