import type { Json } from '../resource.ts';
import type { JsonObject } from '../resource.ts';
import { cloneJson, isObject, setOwn } from './values.ts';

/** RFC 7386. Neither argument is changed; what the patch does not name is shared with the document. */
export function applyMergePatch(document: Json, patch: Json): Json {
  if (!isObject(patch)) return cloneJson(patch);
  const result: JsonObject = isObject(document) ? { ...document } : {};
  for (const key of Object.keys(patch)) {
    const change = patch[key] as Json;
    if (change === null) delete result[key];
    else setOwn(result, key, applyMergePatch(Object.hasOwn(result, key) ? (result[key] as Json) : null, change));
  }
  return result;
}
