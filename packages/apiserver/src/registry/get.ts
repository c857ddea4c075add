import { notFound } from '@coxswain/api';
import type { StoredObject } from '../storage/codec.ts';
import type { Operation } from './context.ts';
import { parseRevision, tooLargeResourceVersion } from './list.ts';
import { keyOf } from './update.ts';

/** Without resourceVersion what the store has now; with one, any state that is not older, from memory. */
export async function getObject(operation: Operation, resourceVersion: string): Promise<StoredObject> {
  const { kind, info } = operation;
  const key = keyOf(operation);
  let found: StoredObject | undefined;
  if (resourceVersion === '') {
    found = await kind.hub.store.get(key);
  } else {
    const revision = parseRevision(resourceVersion);
    await kind.hub.cache.start();
    if (!(await kind.hub.cache.reached(revision))) throw tooLargeResourceVersion(revision, kind.hub.cache.revision);
    found = kind.hub.cache.get(key);
  }
  if (found === undefined) throw notFound(kind.api, info.name);
  return found;
}
