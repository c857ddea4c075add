import type { FieldError } from '../field-error.ts';
import type { Json } from '../resource.ts';

/** Text that Go's `%#v` or a String method prints for a value that JSON does not show that way. */
export class GoText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type BadValue = string | number | bigint | boolean | null | undefined | GoText;

export function goText(text: string): GoText {
  return new GoText(text);
}

const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\v': '\\v' };

/** Nothing in it is written otherwise. */
const plain = /^[ !#-[\]-~]*$/;

/** Go's `%q`. */
export function quote(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    if (escapes[char] !== undefined) out += escapes[char];
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += char;
  }
  return `"${out}"`;
}

/** Go's `%#v` of a list of (named) strings. */
export function goStrings(type: string, items: readonly string[] | undefined): GoText {
  return goText(items === undefined ? `${type}(nil)` : `${type}{${items.map(quote).join(', ')}}`);
}

function show(value: BadValue): string {
  if (value instanceof GoText) return value.text;
  if (value === undefined || value === null) return '"null"';
  return typeof value === 'string' ? quote(value) : String(value);
}

function withDetail(text: string, detail: string): string {
  return detail === '' ? text : `${text}: ${detail}`;
}

export function required(field: string, detail = ''): FieldError {
  return { type: 'Required', field, message: withDetail('Required value', detail) };
}

export function invalidValue(field: string, value: BadValue, detail: string): FieldError {
  return { type: 'Invalid', field, message: withDetail(`Invalid value: ${show(value)}`, detail) };
}

/** `supported` in the order to be printed. */
export function notSupported(field: string, value: BadValue, supported: readonly string[]): FieldError {
  const list = supported.length === 0 ? '' : `: supported values: ${supported.map(quote).join(', ')}`;
  return { type: 'NotSupported', field, message: `Unsupported value: ${show(value)}${list}` };
}

export function duplicate(field: string, value: BadValue): FieldError {
  return { type: 'Duplicate', field, message: `Duplicate value: ${show(value)}` };
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { type: 'Forbidden', field, message: withDetail('Forbidden', detail) };
}

export function tooLong(field: string, maxBytes: number): FieldError {
  return { type: 'TooLong', field, message: `Too long: may not be more than ${maxBytes} bytes` };
}

export function tooMany(field: string, count: number, max: number): FieldError {
  return { type: 'TooMany', field, message: `Too many: ${count}: must have at most ${max} item${max === 1 ? '' : 's'}` };
}

export function notFoundValue(field: string, value: BadValue): FieldError {
  return { type: 'NotFound', field, message: `Not found: ${show(value)}` };
}

export function eachInvalid(field: string, value: BadValue, details: readonly string[]): FieldError[] {
  return details.map((detail) => invalidValue(field, value, detail));
}

/** A JSON value as an error shows it; lists and objects only where upstream's text is not stable anyway. */
export function badValue(value: Json | undefined): BadValue {
  return typeof value === 'object' && value !== null ? goText(JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item))) : value;
}
