import type { ApiDescription } from '../description.ts';
import type { Json, JsonObject } from '../resource.ts';
import { equalJson, isObject, own } from '../patch/values.ts';
import { StatusError } from '../status-error.ts';
import { createdFields } from './created.ts';
import { applyConflict, type FieldConflict } from './conflicts.ts';
import { fieldSetOf, type FieldSet } from './field-set.ts';
import { asksForReset, capUpdaters, decodeManaged, encodeManaged, entryJson, entryKey, type Managed, type ManagedEntry } from './managed.ts';
import { resetFieldsOf } from './reset-fields.ts';
import { rootPlace, type Place } from './schema.ts';
import { allSteps, type Steps } from './steps.ts';
import { compare, type Comparison } from './typed.ts';
import { ownsTheSame, soleEntry } from './unmoved.ts';
import { sharedZero } from './zero.ts';

export interface Writing {
  readonly description: ApiDescription;
  /** `io.k8s.api.core.v1.Pod` */
  readonly typeName: string;
  readonly apiVersion: string;
  /** fieldManager, or what stands before '/' in the User-Agent; '' becomes `unknown`. */
  readonly manager: string;
  /** '' for the main resource. */
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  /** Default: the built-in kind's; for custom kinds `customResetFields`. */
  readonly resetFields?: FieldSet;
}

