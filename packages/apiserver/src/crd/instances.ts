import type { Condition } from '@coxswain/api';
import { rfc3339Seconds, type Host } from '@coxswain/host';
import type { ServedKind } from '../registry/kind.ts';
import { finalizersOf, isDeleting } from '../registry/metadata.ts';
import { copy, meta } from '../registry/object.ts';
import type { StoredObject } from '../storage/codec.ts';
import { describeError } from '../transport/describe-error.ts';

const pageSize = 500;
const pollMs = 5000;
const maxPolls = 12;

async function deleteOne(kind: ServedKind, found: StoredObject, host: Host): Promise<void> {
  const { store } = kind.hub;
  let current: StoredObject | undefined = found;
  while (current !== undefined) {
    if (finalizersOf(current.object).length > 0) {
      if (isDeleting(current.object)) return;
      const object = copy(current.object);
      const metadata = meta(object);
      metadata['deletionTimestamp'] = rfc3339Seconds(host.clock.nowMs());
      metadata['deletionGracePeriodSeconds'] = 0;
      if (typeof metadata['generation'] === 'number') metadata['generation'] += 1;
      const marked = await store.put(current.key, object, current.revision);
      if (marked.kind === 'written') return;
      current = marked.current;
    } else {
      const removed = await store.remove(current);
      if (removed.kind === 'written') return;
      current = removed.current;
    }
  }
}

/** Answers how many were there. */
async function deleteAll(kind: ServedKind, host: Host): Promise<number> {
  const { store } = kind.hub;
  let found = 0;
  for (let from: string | undefined; ;) {
    const page = await store.page({ prefix: store.prefix, limit: pageSize, ...(from === undefined ? {} : { from }) });
    for (const item of page.items) await deleteOne(kind, item, host);
    found += page.items.length;
    const last = page.items.at(-1);
    if (last === undefined || !page.more) return found;
    from = `${last.key}\u0000`;
  }
}

/** The next deletion of an object, or the end of the poll's time. */
async function somethingWent(kind: ServedKind, host: Host, stop: AbortSignal): Promise<void> {
  const { cache } = kind.hub;
  const waited = new AbortController();
  const signal = AbortSignal.any([stop, waited.signal]);
  const unsubscribe = cache.onEvent((event) => { if (event.type === 'DELETED') waited.abort(); });
  void cache.start();
  try {
    await host.timers.sleep(pollMs, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unsubscribe();
  }
}

/** Deletes all objects of a kind below admission, and waits for those that finalizers hold. */
export async function deleteInstances(kind: ServedKind, host: Host, stop: AbortSignal): Promise<Omit<Condition, 'type'>> {
  const leave = kind.custom?.enter();
  try {
    for (let polls = 0; polls < maxPolls && !stop.aborted; polls += 1) {
      await deleteAll(kind, host);
      if ((await kind.hub.store.page({ prefix: kind.hub.store.prefix, limit: 1 })).items.length === 0) {
        return { status: 'False', reason: 'InstanceDeletionCompleted', message: 'removed all instances' };
      }
      await somethingWent(kind, host, stop);
    }
    return { status: 'True', reason: 'InstanceDeletionCheck', message: 'could not confirm zero CustomResources remaining: timed out waiting for the condition' };
  } catch (error) {
    return { status: 'True', reason: 'InstanceDeletionFailed', message: `could not list instances: ${describeError(error)}` };
  } finally {
    leave?.();
  }
}
