import { CelError, Duration, ListValue, MapValue, OpaqueValue, OptionalValue, Timestamp, TypeValue, Uint, isError, typeNameOf, type CelValue } from '../values.ts';
import { work } from '../work.ts';
import { compareStrings } from '../equality.ts';
import { toText } from './conversions.ts';
import { goQuote } from './go-text.ts';

/** A mistake in the format or an argument that does not fit; `argument`: which one. */
export class FormatProblem extends Error {}

export type Clause = 's' | 'd' | 'f' | 'e' | 'b' | 'x' | 'X' | 'o';

const kindOfClause = 'sdfebxXo';
const defaultPrecision = 6;
/** Go's formatting has its own limit for digits. */
const maxPrecision = 1_000_000;

export interface ParsedFormat {
  readonly literal: string;
  readonly clause?: { readonly kind: Clause; readonly precision: number | undefined };
}

/** Reads clause after clause; a wrong one ends it, after what was before it was given. */
export function* parseFormat(format: string): Generator<ParsedFormat> {
  let literal = '';
  for (let at = 0; at < format.length;) {
    if (format[at] !== '%') literal += format[at++];
    else if (format[at + 1] === '%') {
      literal += '%';
      at += 2;
    } else {
      yield { literal };
      literal = '';
      const { clause, length } = readClause(format.slice(at + 1));
      yield { literal: '', clause };
      at += 1 + length;
    }
  }
  yield { literal };
}

function readClause(text: string): { readonly clause: { readonly kind: Clause; readonly precision: number | undefined }; readonly length: number } {
  if (text === '') throw new FormatProblem('unexpected end of string');
  let precision: number | undefined;
  let at = 0;
  if (text.startsWith('.')) {
    const digits = /^\.(\d*)/.exec(text)?.[1] ?? '';
    at = digits.length + 1;
    if (at >= text.length) throw new FormatProblem('could not parse formatting clause: error while parsing precision: could not find end of precision specifier');
    if (digits === '') throw new FormatProblem('could not parse formatting clause: error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax');
    precision = Number(digits);
  }
  const kind = String.fromCodePoint(text.codePointAt(at) as number);
  if (!kindOfClause.includes(kind)) throw new FormatProblem(`could not parse formatting clause: unrecognized formatting clause ${goQuote(kind)}`);
  return { clause: { kind: kind as Clause, precision }, length: at + 1 };
}

export const clauseMistake: Readonly<Record<Clause, (type: string) => string>> = {
  s: (type) => `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${type}`,
  d: (type) => `decimal clause can only be used on integers, was given ${type}`,
  f: (type) => `fixed-point clause can only be used on doubles, was given ${type}`,
  e: (type) => `scientific clause can only be used on doubles, was given ${type}`,
  b: (type) => `only integers and bools can be formatted as binary, was given ${type}`,
  x: (type) => `only integers, byte buffers, and strings can be formatted as hex, was given ${type}`,
  X: (type) => `only integers, byte buffers, and strings can be formatted as hex, was given ${type}`,
  o: (type) => `octal clause can only be used on integers, was given ${type}`,
};

export function formatString(format: string, args: ListValue): CelValue {
  let out = '';
  let index = 0;
  try {
    for (const part of parseFormat(format)) {
      out += part.literal;
      if (part.clause === undefined) continue;
      if (index >= args.size) throw new FormatProblem(`index ${index} out of range`);
      const arg = args.at(index++);
      if (isError(arg)) return arg;
      out += formatClause(part.clause, arg);
    }
    return out;
  } catch (error) {
    if (error instanceof FormatProblem) return new CelError(error.message);
    throw error;
  }
}

function formatClause({ kind, precision }: { readonly kind: Clause; readonly precision: number | undefined }, arg: CelValue): string {
  const text = clauses[kind](arg, precision ?? defaultPrecision, kind);
  if (text === undefined) throw new FormatProblem(`error during formatting: ${clauseMistake[kind](typeNameOf(arg))}`);
  return text;
}

type Format = (arg: CelValue, precision: number, kind: Clause) => string | undefined;

const integer = (radix: number): Format => (arg) => (typeof arg === 'bigint' ? arg.toString(radix) : arg instanceof Uint ? arg.value.toString(radix) : undefined);

const double = (show: (value: number, precision: number) => string): Format => (arg, precision) => {
  if (precision > maxPrecision) return '%!(BADPREC)';
  const value = typeof arg === 'number' ? arg : arg === 'NaN' ? NaN : arg === 'Infinity' ? Infinity : arg === '-Infinity' ? -Infinity : undefined;
  if (value === undefined) return undefined;
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? show(value, precision) : value > 0 ? '∞' : '-∞';
};

