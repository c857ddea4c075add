import { quote, goText, type BadValue } from '../validation/errors.ts';
import { isObject } from '../patch/values.ts';
import type { Json } from '../resource.ts';

/** Go's `%v` of a float: with an exponent from a million on. */
export function goFloat(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 6) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Go's `%#v` of a value without a type. */
export function goValue(value: Json): string {
  if (typeof value === 'string') return quote(value);
  if (isObject(value)) return `map[string]interface {}{${Object.keys(value).sort().map((key) => `${quote(key)}:${goValue(value[key] as Json)}`).join(', ')}}`;
  if (Array.isArray(value)) return `[]interface {}{${value.map(goValue).join(', ')}}`;
  return value === null ? 'interface {}(nil)' : String(value);
}

export function badJson(value: Json): BadValue {
  return typeof value === 'object' && value !== null ? goText(goValue(value)) : value;
}