/** Nobody owns what the server alone decides. */
const stripped = fieldSetOf([
  ['apiVersion'], ['kind'], ['metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map((name) => ['metadata', name]),
]);

export function placeOf({ description, typeName }: Writing): Place {
  return rootPlace(description, typeName);
}

export function metadataOf(object: JsonObject): JsonObject {
  const metadata = own(object, 'metadata');
  return isObject(metadata) ? metadata : {};
}

export function withoutManagedFields(object: JsonObject): JsonObject {
  const metadata = own(object, 'metadata');
  if (!isObject(metadata) || !Object.hasOwn(metadata, 'managedFields')) return object;
  const { managedFields: _gone, ...rest } = metadata;
  return { ...object, metadata: rest };
}

export function writeManagedFields(object: JsonObject, managed: Managed): void {
  writeEntries(object, encodeManaged(managed));
}

function writeEntries(object: JsonObject, entries: Json[]): void {
  const metadata = own(object, 'metadata');
  const target = isObject(metadata) ? metadata : {};
  if (entries.length === 0) delete target['managedFields'];
  else target['managedFields'] = entries;
  if (!isObject(metadata)) object['metadata'] = target;
}

export function resetFieldsFor(writing: Writing): FieldSet {
  return writing.resetFields ?? resetFieldsOf(writing.typeName, writing.subresource);
}

export function entryOf(writing: Writing, operation: 'Apply' | 'Update', set: FieldSet): ManagedEntry {
  return { ...writerOf(writing, operation), set };
}

function writerOf(writing: Writing, operation: 'Apply' | 'Update'): Omit<ManagedEntry, 'set'> {
  return { manager: writing.manager === '' ? 'unknown' : writing.manager, operation, apiVersion: writing.apiVersion, subresource: writing.subresource, time: writing.now };
}

/** Takes from the others what this change took over, or throws what stands against it; `force` may name what is free to take. */
export function* settle(managed: Managed, self: string | undefined, comparison: Comparison, reset: FieldSet, force: boolean | FieldSet): Steps {
  const taken = comparison.modified.union(comparison.added).recursiveDifference(reset);
  yield;
  const removed = comparison.removed.recursiveDifference(reset);
  const conflicts: FieldConflict[] = [];
  const others = [...managed].filter(([key]) => key !== self).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const overlaps: { readonly entry: ManagedEntry; readonly overlap: FieldSet }[] = [];
  for (const [, entry] of others) {
    yield;
    const overlap = entry.set.intersection(taken);
    overlaps.push({ entry, overlap });
    for (const path of overlap.paths()) conflicts.push({ entry, path });
  }
  const allowed = typeof force === 'boolean' ? force : conflicts.every(({ path }) => force.has(path));
  if (!allowed && conflicts.length > 0) throw applyConflict(conflicts);
  for (const { entry, overlap } of overlaps) {
    yield;
    entry.set = entry.set.difference(overlap).difference(removed);
  }
  for (const [key, entry] of managed) {
    if (entry.set.isEmpty) managed.delete(key);
  }
}

/** Who managed what before an update: as the body says if it can be read, else as it is stored. */
function managedBefore(writing: Writing, live: JsonObject | undefined, object: JsonObject): Managed {
  const fromBody = own(metadataOf(object), 'managedFields');
  if (writing.subresource === '' && asksForReset(fromBody)) return new Map();
  const asked = writing.subresource === '' ? decodeManaged(fromBody) : undefined;
  if (asked !== undefined && asked.size > 0) return asked;
  return decodeManaged(live === undefined ? undefined : own(metadataOf(live), 'managedFields')) ?? new Map();
}

function gained({ modified, added }: Comparison, reset: FieldSet): FieldSet {
  return modified.union(added).recursiveDifference(reset).difference(stripped);
}

/** Gives `writing`'s manager what differs between the two states. */
export function* recordUpdate(writing: Writing, before: Json, after: Json, managed: Managed, known?: Comparison): Steps {
  const reset = resetFieldsFor(writing);
  const comparison = known ?? compare(before, after, placeOf(writing));
  const sets = new Map([...managed].map(([key, { set }]) => [key, set]));
  yield;
  yield* settle(managed, undefined, comparison, reset, true);
  yield;
  const mine = gained(comparison, reset);
  if (mine.isEmpty) return;
  const entry = entryOf(writing, 'Update', mine);
  const key = entryKey(entry);
  const previous = managed.get(key);
  const set = previous === undefined ? mine : mine.union(previous.set);
  // Mostly a writer changes what it has changed before: the same set is not made text again.
  const same = sets.get(key);
  managed.set(key, { ...entry, set: same?.isSurely(set) === true ? same : set });
}

export function strip(set: FieldSet): FieldSet {
  return set.difference(stripped);
}

/** The fields of a new object are its maker's. */
function writeCreator(writing: Writing, object: JsonObject): void {
  const { description, typeName } = writing;
  let fieldsV1: JsonObject | undefined;
  try {
    fieldsV1 = createdFields(sharedZero(description, typeName), withoutManagedFields(object), placeOf(writing), resetFieldsFor(writing), stripped);
  } catch (error) {
    // As below: validation says it better.
    if (!(error instanceof StatusError)) throw error;
  }
  writeEntries(object, fieldsV1 === undefined ? [] : [entryJson(writerOf(writing, 'Update'), fieldsV1)]);
}

/**
 * Writes into `object` (decoded and defaulted, before admission) who manages its fields after a create (`live` undefined),
 * an update or a patch. An object that nobody's fields are recorded of stays so.
 */
export function updateManagedFields(updating: Updating): void {
  allSteps(updateManagedFieldsInSteps(updating));
}

/** What the object's only manager has changed, if it is who writes now; with `entries` if what it owns stays as it was. */
function compareForSole(writing: Updating): { readonly comparison: Comparison; readonly entries: Json[] | undefined } | undefined {
  const { live, object } = writing;
  if (live === undefined) return undefined;
  const writer = writerOf(writing, 'Update');
  const entry = soleEntry(own(metadataOf(live), 'managedFields'), own(metadataOf(object), 'managedFields'), writer);
  if (entry === undefined) return undefined;
  try {
    const comparison = compare(withoutManagedFields(live), withoutManagedFields(object), placeOf(writing));
    const mine = gained(comparison, resetFieldsFor(writing));
    if (!ownsTheSame(comparison, mine, entry)) return { comparison, entries: undefined };
    return { comparison, entries: [mine.isEmpty ? entry : entryJson(writer, own(entry, 'fieldsV1') as JsonObject)] };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return undefined;
  }
}

export type Updating = Writing & { readonly live: JsonObject | undefined; readonly object: JsonObject };

/** `updateManagedFields` of a large object; nobody else may change it meanwhile. */
export function* updateManagedFieldsInSteps(writing: Updating): Steps {
  const { live, object, description, typeName } = writing;
  const known = compareForSole(writing);
  if (known !== undefined && known.entries !== undefined) {
    writeEntries(object, known.entries);
    return;
  }
  const managed = managedBefore(writing, live, object);
  if (managed.size === 0 && live === undefined) {
    writeCreator(writing, object);
    return;
  }
  if (managed.size > 0 || live === undefined) {
    const before = live === undefined ? sharedZero(description, typeName) : withoutManagedFields(live);
    try {
      yield* recordUpdate(writing, before, withoutManagedFields(object), managed, known?.comparison);
    } catch (error) {
      // List items without their keys: validation, which comes later, says it better. What passes it has nobody's fields recorded.
      if (!(error instanceof StatusError)) throw error;
      managed.clear();
    }
    capUpdaters(managed);
    yield;
  }
  writeManagedFields(object, managed);
}

/** A write that would change only times of managed fields is none: the old ones stay. */
export function keepManagedTimes(object: JsonObject, old: JsonObject): void {
  const withoutTimes = (list: Json | undefined): Json | undefined => (Array.isArray(list) ? list.map((entry) => (isObject(entry) ? { ...entry, time: null } : entry)) : list);
  const now = own(metadataOf(object), 'managedFields');
  const before = own(metadataOf(old), 'managedFields');
  // The rest first: where something has changed that ends soon.
  if (now === undefined || before === undefined || !equalJson(withoutManagedFields(object), withoutManagedFields(old))) return;
  if (equalJson(withoutTimes(now), withoutTimes(before))) metadataOf(object)['managedFields'] = before;
}
