import { overload, type FunctionDecl, type Run } from '../functions.ts';
import { ArrayList, CelError, isError, noSuchOverload, stringSize, type CelValue, type ListValue } from '../values.ts';
import { formatString } from './format-string.ts';
import { goText } from './go-text.ts';
import { patternMatches } from './regex.ts';

/** Code points of a text; a text without surrogates is its own list. */
const points = (text: string): readonly string[] | string => (stringSize(text) === text.length ? text : Array.from(text));
const slice = (text: string, from: number, to: number): string => {
  const list = points(text);
  return typeof list === 'string' ? list.slice(from, to) : list.slice(from, to).join('');
};

const outOfRange = (index: bigint): CelError => new CelError(`index out of range: ${index}`);

const charAt: Run = ([text, index]) => {
  const at = Number(index);
  const size = stringSize(text as string);
  return at < 0 || at > size ? outOfRange(index as bigint) : slice(text as string, at, at + 1);
};

function indexOf(text: string, part: string, offset: number): CelValue {
  if (part === '') return BigInt(offset);
  if (offset < 0) return outOfRange(BigInt(offset));
  const list = points(text);
  if (offset >= list.length) return -1n;
  if (typeof list === 'string') return BigInt(list.indexOf(part, offset));
  const before = list.slice(0, offset).join('').length;
  const found = text.indexOf(part, before);
  return found < 0 ? -1n : BigInt(stringSize(text.slice(0, found)));
}

function lastIndexOf(text: string, part: string, offset: number): CelValue {
  if (part === '') return BigInt(offset);
  if (offset < 0) return outOfRange(BigInt(offset));
  const list = points(text);
  if (offset >= list.length) return -1n;
  const from = typeof list === 'string' ? offset : list.slice(0, offset).join('').length;
  const found = text.lastIndexOf(part, from);
  return found < 0 ? -1n : BigInt(stringSize(text.slice(0, found)));
}

/** Go's strings.Replace: an empty `old` matches before every character and at the end. */
function replace(text: string, old: string, fresh: string, count: number): string {
  if (old === fresh || count === 0) return text;
  if (count < 0 && old !== '') return text.replaceAll(old, () => fresh);
  const parts = old === '' ? ['', ...Array.from(text)] : text.split(old);
  const limit = count < 0 ? Infinity : count;
  if (old === '') return parts.map((part, index) => part + (index < limit ? fresh : '')).join('');
  const head = parts.slice(0, Math.min(limit, parts.length - 1) + 1);
  const tail = parts.slice(head.length);
  return head.join(fresh) + (tail.length === 0 ? '' : old + tail.join(old));
}

function split(text: string, separator: string, count: number): CelValue {
  if (count === 0) return new ArrayList([]);
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (count < 0 || parts.length <= count) return new ArrayList(parts);
  return new ArrayList([...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)]);
}

function substring(text: string, start: bigint, end: bigint | undefined): CelValue {
  const size = BigInt(stringSize(text));
  if (end !== undefined && start > end) return new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > size) return outOfRange(start);
  if (end !== undefined && (end < 0n || end > size)) return outOfRange(end);
  return slice(text, Number(start), end === undefined ? Infinity : Number(end));
}

const blanks = /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;

function join(list: ListValue, separator: string): CelValue {
  const texts: string[] = [];
  for (const item of list) {
    if (typeof item !== 'string') return isError(item) ? item : new CelError(`join: invalid input: ${goText(item)}`);
    texts.push(item);
  }
  return texts.join(separator);
}

const escapes: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' };
const quote = (text: string): string => `"${Array.from(text.toWellFormed(), (character) => escapes[character] ?? character).join('')}"`;

const binary = (run: (text: string, other: string) => CelValue): Run => ([text, other]) => run(text as string, other as string);

const test = (name: string, id: string, holds: (text: string, part: string) => boolean): FunctionDecl => ({
  name, overloads: [overload(id, '.(string, string) -> bool')], run: ([text, part]) => (typeof text === 'string' && typeof part === 'string' ? holds(text, part) : noSuchOverload),
});

export const stringFunctions: readonly FunctionDecl[] = [
  test('contains', 'contains_string', (text, part) => text.includes(part)),
  test('endsWith', 'ends_with_string', (text, part) => text.endsWith(part)),
  test('startsWith', 'starts_with_string', (text, part) => text.startsWith(part)),
  {
    name: 'matches', run: ([text, pattern]) => patternMatches(text as CelValue, pattern as CelValue), takes: (value) => typeof value === 'string',
    overloads: [overload('matches', '(string, string) -> bool'), overload('matches_string', '.(string, string) -> bool')],
  },
  { name: 'charAt', overloads: [overload('string_char_at_int', '.(string, int) -> string', charAt)] },
  {
    name: 'indexOf', overloads: [
      overload('string_index_of_string', '.(string, string) -> int', binary((text, part) => indexOf(text, part, 0))),
      overload('string_index_of_string_int', '.(string, string, int) -> int', ([text, part, offset]) => indexOf(text as string, part as string, Number(offset))),
    ],
  },
  {
    name: 'lastIndexOf', overloads: [
      overload('string_last_index_of_string', '.(string, string) -> int', binary((text, part) => lastIndexOf(text, part, part === '' ? stringSize(text) : stringSize(text) - 1))),
      overload('string_last_index_of_string_int', '.(string, string, int) -> int', ([text, part, offset]) => lastIndexOf(text as string, part as string, Number(offset))),
    ],
  },
  { name: 'lowerAscii', overloads: [overload('string_lower_ascii', '.(string) -> string', ([text]) => (text as string).replace(/[A-Z]+/g, (letters) => letters.toLowerCase()))] },
  { name: 'upperAscii', overloads: [overload('string_upper_ascii', '.(string) -> string', ([text]) => (text as string).replace(/[a-z]+/g, (letters) => letters.toUpperCase()))] },
  {
    name: 'replace', overloads: [
      overload('string_replace_string_string', '.(string, string, string) -> string', ([text, old, fresh]) => replace(text as string, old as string, fresh as string, -1)),
      overload('string_replace_string_string_int', '.(string, string, string, int) -> string', ([text, old, fresh, count]) => replace(text as string, old as string, fresh as string, Number(count))),
    ],
  },
  {
    name: 'split', overloads: [
      overload('string_split_string', '.(string, string) -> list(string)', binary((text, separator) => split(text, separator, -1))),
      overload('string_split_string_int', '.(string, string, int) -> list(string)', ([text, separator, count]) => split(text as string, separator as string, Number(count))),
    ],
  },
  {
    name: 'substring', overloads: [
      overload('string_substring_int', '.(string, int) -> string', ([text, start]) => substring(text as string, start as bigint, undefined)),
      overload('string_substring_int_int', '.(string, int, int) -> string', ([text, start, end]) => substring(text as string, start as bigint, end as bigint)),
    ],
  },
  { name: 'trim', overloads: [overload('string_trim', '.(string) -> string', ([text]) => (text as string).replace(blanks, ''))] },
  { name: 'format', overloads: [overload('string_format', '.(string, list(dyn)) -> string', ([text, args]) => formatString(text as string, args as ListValue))] },
  { name: 'strings.quote', overloads: [overload('strings_quote', '(string) -> string', ([text]) => quote(text as string))] },
  {
    name: 'join', overloads: [
      overload('list_join', '.(list(string)) -> string', ([list]) => join(list as ListValue, '')),
      overload('list_join_string', '.(list(string), string) -> string', ([list, separator]) => join(list as ListValue, separator as string)),
    ],
  },
];
