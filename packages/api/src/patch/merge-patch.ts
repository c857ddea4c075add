import type { Json } from '../resource.ts';
import type { JsonObject } from '../resource.ts';
import { cloneJson, isObject, own, setOwn } from './values.ts';

/** RFC 7386. Neither argument is changed. */
export function applyMergePatch(document: Json, patch: Json): Json {
  return merge(isObject(patch) ? cloneJson(document) : document, patch);
}

/** `document` may be changed. */
function merge(document: Json, patch: Json): Json {
  if (!isObject(patch)) return cloneJson(patch);
  const result: JsonObject = isObject(document) ? document : {};
  for (const key of Object.keys(patch)) {
    const change = patch[key] as Json;
    if (change === null) delete result[key];
    else setOwn(result, key, merge(own(result, key) ?? null, change));
  }
  return result;
}
