import { StatusError } from '@coxswain/api';
import type { Operation } from './context.ts';
import { deleteObject } from './delete.ts';
import { listObjects, type ListResult } from './list.ts';
import { nameOf, namespaceOf } from './object.ts';
import type { DeleteOptions, ListOptions } from './options.ts';

/** One after the other, each with its own admission; what is gone meanwhile is not missed. Answers what was found. */
export async function deleteCollection(operation: Operation, listOptions: ListOptions, options: DeleteOptions): Promise<ListResult> {
  const found = await listObjects(operation, listOptions);
  for (const item of found.items) {
    const info = { ...operation.info, name: nameOf(item.object), namespace: namespaceOf(item.object) };
    try {
      await deleteObject({ ...operation, info }, options);
    } catch (error) {
      if (!(error instanceof StatusError) || error.code !== 404) throw error;
    }
  }
  return found;
}
