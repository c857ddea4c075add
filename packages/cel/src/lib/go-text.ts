import { formatDouble } from '../numbers.ts';
import { formatDuration, formatTimestamp } from '../time.ts';
import { Duration, ListValue, MapValue, Timestamp, Uint, typeNameOf, type CelValue } from '../values.ts';
import { work } from '../work.ts';

/** How errors print a value (Go's %v): `no such key: foo`, `index out of bounds: 3`. */
export function goText(value: CelValue): string {
  work();
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatDouble(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof ListValue) return `[${[...value].map(goText).join(', ')}]`;
  if (value instanceof MapValue) return `{${[...value.keys()].map((key) => `${goText(key)}: ${goText(value.find(key) as CelValue)}`).join(', ')}}`;
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return value === null ? 'null' : typeNameOf(value);
}

/** As Go's %q. */
export function goQuote(text: string): string {
  let out = '"';
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (character === '"' || character === '\\') out += `\\${character}`;
    else if (simple[character] !== undefined) out += simple[character];
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) out += character;
    else out += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  }
  return `${out}"`;
}

const simple: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' };
