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
 * A conflict rejects: the step is retried as a whole.
 */
export async function ensure<T extends KubeObject>(client: Client, type: ResourceType<T>, wanted: T, merge: (existing: T) => T | undefined): Promise<void> {
  const existing = await find(client, type, wanted.metadata?.namespace, wanted.metadata?.name ?? '');
  if (existing === undefined) {
    await createUnlessThere(client, type, wanted);
    return;
  }
  const merged = merge(existing);
  if (merged !== undefined) await client.update(type, merged);
}
