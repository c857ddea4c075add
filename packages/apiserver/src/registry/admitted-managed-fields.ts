import type { Json, JsonObject } from '@coxswain/api';
import type { RequestNotes } from '../types.ts';
import { isObject, meta } from './object.ts';

function problemOf(entries: Json): string | undefined {
  if (!Array.isArray(entries)) return undefined;
  for (const entry of entries.filter(isObject)) {
    if (entry['operation'] !== 'Apply' && entry['operation'] !== 'Update') return 'operation must be `Apply` or `Update`';
    if (entry['fieldsType'] !== undefined && entry['fieldsType'] !== 'FieldsV1') return 'fieldsType must be `FieldsV1`';
  }
  return undefined;
}

/** Runs admission; managed fields that it has broken are put back, and the client is told. */
export async function keepingManagedFields(object: JsonObject, notes: RequestNotes, admit: () => Promise<void>): Promise<void> {
  const { managedFields } = meta(object);
  // Who breaks an entry puts others in its place or changes its texts: what lies below is nobody's to change.
  const before = Array.isArray(managedFields) ? managedFields.map((entry) => (isObject(entry) ? { ...entry } : entry)) : managedFields;
  await admit();
  const problem = problemOf(meta(object)['managedFields'] ?? null);
  if (problem === undefined) return;
  if (before === undefined) delete meta(object)['managedFields'];
  else meta(object)['managedFields'] = before;
  notes.warn(`.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${problem}`);
}
