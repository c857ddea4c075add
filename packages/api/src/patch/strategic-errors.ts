import type { Json, JsonObject } from '../resource.ts';
import { badRequest, StatusError } from '../status-error.ts';

export const directivePrefixes = { order: '$setElementOrder/', deletion: '$deleteFromPrimitiveList/' } as const;

/** Upstream lets these through as errors without a reason, which its server shows as 500. */
function withoutReason(message: string): StatusError {
  return badRequest(message);
}

export const patchErrors = {
  badDocument: 'invalid JSON document',
  retainKeys: 'invalid patch format of retainKeys',
  primitiveList: 'invalid patch format of primitive list',
  elementOrder: 'invalid patch format of setElementOrder list',
  listOfLists: (): StatusError => new StatusError('Invalid', 'the server rejected our request due to an error in our request', {}),
  mixedList: (): StatusError => withoutReason('list element types are not identical'),
  noKeyDeclared: (): StatusError => withoutReason('cannot merge lists without merge key'),
  mergeDirectiveInList: (): StatusError => withoutReason('not implemented: merging lists cannot yet be specified in the patch'),
} as const;

/** Go's `%v` of decoded JSON. */
function goText(value: Json): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  return `map[${Object.keys(value).toSorted().map((key) => `${key}:${goText(value[key] as Json)}`).join(' ')}]`;
}

export function noMergeKey(item: JsonObject, mergeKey: string): StatusError {
  return withoutReason(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
}

export function unknownPatchType(type: Json, where: JsonObject): StatusError {
  return typeof type === 'string'
    ? withoutReason(`unknown patch type: ${JSON.stringify(type)} found in map: ${goText(where)}`)
    : badRequest('unable to parse the patch type: it must be a string');
}
