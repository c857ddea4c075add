import type { Json, JsonObject } from '../resource.ts';
import { equalJson, isObject, own } from '../patch/values.ts';
import type { FieldSet } from './field-set.ts';
import { entryKey, type ManagedEntry } from './managed.ts';
import type { PathElement } from './path-element.ts';
import type { Comparison } from './typed.ts';

/** What is stored of an object's managers, if that is one alone, who updates it once more and does not speak of managed fields otherwise. */
export function soleEntry(stored: Json | undefined, fromBody: Json | undefined, writer: Omit<ManagedEntry, 'set'>): JsonObject | undefined {
  if (!Array.isArray(stored) || stored.length !== 1 || (fromBody !== undefined && !equalJson(fromBody, stored))) return undefined;
  const [entry] = stored;
  if (!isObject(entry) || own(entry, 'fieldsType') !== 'FieldsV1' || own(entry, 'operation') !== 'Update') return undefined;
  const text = (key: string): string => { const value = own(entry, key); return typeof value === 'string' ? value : ''; };
  const key = entryKey({ manager: text('manager'), operation: 'Update', apiVersion: text('apiVersion'), subresource: text('subresource') });
  return key === entryKey(writer) ? entry : undefined;
}

function isMember(fieldsV1: Json | undefined, path: readonly PathElement[]): boolean {
  let at = fieldsV1;
  for (const element of path) at = isObject(at) ? own(at, element) : undefined;
  return isObject(at) && (Object.hasOwn(at, '.') || Object.keys(at).length === 0);
}

/**
 * Whether the only manager of an object owns the same as before: nothing came, nothing went, and what has another value was its own. Then
 * its set need be neither read nor written anew, of which the renewal of a lease had more than of anything else. `mine`: what it would get.
 */
export function ownsTheSame({ added, removed }: Comparison, mine: FieldSet, entry: JsonObject): boolean {
  if (!added.isEmpty || !removed.isEmpty) return false;
  const fieldsV1 = own(entry, 'fieldsV1');
  return mine.paths().every((path) => isMember(fieldsV1, path));
}
