import type { JsonObject } from '../resource.ts';
import { badRequest } from '../status-error.ts';
import { cloneJson, equalJson, isObject, own } from '../patch/values.ts';
import type { FieldSet } from './field-set.ts';
import { fieldsLastApplied, followLastApplied } from './last-applied.ts';
import { capUpdaters, decodeManaged, entryKey, type Managed } from './managed.ts';
import { mergeStructural } from './merge.ts';
import { compare, fieldsOf, removePaths, withNamedFields } from './typed.ts';
import { entryOf, metadataOf, placeOf, recordUpdate, resetFieldsFor, settle, strip, withoutManagedFields, writeManagedFields, type Writing } from './update.ts';
import type { Place } from './schema.ts';
import { zeroObject } from './zero.ts';

export interface Applying extends Writing {
  /** In the version of `applied`; undefined: it is to be created. Not changed. */
  readonly live: JsonObject | undefined;
  readonly applied: JsonObject;
  readonly force: boolean;
}

function check({ applied, apiVersion }: Applying): void {
  const managedFields = own(metadataOf(applied), 'managedFields');
  if (Array.isArray(managedFields) && managedFields.length > 0) throw badRequest('metadata.managedFields must be nil');
  const version = own(applied, 'apiVersion');
  if (version !== undefined && version !== apiVersion) {
    throw badRequest(`Incorrect version specified in apply patch. Specified patch version: ${String(version as string)}, expected: ${apiVersion}`);
  }
}

/** Takes out what the manager applied before and now does not, unless somebody else owns it or has something below it. */
function prune(merged: JsonObject, last: FieldSet, managed: Managed, place: Place): JsonObject {
  const names = (set: FieldSet): FieldSet => withNamedFields(set, place);
  const lastNames = names(last);
  let pruned = removePaths(merged, lastNames, place);
  let owned: FieldSet | undefined;
  for (const entry of managed.values()) owned = owned === undefined ? entry.set : owned.union(entry.set);
  const all = names(fieldsOf(merged, place));
  const left = pruned === undefined ? undefined : names(fieldsOf(pruned, place));
  const keptByOwners = owned === undefined ? left : (left?.union(names(owned)) ?? names(owned));
  pruned = keptByOwners === undefined ? pruned : removePaths(merged, all.difference(keptByOwners), place);
  const stands = pruned === undefined ? undefined : names(fieldsOf(pruned, place));
  const dangling = (stands === undefined ? all : all.difference(stands)).intersection(lastNames);
  const result = removePaths(merged, dangling, place);
  return isObject(result) ? result : {};
}

/** The object that nobody's fields are recorded of was made by somebody. */
function adopt(applying: Applying, live: JsonObject, managed: Managed): void {
  if (managed.size > 0 || applying.live === undefined) return;
  recordUpdate({ ...applying, manager: 'before-first-apply', subresource: '' }, zeroObject(applying.description, applying.typeName), live, managed);
}

/**
 * Server-side apply: what `live` becomes, managedFields included. Not defaulted yet. Throws 409 with a cause for each field
 * that another manager owns with another value, unless forced.
 */
export function applyServerSide(applying: Applying): JsonObject {
  check(applying);
  const place = placeOf(applying);
  const live = applying.live === undefined ? {} : withoutManagedFields(applying.live);
  const stored = applying.live === undefined ? new Map() : decodeManaged(own(metadataOf(applying.live), 'managedFields')) ?? new Map();
  adopt(applying, live, stored);
  const managed: Managed = new Map([...stored].map(([key, entry]) => [key, { ...entry }]));
  const reset = resetFieldsFor(applying);
  const set = fieldsOf(withoutManagedFields(applying.applied), place).recursiveDifference(reset);
  const entry = entryOf(applying, 'Apply', set);
  const key = entryKey(entry);
  const last = managed.get(key);
  managed.set(key, { ...entry, time: last?.time ?? '' });
  let merged = mergeStructural(live, withoutManagedFields(applying.applied), place) as JsonObject;
  if (last !== undefined && !last.set.isEmpty) merged = prune(merged, last.set, managed, place);
  settle(managed, key, compare(live, merged, place), reset, applying.force || (fieldsLastApplied(live, place, applying.manager) ?? false));
  finish(managed, key);
  // Who only comes to own what is there already has no time.
  if (!equalJson(live, merged)) stamp(managed, key, applying.now);
  capUpdaters(managed);
  const result = cloneJson(merged);
  followLastApplied(result, applying.live, applying.applied, applying.manager);
  writeManagedFields(result, managed);
  return result;
}

function finish(managed: Managed, key: string): void {
  const mine = managed.get(key);
  if (mine === undefined) return;
  mine.set = strip(mine.set);
  if (mine.set.isEmpty) managed.delete(key);
}

function stamp(managed: Managed, key: string, now: string): void {
  const mine = managed.get(key);
  if (mine !== undefined) mine.time = now;
}
