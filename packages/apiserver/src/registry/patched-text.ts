import { apiDescription, stringifyAny, type FieldShape, type Json, type JsonObject } from '@coxswain/api';
import { isObject } from './object.ts';

/**
 * What a patch made is shown as upstream's patch libraries leave it: sorted keys where they went and in what a merge put there, what an operation
 * adds as it was given, and in the order of the type's declaration where nobody went.
 */
export interface Trace {
  readonly keys: 'sorted' | 'given' | 'declared';
  at(key: string): Trace;
}

const untouched: Trace = { keys: 'declared', at: () => untouched };
const merged: Trace = { keys: 'sorted', at: () => merged };

export function traceOfMerge(patch: Json | undefined): Trace {
  if (patch === undefined) return untouched;
  return isObject(patch) ? { keys: 'sorted', at: (key) => traceOfMerge(patch[key]) } : merged;
}

interface Operations {
  /** Pointers to what operations looked into, and to what they brought. */
  readonly visited: ReadonlySet<string>;
  readonly brought: ReadonlySet<string>;
}

function traceAt(operations: Operations, pointer: string, before: Trace['keys']): Trace {
  const rest = operations.brought.has(pointer) ? 'given' : before;
  return { keys: operations.visited.has(pointer) ? 'sorted' : rest, at: (key) => traceAt(operations, `${pointer}/${key}`, rest) };
}

export function traceOfOperations(patch: Json): Trace {
  const visited = new Set(['']);
  const brought = new Set<string>();
  for (const operation of Array.isArray(patch) ? patch.filter(isObject) : []) {
    const { path, from, value } = operation;
    if (value !== undefined && typeof path === 'string') brought.add(path);
    for (const pointer of [path, from]) {
      if (typeof pointer !== 'string') continue;
      const parts = pointer.split('/').slice(1, -1);
      for (let length = 1; length <= parts.length; length += 1) visited.add(`/${parts.slice(0, length).join('/')}`);
    }
  }
  return traceAt({ visited, brought }, '', 'declared');
}

function declaredKeys(value: JsonObject, shape: FieldShape | undefined): string[] {
  const keys = Object.keys(value);
  if (shape?.kind === 'map') return keys.sort();
  if (shape?.kind !== 'object') return keys;
  const places = new Map([...apiDescription.type(shape.type).fields.keys()].map((name, place) => [name, place]));
  return keys.sort((left, right) => (places.get(left) ?? places.size) - (places.get(right) ?? places.size));
}

function shapeOf(key: string, shape: FieldShape | undefined): FieldShape | undefined {
  switch (shape?.kind) {
    case 'object': return apiDescription.type(shape.type).fields.get(key)?.shape;
    case 'map': case 'list': return shape.of;
    default: return undefined;
  }
}

function arranged(value: Json, trace: Trace, shape: FieldShape | undefined): Json {
  if (Array.isArray(value)) return value.map((item, index) => arranged(item, trace.at(String(index)), shapeOf(String(index), shape)));
  if (!isObject(value)) return value;
  const keys = trace.keys === 'declared' ? declaredKeys(value, shape) : trace.keys === 'sorted' ? Object.keys(value).sort() : Object.keys(value);
  const made: JsonObject = {};
  for (const key of keys) Object.defineProperty(made, key, { value: arranged(value[key] as Json, trace.at(key), shapeOf(key, shape)), writable: true, enumerable: true, configurable: true });
  return made;
}

/** `type` is what the object was before the patch. */
export function patchedText(result: Json, trace: Trace, type: string): string {
  return stringifyAny(arranged(result, trace, apiDescription.hasType(type) ? { kind: 'object', type } : undefined));
}
