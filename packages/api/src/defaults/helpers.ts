import { own, setOwn } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';

/** Changes an object of one type in place; nested types have functions of their own, which run afterwards. */
export type SetDefaults = (object: JsonObject) => void;

/** Absent, null, or the zero value of a string. */
export function isUnset(value: Json | undefined): boolean {
  return value === undefined || value === null || value === '';
}

/** `key` may be a client's. */
export function setDefault(object: JsonObject, key: string, value: Json): void {
  if (isUnset(own(object, key))) setOwn(object, key, value);
}

export function setDefaults(values: Readonly<Record<string, Json>>): SetDefaults {
  const entries = Object.entries(values);
  return (object) => {
    for (const [key, value] of entries) if (isUnset(object[key])) object[key] = typeof value === 'object' ? structuredClone(value) : value;
  };
}

/** As `setDefaults` for fields that upstream has behind pointers: an empty string there is a value. */
export function setPointerDefaults(values: Readonly<Record<string, Json>>): SetDefaults {
  const entries = Object.entries(values);
  return (object) => {
    for (const [key, value] of entries) object[key] ??= typeof value === 'object' ? structuredClone(value) : value;
  };
}

export function child(object: JsonObject, key: string): JsonObject | undefined {
  const value = object[key];
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
}

/** The object at `key`, made if it is absent. */
export function ensure(object: JsonObject, key: string): JsonObject {
  const present = child(object, key);
  if (present !== undefined) return present;
  const made: JsonObject = {};
  object[key] = made;
  return made;
}

export function children(object: JsonObject | undefined, key: string): JsonObject[] {
  const value = object?.[key];
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

export function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
