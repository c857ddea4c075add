import type { JsonObject } from '../resource.ts';
import { badRequest } from '../status-error.ts';
import { cloneJson, equalJson, isObject, own } from '../patch/values.ts';
import type { FieldSet } from './field-set.ts';
import { fieldsLastApplied, followLastApplied } from './last-applied.ts';
import { capUpdaters, decodeManaged, entryKey, type Managed } from './managed.ts';
import { mergeStructural } from './merge.ts';
import { compare, fieldsOf, removePaths, withNamedFields } from './typed.ts';
import { allSteps, type Steps } from './steps.ts';
import { entryOf, metadataOf, placeOf, recordUpdate, resetFieldsFor, settle, strip, withoutManagedFields, writeManagedFields, type Writing } from './update.ts';
import type { Place } from './schema.ts';
import { sharedZero } from './zero.ts';

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
function* prune(merged: JsonObject, last: FieldSet, managed: Managed, place: Place): Steps<JsonObject> {
  const names = (set: FieldSet): FieldSet => withNamedFields(set, place);
  const lastNames = names(last);
  yield;
  let pruned = removePaths(merged, lastNames, place);
  yield;
  let owned: FieldSet | undefined;
  for (const entry of managed.values()) owned = owned === undefined ? entry.set : owned.union(entry.set);
  yield;
  const all = names(fieldsOf(merged, place));
  yield;
  const left = pruned === undefined ? undefined : names(fieldsOf(pruned, place));
  yield;
  const keptByOwners = owned === undefined ? left : (left?.union(names(owned)) ?? names(owned));
  yield;
  pruned = keptByOwners === undefined ? pruned : removePaths(merged, all.difference(keptByOwners), place);
  yield;
  const stands = pruned === undefined ? undefined : names(fieldsOf(pruned, place));
  yield;
  const dangling = (stands === undefined ? all : all.difference(stands)).intersection(lastNames);
  yield;
  const result = removePaths(merged, dangling, place);
  return isObject(result) ? result : {};
}

/** The object that nobody's fields are recorded of was made by somebody. */
function* adopt(applying: Applying, live: JsonObject, managed: Managed): Steps {
  if (managed.size > 0 || applying.live === undefined) return;
  yield* recordUpdate({ ...applying, manager: 'before-first-apply', subresource: '' }, sharedZero(applying.description, applying.typeName), live, managed);
}

/**
 * Server-side apply: what `live` becomes, managedFields included. Not defaulted yet. Throws 409 with a cause for each field
 * that another manager owns with another value, unless forced.
 */
export function applyServerSide(applying: Applying): JsonObject {
  return allSteps(applyServerSideInSteps(applying));
}

/** `applyServerSide` of a large object. */
export function* applyServerSideInSteps(applying: Applying): Steps<JsonObject> {
  check(applying);
  const place = placeOf(applying);
  const live = applying.live === undefined ? {} : withoutManagedFields(applying.live);
  const stored = applying.live === undefined ? new Map() : decodeManaged(own(metadataOf(applying.live), 'managedFields')) ?? new Map();
  yield* adopt(applying, live, stored);
  yield;
  const managed: Managed = new Map([...stored].map(([key, entry]) => [key, { ...entry }]));
  const reset = resetFieldsFor(applying);
  const set = fieldsOf(withoutManagedFields(applying.applied), place).recursiveDifference(reset);
  yield;
  const entry = entryOf(applying, 'Apply', set);
  const key = entryKey(entry);
  const last = managed.get(key);
  managed.set(key, { ...entry, time: last?.time ?? '' });
  let merged = mergeStructural(live, withoutManagedFields(applying.applied), place) as JsonObject;
  yield;
  if (last !== undefined && !last.set.isEmpty) merged = yield* prune(merged, last.set, managed, place);
  yield;
  const comparison = compare(live, merged, place);
  yield;
  yield* settle(managed, key, comparison, reset, applying.force || (fieldsLastApplied(live, place, applying.manager) ?? false));
  yield;
  finish(managed, key);
  // Who only comes to own what is there already has no time.
  if (!equalJson(live, merged)) stamp(managed, key, applying.now);
  capUpdaters(managed);
  yield;
  const result = cloneJson(merged);
  yield;
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
