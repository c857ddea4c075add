import { append } from '@coxswain/host';
import { isObject, setOwn } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';

export const definitionPrefix = '#/definitions/';
export const parameterPrefix = '#/parameters/';

/** Every `$ref` in a value. A property of that name holds a schema, not a text, and is none. */
export function references(value: Json | undefined, found: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const item of value) references(item, found);
  else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref' && typeof item === 'string') found.add(item);
      else references(item, found);
    }
  }
  return found;
}

/** The definitions that a document's paths lead to. */
export function usedDefinitions(paths: Json | undefined, parameters: Json | undefined, definitions: JsonObject): ReadonlySet<string> {
  const used = new Set<string>();
  const open = [...references(paths), ...references(parameters)];
  for (let reference = open.pop(); reference !== undefined; reference = open.pop()) {
    const name = reference.startsWith(definitionPrefix) ? reference.slice(definitionPrefix.length) : undefined;
    if (name === undefined || used.has(name)) continue;
    used.add(name);
    if (Object.hasOwn(definitions, name)) append(open, [...references(definitions[name])]);
  }
  return used;
}

/** A copy in which references are others. */
export function withReferences(value: Json, renames: ReadonlyMap<string, string>): Json {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, renames));
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(value)) setOwn(copy, key, key === '$ref' && typeof item === 'string' ? renames.get(item) ?? item : withReferences(item, renames));
  return copy;
}
