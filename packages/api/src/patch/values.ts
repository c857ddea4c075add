import type { Json, JsonObject } from '../resource.ts';

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads data only: never what an object inherits. */
export function own(object: JsonObject, key: string): Json | undefined {
  const value = object[key];
  // Most are looked for in vain.
  return value === undefined || Object.hasOwn(object, key) ? value : undefined;
}

/** Writes plain data even where the key is `__proto__`. */
export function setOwn(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  else object[key] = value;
}

export function cloneJson<T extends Json>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => cloneJson(item)) as T;
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setOwn(copy, key, cloneJson(value[key] as Json));
  return copy as T;
}

function equalLists(a: readonly Json[], b: readonly Json[]): boolean {
  if (a.length !== b.length) return false;
  for (const [index, item] of a.entries()) if (!equalJson(item, b[index])) return false;
  return true;
}

export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b);
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if (!Object.hasOwn(b, key) || !equalJson(a[key], b[key])) return false;
  return true;
}

/** Equal for values that `equalJson` takes for equal, and only for them: what lists are searched by, however long they are. */
export function identityText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(identityText).join(',')}]`;
  if (isObject(value)) return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${identityText(value[key] as Json)}`).join(',')}}`;
  return typeof value === 'bigint' ? `${value}n` : JSON.stringify(value);
}

export type JsonKind = 'null' | 'boolean' | 'number' | 'string' | 'list' | 'object';

export function jsonKind(value: Json): JsonKind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  switch (typeof value) {
    case 'boolean': return 'boolean';
    case 'string': return 'string';
    case 'object': return 'object';
    default: return 'number';
  }
}
