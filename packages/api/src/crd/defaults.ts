import { cloneJson, isObject, setOwn } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { memberOf, type Structural } from './structural.ts';

function isForbiddenNull(value: Json | undefined, schema: Structural | undefined): boolean {
  return value === null && schema !== undefined && !schema.nullable;
}

function declared(schema: Structural, key: string): Structural | undefined {
  const member = memberOf(schema, key);
  return member === 'undeclared' ? undefined : member;
}

/** Fills defaults in, in place: of members that are missing or null without being allowed to be. Run it after `dropNulls`. */
export function fillDefaults(value: Json, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    const items = schema.items;
    for (const [index, item] of value.entries()) {
      if (isForbiddenNull(item, items)) value[index] = cloneJson(items?.default ?? null);
      fillDefaults(value[index] as Json, items);
    }
  } else if (isObject(value)) fillMembers(value, schema);
}

function fillMembers(object: JsonObject, schema: Structural): void {
  for (const [name, property] of schema.properties) {
    if (property.default === undefined) continue;
    if (!Object.hasOwn(object, name) || isForbiddenNull(object[name], property)) setOwn(object, name, cloneJson(property.default));
  }
  for (const key of Object.keys(object)) {
    const member = declared(schema, key);
    if (member === undefined) continue;
    if (!schema.properties.has(key) && isForbiddenNull(object[key], member)) setOwn(object, key, cloneJson(member.default ?? null));
    fillDefaults(object[key] as Json, member);
  }
}

/** Takes out, in place, members that are null, may not be null and have no default. */
export function dropNulls(value: Json, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, schema.items);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const member = declared(schema, key);
      if (member === undefined) continue;
      if (isForbiddenNull(value[key], member) && member.default === undefined) delete value[key];
      else dropNulls(value[key] as Json, member);
    }
  }
}
