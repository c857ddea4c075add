import { equalJson, isObject, own } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { memberOf, type Structural } from './structural.ts';

/** What stood, before an update, where a value stands now. */
export interface Correlation {
  readonly value: Json;
  readonly schema: Structural;
}

/** undefined where nothing stood, or nobody can tell. The kind of the root cannot change unseen. */
export function correlatedMember(old: Correlation | undefined, path: string, key: string): Correlation | undefined {
  if (old === undefined || !isObject(old.value) || (path === '' && (key === 'kind' || key === 'apiVersion'))) return undefined;
  const value = own(old.value, key);
  const schema = memberOf(old.schema, key);
  return value === undefined || schema === undefined || schema === 'undeclared' ? undefined : { value, schema };
}

/** The keys of an item; those it leaves out have their defaults. undefined: it is no item of such a list. */
function keysOf(item: Json, list: Structural): JsonObject | undefined {
  if (!isObject(item)) return undefined;
  const keys: JsonObject = {};
  for (const name of list.listMapKeys) keys[name] = own(item, name) ?? list.items?.properties.get(name)?.default ?? null;
  return keys;
}

/** Items of lists are only told apart by keys. */
export function correlatedItem(old: Correlation | undefined, items: readonly Json[], index: number): Correlation | undefined {
  if (old === undefined || !Array.isArray(old.value) || old.schema.listType !== 'map' || old.schema.items === undefined) return undefined;
  const keys = keysOf(items[index] as Json, old.schema);
  if (keys === undefined) return undefined;
  const found = old.value.find((item) => equalJson(keysOf(item, old.schema), keys));
  return found === undefined ? undefined : { value: found, schema: old.schema.items };
}