const hex: Format = (arg, _precision, kind) => {
  const digits = typeof arg === 'string' ? hexBytes(new TextEncoder().encode(arg)) : arg instanceof Uint8Array ? hexBytes(arg) : integer(16)(arg, 0, kind);
  return kind === 'X' ? digits?.toUpperCase() : digits;
};

const hexBytes = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const clauses: Readonly<Record<Clause, Format>> = {
  s: (arg) => textOf(arg), d: integer(10), o: integer(8), x: hex, X: hex,
  b: (arg, precision, kind) => (typeof arg === 'boolean' ? (arg ? '1' : '0') : integer(2)(arg, precision, kind)),
  f: double((value, precision) => grouped(fixed(value, precision))),
  // The precision is taken for a width, as upstream does.
  e: double((value, width) => {
    const [mantissa = '', exponent = ''] = value.toExponential(defaultPrecision).split('e');
    const digits = exponent.replace(/^[+-]/, '').padStart(2, '0');
    // English writes it with a raised exponent.
    return `${mantissa}\u202f×\u202f10${Array.from(`${exponent.startsWith('-') ? '-' : ''}${digits}`, (digit) => raised[digit]).join('')}`.padStart(width);
  }),
};

const raised: Readonly<Record<string, string>> = { '-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹' };

/** Zeros where JavaScript knows no more digits. */
const fixed = (value: number, precision: number): string => (isTie(value, precision) ? halfToEven(value, precision) : Math.abs(value) < 1e21 ? value.toFixed(Math.min(precision, 100)) : `${BigInt(value)}${precision > 0 ? '.' : ''}${'0'.repeat(Math.min(precision, 100))}`) + '0'.repeat(Math.max(0, precision - 100));

/** Exactly between two texts: Go takes the even one, JavaScript the larger. */
const isTie = (value: number, precision: number): boolean => precision <= 20 && Math.abs(value) < 1e15 && /^50*$/.test(value.toFixed(Math.min(100, precision + 60)).split('.')[1]?.slice(precision) ?? '');

function halfToEven(value: number, precision: number): string {
  const exact = value.toFixed(precision + 1);
  const cut = exact.slice(0, -1).replace(/\.$/, '');
  return Number(cut.at(-1)) % 2 === 0 ? cut : value.toFixed(precision);
}

function grouped(text: string): string {
  const [whole = '', fraction] = text.split('.');
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? groups : `${groups}.${fraction}`;
}

/** `%s`; undefined for what has no text. */
function textOf(value: CelValue): string | undefined {
  if (value === null) return 'null';
  if (value instanceof ListValue) return listText(value);
  if (value instanceof MapValue) return mapText(value);
  if (value instanceof OpaqueValue || value instanceof OptionalValue) return undefined;
  const text = toText(value);
  if (text instanceof CelError) throw new FormatProblem(`error during formatting: could not convert argument ${goQuote(text.message)} to string`);
  return text as string | undefined;
}

const listText = (list: ListValue): string => `[${[...list].map(nested).join(', ')}]`;

function mapText(map: MapValue): string {
  const pairs = [...map.keys()].map((key) => {
    if (typeof key === 'number' || (typeof key !== 'string' && typeof key !== 'boolean' && typeof key !== 'bigint' && !(key instanceof Uint))) {
      throw new FormatProblem(`error during formatting: no formatting function for map key of type ${typeNameOf(key)}`);
    }
    return [nested(key), nested(map.find(key) as CelValue)] as const;
  });
  return `{${pairs.sort(([a], [b]) => compareStrings(a, b)).map(([key, value]) => `${key}:${value}`).join(', ')}}`;
}

/** Inside of lists and maps values are written as literals of the language. */
function nested(value: CelValue): string {
  work();
  if (typeof value === 'string') return goQuote(value);
  if (value instanceof Uint8Array) return `b${goQuote(textOf(value) as string)}`;
  if (typeof value === 'number') return Number.isNaN(value) ? '"NaN"' : Number.isFinite(value) ? fixed(value, defaultPrecision) : value > 0 ? '"+Inf"' : '"-Inf"';
  if (value instanceof Timestamp) return `timestamp(${goQuote(toText(value) as string)})`;
  if (value instanceof Duration) return `duration(${goQuote(toText(value) as string)})`;
  if (value instanceof TypeValue) return value.name;
  const text = textOf(value);
  if (text === undefined) throw new FormatProblem(`error during formatting: no formatting function for ${typeNameOf(value)}`);
  return text;
}
