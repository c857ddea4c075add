/** Reading decoded JSON whose shape the decoder has already checked: a missing or empty value is the zero value, as in Go. */
import type { Json, JsonObject } from '../resource.ts';
import { isObject, own } from '../patch/values.ts';

export function get(object: JsonObject | undefined, key: string): Json | undefined {
  if (object === undefined) return undefined;
  const value = own(object, key);
  return value === null ? undefined : value;
}

export function obj(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = get(object, key);
  return isObject(value) ? value : undefined;
}

export function str(object: JsonObject | undefined, key: string): string {
  const value = get(object, key);
  return typeof value === 'string' ? value : '';
}

/** Undefined if absent, unlike `num`. */
export function optionalNumber(object: JsonObject | undefined, key: string): number | undefined {
  const value = get(object, key);
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}

export function num(object: JsonObject | undefined, key: string): number {
  return optionalNumber(object, key) ?? 0;
}

export function bool(object: JsonObject | undefined, key: string): boolean {
  return get(object, key) === true;
}

export function list(object: JsonObject | undefined, key: string): readonly Json[] {
  const value = get(object, key);
  return Array.isArray(value) ? value : [];
}

function areObjects(items: readonly Json[]): items is readonly JsonObject[] {
  return items.every(isObject);
}

/** Not to be changed: mostly the list itself. */
export function objects(object: JsonObject | undefined, key: string): readonly JsonObject[] {
  const items = list(object, key);
  return areObjects(items) ? items : items.map((item) => (isObject(item) ? item : {}));
}

export function strings(object: JsonObject | undefined, key: string): readonly string[] {
  return list(object, key).map((item) => (typeof item === 'string' ? item : ''));
}

/** Sorted by key, since Go's order of maps is random and upstream's answers are compared as sets. */
export function entries(object: JsonObject | undefined): readonly (readonly [string, Json])[] {
  if (object === undefined) return [];
  const keys = Object.keys(object);
  if (keys.length > 1) keys.sort();
  return keys.map((key) => [key, object[key] as Json] as const);
}

export function has(object: JsonObject | undefined, key: string): boolean {
  return get(object, key) !== undefined;
}

export function withoutKeys(object: JsonObject, ...keys: readonly string[]): JsonObject {
  const copy: JsonObject = { ...object };
  for (const key of keys) delete copy[key];
  return copy;
}
