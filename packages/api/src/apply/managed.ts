import { stringifyAny } from '../json/any.ts';
import type { Json, JsonObject } from '../resource.ts';
import { isObject, own } from '../patch/values.ts';
import { FieldSet, fieldSetFromJson } from './field-set.ts';

export type ManagedOperation = 'Apply' | 'Update';

/** One writer's share of an object. */
export interface ManagedEntry {
  readonly manager: string;
  readonly operation: ManagedOperation;
  readonly apiVersion: string;
  readonly subresource: string;
  time: string;
  set: FieldSet;
}

/** By who the writer is; an applier is one writer whatever version it speaks. */
export type Managed = Map<string, ManagedEntry>;

export function entryKey(entry: Pick<ManagedEntry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  return JSON.stringify([entry.manager, entry.operation, entry.operation === 'Apply' ? '' : entry.apiVersion, entry.subresource]);
}

function text(object: JsonObject, key: string): string {
  const value = own(object, key);
  return typeof value === 'string' ? value : '';
}

/** Sets by their text: those of many objects are the same, and most writes leave most of them as they are. */
const known = new Map<string, FieldSet>();
const jsonOfSet = new WeakMap<FieldSet, JsonObject>();
const knownMax = 500;
const knownLength = 4096;

function decodeSet(fieldsV1: Json | undefined): FieldSet | undefined {
  if (fieldsV1 === undefined) return new FieldSet();
  const text = stringifyAny(fieldsV1);
  const before = known.get(text);
  if (before !== undefined) return before;
  const set = fieldSetFromJson(fieldsV1);
  if (set === undefined || text.length > knownLength) return set;
  if (known.size >= knownMax) known.clear();
  known.set(text, set);
  return set;
}

/** Shared by all objects of which the same is managed; nobody changes it. Always in the order in which sets are written, whatever it was read from. */
function encodeSet(set: FieldSet): JsonObject {
  const made = jsonOfSet.get(set);
  if (made !== undefined) return made;
  const json = set.toJson();
  jsonOfSet.set(set, json);
  return json;
}

function decodeEntry(json: Json): ManagedEntry | undefined {
  if (!isObject(json)) return undefined;
  const operation = text(json, 'operation');
  const fieldsType = text(json, 'fieldsType');
  if ((operation !== 'Apply' && operation !== 'Update') || (fieldsType !== 'FieldsV1' && fieldsType !== '')) return undefined;
  const set = decodeSet(own(json, 'fieldsV1'));
  if (set === undefined || text(json, 'apiVersion') === '') return undefined;
  return { manager: text(json, 'manager'), operation, apiVersion: text(json, 'apiVersion'), subresource: text(json, 'subresource'), time: text(json, 'time'), set };
}

/** undefined if any entry cannot be read. */
export function decodeManaged(list: Json | undefined): Managed | undefined {
  const managed: Managed = new Map();
  if (list === undefined || list === null) return managed;
  if (!Array.isArray(list)) return undefined;
  for (const json of list) {
    const entry = decodeEntry(json);
    if (entry === undefined) return undefined;
    managed.set(entryKey(entry), entry);
  }
  return managed;
}

/** `[{}]` in a body means: forget who manages what. So does an empty list where it is not left out. */
export function asksForReset(list: Json | undefined): boolean {
  return Array.isArray(list) && (list.length === 0 || (list.length === 1 && isObject(list[0]) && Object.keys(list[0]).length === 0));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function compareEntries(a: ManagedEntry, b: ManagedEntry): number {
  return compareText(a.operation, b.operation) || compareText(a.time, b.time) || compareText(a.manager, b.manager)
    || compareText(a.apiVersion, b.apiVersion) || compareText(a.subresource, b.subresource);
}

export function encodeManaged(managed: Managed): JsonObject[] {
  return [...managed.values()].toSorted(compareEntries).map((entry) => entryJson(entry, encodeSet(entry.set)));
}

export function entryJson(writer: Omit<ManagedEntry, 'set'>, fieldsV1: JsonObject): JsonObject {
  const json: JsonObject = { manager: writer.manager, operation: writer.operation, apiVersion: writer.apiVersion };
  if (writer.time !== '') json['time'] = writer.time;
  json['fieldsType'] = 'FieldsV1';
  json['fieldsV1'] = fieldsV1;
  if (writer.subresource !== '') json['subresource'] = writer.subresource;
  return json;
}

const maxUpdaters = 10;
const bucketName = 'ancient-changes';

/** Keeps the number of update entries bounded: the oldest of a version share one entry. */
export function capUpdaters(managed: Managed): void {
  if (managed.size <= maxUpdaters) return;
  const updaters = [...managed.entries()].filter(([, entry]) => entry.operation === 'Update').toSorted(([, a], [, b]) => compareText(a.time, b.time) || compareText(a.manager, b.manager));
  let count = updaters.length;
  const first = new Map<string, string>();
  for (const [key, entry] of updaters) {
    if (count <= maxUpdaters) return;
    const bucket: ManagedEntry = { manager: bucketName, operation: 'Update', apiVersion: entry.apiVersion, subresource: '', time: entry.time, set: entry.set };
    const bucketKey = entryKey(bucket);
    const firstKey = first.get(entry.apiVersion);
    if (firstKey === undefined) {
      first.set(entry.apiVersion, key);
      continue;
    }
    const before = managed.get(bucketKey) ?? managed.get(firstKey);
    if (!managed.has(bucketKey)) managed.delete(firstKey);
    managed.set(bucketKey, { ...bucket, set: before === undefined ? entry.set : entry.set.union(before.set) });
    managed.delete(key);
    count -= 1;
  }
}
