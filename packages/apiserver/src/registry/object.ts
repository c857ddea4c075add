import type { Json, JsonObject } from '@coxswain/api';

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The metadata, made if there is none. */
export function meta(object: JsonObject): JsonObject {
  const metadata = object['metadata'];
  if (isObject(metadata)) return metadata;
  const made: JsonObject = {};
  object['metadata'] = made;
  return made;
}

export function text(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

export function strings(object: JsonObject, key: string): string[] {
  const value = object[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

export function nameOf(object: JsonObject): string {
  return text(meta(object), 'name');
}

export function namespaceOf(object: JsonObject): string {
  return text(meta(object), 'namespace');
}

/** Deep; prototype keys stay plain data. */
export function copy<T extends Json>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => copy(item)) as T;
  if (!isObject(value)) return value;
  const made: JsonObject = {};
  for (const key of Object.keys(value)) {
    if (key === '__proto__') Object.defineProperty(made, key, { value: copy(value[key] as Json), writable: true, enumerable: true, configurable: true });
    else made[key] = copy(value[key] as Json);
  }
  return made as T;
}

/** As `copy`, but for what lies below entries of managed fields, which nobody changes: half of many objects. */
export function copyState(object: JsonObject): JsonObject {
  const made: JsonObject = {};
  for (const [key, part] of Object.entries(object)) made[key] = key === 'metadata' && isObject(part) ? copyMetadata(part) : copy(part);
  return made;
}

function copyMetadata(metadata: JsonObject): JsonObject {
  const { managedFields } = metadata;
  if (!Array.isArray(managedFields)) return copy(metadata);
  const made: JsonObject = {};
  for (const [key, part] of Object.entries(metadata)) made[key] = key === 'managedFields' ? managedFields.map((entry) => (isObject(entry) ? { ...entry } : entry)) : copy(part);
  return made;
}

/** The object and its members are new, what lies below them is shared. */
export function copyParts(object: JsonObject): JsonObject {
  const made: JsonObject = {};
  for (const [key, part] of Object.entries(object)) made[key] = isObject(part) ? { ...part } : part;
  return made;
}

/** Value at a path of keys; undefined where anything is missing. */
export function at(object: JsonObject, ...path: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const key of path) {
    if (!isObject(value)) return undefined;
    value = value[key];
  }
  return value;
}

/** The text at a path of keys; '' if it is anything else. */
export function textAt(object: JsonObject, ...path: readonly string[]): string {
  const value = at(object, ...path);
  return typeof value === 'string' ? value : '';
}
