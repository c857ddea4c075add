import { applyJsonPatch, internalError, JsonSyntaxError, scanJson, StatusError, type Json, type JsonObject } from '@coxswain/api';

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Operations of a patch. Throws Internal for what is none. */
export function decodeWebhookPatch(patch: string): readonly JsonObject[] {
  let value: Json;
  try {
    ({ value } = scanJson(patch));
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw internalError(error.message);
    throw error;
  }
  if (!Array.isArray(value)) throw internalError(`json: cannot unmarshal ${isObject(value) ? 'object' : typeof value} into Go value of type jsonpatch.Patch`);
  const found = value.find((operation) => !isObject(operation));
  if (found !== undefined) throw internalError(`json: cannot unmarshal ${Array.isArray(found) ? 'array' : typeof found} into Go value of type jsonpatch.Operation`);
  return value.filter(isObject);
}

/** `object`: what the operation was tried on. */
function hasParent(object: Json, path: string): boolean {
  let at: Json | undefined = object;
  for (const part of path.split('/').slice(1, -1)) at = isObject(at) ? at[part] : Array.isArray(at) ? at[Number(part)] : undefined;
  return isObject(at) || Array.isArray(at);
}

function nonexistent(op: string, path: string, key: string): string {
  return `error in ${op} for path: '${path}': Unable to remove nonexistent key: ${key}: missing value`;
}

/** The reason that upstream's library gives for the operation that does not apply. */
function reasonOf(object: Json, operation: JsonObject): string {
  const op = text(operation['op']);
  const path = text(operation['path']);
  switch (op) {
    case 'add': return `add operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`;
    case 'remove': return hasParent(object, path) ? nonexistent('remove', path, path.slice(path.lastIndexOf('/') + 1)) : `remove operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`;
    case 'replace': return `replace operation does not apply: doc is missing path: ${path}: missing value`;
    case 'move': return moveReason(object, text(operation['from']));
    case 'copy': return `copy operation does not apply: doc is missing from path: ${text(operation['from'])}: missing value`;
    case 'test': return `testing value ${path} failed: test failed`;
    default: return `Unexpected kind: ${op}`;
  }
}

function moveReason(object: Json, from: string): string {
  const key = from.slice(from.lastIndexOf('/') + 1);
  return hasParent(object, from) ? nonexistent('move', key, key) : `move operation does not apply: doc is missing from path: ${from}: missing value`;
}

/** An operation does not apply, in the words of upstream's library. */
export class PatchFailure extends Error {
  readonly operation: JsonObject;
  constructor(operation: JsonObject, reason: string) {
    super(reason);
    this.operation = operation;
  }
}

/** Operation by operation, so that the one that fails can be named. Throws PatchFailure. */
export function applyOperations(object: Json, operations: readonly JsonObject[]): Json {
  let result = object;
  for (const operation of operations) {
    try {
      result = applyJsonPatch(result, [operation]);
    } catch (error) {
      if (error instanceof StatusError) throw new PatchFailure(operation, reasonOf(result, operation));
      throw error;
    }
  }
  return result;
}

export function applyWebhookPatch(object: JsonObject, operations: readonly JsonObject[]): JsonObject {
  let result: Json;
  try {
    result = applyOperations(object, operations);
  } catch (error) {
    if (error instanceof PatchFailure) throw internalError(error.message);
    throw error;
  }
  if (!isObject(result)) throw internalError('the patch of a webhook made something that is no object');
  return result;
}
