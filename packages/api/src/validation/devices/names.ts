import type { FieldError } from '../../field-error.ts';
import { each } from '../common.ts';
import { duplicate, eachInvalid, invalidValue, required, tooLong, tooMany, type BadValue } from '../errors.ts';
import { cIdentifierProblems, dns1123Label, dns1123Subdomain } from '../formats.ts';
import { csiDriverName } from '../pod/volume-sources.ts';

export type Check<T> = (item: T, field: string) => readonly FieldError[];

const encoder = new TextEncoder();

export function tooLongText(text: string, field: string, maxBytes: number): FieldError[] {
  return text.length > maxBytes || (text.length * 3 > maxBytes && encoder.encode(text).length > maxBytes) ? [tooLong(field, maxBytes)] : [];
}

/** Items are looked at before the length of their list is. */
export function eachOf<T>(items: readonly T[], field: string, max: number, check: Check<T>): FieldError[] {
  return [...each(items, field, check), ...(items.length > max ? [tooMany(field, items.length, max)] : [])];
}

export interface SetKey { readonly key: string; /** Below the item. */ readonly at: string; readonly shown?: BadValue }

export function eachOnce<T>(items: readonly T[], field: string, max: number, check: Check<T>, keyOf: (item: T) => SetKey): FieldError[] {
  const seen = new Set<string>();
  return [...eachOf(items, field, max, check), ...each(items, field, (item, at) => {
    const { key, at: below, shown } = keyOf(item);
    const known = seen.has(key);
    seen.add(key);
    return known ? [duplicate(`${at}${below}`, shown ?? key)] : [];
  })];
}

export const driverName = csiDriverName;

export function label(value: string, field: string): FieldError[] {
  return eachInvalid(field, value, dns1123Label(value));
}

export function subdomain(value: string, field: string): FieldError[] {
  return eachInvalid(field, value, dns1123Subdomain(value));
}

const longestPoolName = 253;
const longestId = 32;

export function poolName(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  return [...tooLongText(name, field, longestPoolName), ...name.split('/').flatMap((part) => subdomain(part, field))];
}

function identifier(id: string, field: string): FieldError[] {
  return [...tooLongText(id, field, longestId), ...cIdentifierProblems(id).map((problem) => ({ ...invalidValue(field, id, problem), type: 'TypeInvalid' as const }))];
}

/** `model`, or `dra.example.com/model`. */
export function qualifiedName(name: string, field: string): FieldError[] {
  if (name === '') return [required(field, 'name required')];
  const [domain = '', id = '', ...more] = name.split('/');
  if (!name.includes('/')) return identifier(domain, field);
  if (more.length > 0) return [];
  return [
    ...(domain === '' ? [required(field, 'the domain must not be empty')] : driverName(domain, field)),
    ...(id === '' ? [required(field, 'the name must not be empty')] : identifier(id, field)),
  ];
}

export function fullyQualifiedName(name: string, field: string): FieldError[] {
  return [...qualifiedName(name, field), ...(name !== '' && !name.includes('/') ? [invalidValue(field, name, 'must include a domain')] : [])];
}
