import { quoteJson } from './quote.ts';

/** What Go writes in another way than the engine: characters that it escapes, and half a surrogate pair (also where a text only looks like one). */
const otherwise = /[<>&\u2028\u2029]|\\ud/;

/** JSON of a value without a type (custom resources, RawExtension): keys stay in their order. */
export function stringifyAny(value: unknown): string {
  if (value === null || typeof value !== 'object') return stringifyEach(value);
  const text = byEngine(value);
  return text === undefined || otherwise.test(text) ? stringifyEach(value) : text;
}

/** undefined: it holds integers that only we can write. */
function byEngine(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function stringifyEach(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  switch (typeof value) {
    case 'string': return quoteJson(value);
    case 'number': return Number.isFinite(value) ? String(value) : 'null';
    case 'bigint': case 'boolean': return String(value);
    case 'object': break;
    default: return 'null';
  }
  if (Array.isArray(value)) return `[${value.map(stringifyEach).join(',')}]`;
  let text = '';
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) text += `${text === '' ? '' : ','}${quoteJson(key)}:${stringifyEach(member)}`;
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
