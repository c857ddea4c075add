import { stringifyAny, type JsonObject } from '@coxswain/api';

/** The same for objects that are the same, whatever the order of their fields. */
export function textOf(object: JsonObject | undefined): string {
  return object === undefined ? '' : stringifyAny(sorted(object));
}

export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}

/** Everybody holds the same object: its content changes. */
export function become(object: JsonObject, next: JsonObject): void {
  for (const key of Object.keys(object)) if (!Object.hasOwn(next, key)) delete object[key];
  Object.assign(object, next);
}
