import { isObject } from '../patch/values.ts';
import type { Json } from '../resource.ts';
import { goValue } from './go-value.ts';

function goKind(value: Json): string {
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'object': return 'map[string]interface {}';
    default: return typeof value === 'number' && !Number.isSafeInteger(value) ? 'float64' : 'int64';
  }
}

/** Why a value is no scalar of this type, as upstream's structured merge says it. */
export function scalarProblem(value: Json, type: string): string | undefined {
  if (value === null) return undefined;
  switch (type) {
    case 'string': return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goValue(value)}}`;
    case 'boolean': return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goShown(value)}}`;
    case 'integer': case 'number': return typeof value === 'number' || typeof value === 'bigint' ? undefined : `expected numeric (int or float), got ${goKind(value)}`;
    default: return undefined;
  }
}

/** As Go's %v shows it. */
export function goShown(value: Json): string {
  if (isObject(value)) return `map[${Object.keys(value).toSorted().map((key) => `${key}:${goShown(value[key] as Json)}`).join(' ')}]`;
  if (Array.isArray(value)) return `[${value.map(goShown).join(' ')}]`;
  return value === null ? '<nil>' : String(value);
}
