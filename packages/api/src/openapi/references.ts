import { append } from '@coxswain/host';
import { isObject, setOwn } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';

export const definitionPrefix = '#/definitions/';
export const parameterPrefix = '#/parameters/';

/** Every `$ref` in a value, however deep. A property of that name holds a schema, not a text, and is none. */
export function references(value: Json | undefined): Set<string> {
  const found = new Set<string>();
  const open = [value];
  while (open.length > 0) {
    const one = open.pop();
    if (Array.isArray(one)) append(open, one);
    else if (isObject(one)) {
      for (const [key, item] of Object.entries(one)) {
        if (key === '$ref' && typeof item === 'string') found.add(item);
        else open.push(item);
      }
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

type Copying = { readonly kind: 'list'; readonly from: readonly Json[]; readonly to: Json[] } | { readonly kind: 'object'; readonly from: JsonObject; readonly to: JsonObject };

/** What is no container is its own copy; one that is will be filled later. */
function beginCopy(value: Json, open: Copying[]): Json {
  if (Array.isArray(value)) {
    const to: Json[] = [];
    open.push({ kind: 'list', from: value, to });
    return to;
  }
  if (!isObject(value)) return value;
  const to: JsonObject = {};
  open.push({ kind: 'object', from: value, to });
  return to;
}

/** A copy in which references are others. Another server says how deep it goes, so nothing here calls itself. */
export function withReferences(value: Json, renames: ReadonlyMap<string, string>): Json {
  const open: Copying[] = [];
  const whole = beginCopy(value, open);
  for (let copying = open.pop(); copying !== undefined; copying = open.pop()) {
    if (copying.kind === 'list') for (const item of copying.from) copying.to.push(beginCopy(item, open));
    else for (const [key, item] of Object.entries(copying.from)) setOwn(copying.to, key, key === '$ref' && typeof item === 'string' ? renames.get(item) ?? item : beginCopy(item, open));
  }
  return whole;
}
