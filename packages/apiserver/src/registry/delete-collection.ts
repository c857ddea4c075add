import { StatusError, type JsonObject } from '@coxswain/api';
import type { Operation } from './context.ts';
import { deleteObject, warnOfDeletion } from './delete.ts';
import { listObjects, type ListResult } from './list.ts';
import { nameOf, namespaceOf } from './object.ts';
import type { DeleteOptions, ListOptions } from './options.ts';

/** As many at once as the server has workers for it, each with its own admission; what is gone meanwhile is not missed. Answers what was found. */
export async function deleteCollection(operation: Operation, listOptions: ListOptions, options: DeleteOptions): Promise<ListResult> {
  const found = await listObjects(operation, listOptions);
  warnOfDeletion(operation, options);
  const waiting = found.items.values();
  let failed = false;
  const work = async (): Promise<void> => {
    for (const item of waiting) {
      if (failed) return;
      await remove(item.object);
    }
  };
  const remove = async (object: JsonObject): Promise<void> => {
    const info = { ...operation.info, name: nameOf(object), namespace: namespaceOf(object) };
    try {
      await deleteObject({ ...operation, info }, options);
    } catch (error) {
      if (error instanceof StatusError && error.code === 404) return;
      failed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(operation.context.deleteCollectionWorkers, found.items.length) }, work));
  return found;
}
