import { quoteJson } from './quote.ts';

/** JSON of a value without a type (custom resources, RawExtension): keys stay in their order. */
export function stringifyAny(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  switch (typeof value) {
    case 'string': return quoteJson(value);
    case 'number': return Number.isFinite(value) ? String(value) : 'null';
    case 'bigint': case 'boolean': return String(value);
    case 'object': break;
    default: return 'null';
  }
  if (Array.isArray(value)) return `[${value.map(stringifyAny).join(',')}]`;
  let text = '';
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) text += `${text === '' ? '' : ','}${quoteJson(key)}:${stringifyAny(member)}`;
  }
  return `{${text}}`;
}

/** The same with the keys in order, as a Go server writes objects that it has no type for. */
export function stringifySorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stringifySorted).join(',')}]`;
  if (value === null || typeof value !== 'object') return stringifyAny(value);
  const object = value as Readonly<Record<string, unknown>>;
  const members = Object.keys(object).filter((key) => object[key] !== undefined).sort();
  return `{${members.map((key) => `${quoteJson(key)}:${stringifySorted(object[key])}`).join(',')}}`;
}
