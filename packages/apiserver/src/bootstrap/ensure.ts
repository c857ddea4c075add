import type { Client, KubeObject, ResourceType } from '@coxswain/client';
import { hasCode } from '../live-lookup.ts';

export async function find<T extends KubeObject>(client: Client, type: ResourceType<T>, namespace: string | undefined, name: string): Promise<T | undefined> {
  try {
    return await client.get(type, { namespace, name });
  } catch (error) {
    if (hasCode(error, 404)) return undefined;
    throw error;
  }
}

/** Creates it unless it exists; another server may be faster. Answers whether it was made here. */
export async function createUnlessThere<T extends KubeObject>(client: Client, type: ResourceType<T>, object: T): Promise<boolean> {
  try {
    await client.create(type, object);
    return true;
  } catch (error) {
    if (hasCode(error, 409)) return false;
    throw error;
  }
}

/**
 * Makes the object, or brings the existing one to `wanted` by `merge`, which answers undefined if nothing is to be done.
 * When somebody else was faster it rejects, and the step is to be done again as a whole, from what it read on.
 */
export async function ensure<T extends KubeObject>(client: Client, type: ResourceType<T>, wanted: T, merge: (existing: T) => T | undefined): Promise<void> {
  const { namespace, name = '' } = wanted.metadata ?? {};
  await ensureFrom(client, type, { namespace, name }, (existing) => Promise.resolve(existing === undefined ? wanted : merge(existing)));
}

/** As `ensure`; what `build` reads is newer than the object, so a writer that knew more cannot be overwritten unseen. */
export async function ensureFrom<T extends KubeObject>(client: Client, type: ResourceType<T>, key: { readonly namespace: string | undefined; readonly name: string }, build: (existing: T | undefined) => Promise<T | undefined>): Promise<void> {
  const existing = await find(client, type, key.namespace, key.name);
  const next = await build(existing);
  if (next === undefined) return;
  if (existing === undefined) await client.create(type, next);
  else await client.update(type, next);
}
