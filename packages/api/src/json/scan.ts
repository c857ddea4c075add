import type { Json, JsonObject } from '../resource.ts';
import { JsonSyntaxError, quoteCharacter } from './syntax-error.ts';
import { scanEscaped } from './string-escape.ts';

/** A key given twice. The last value stands. */
export interface DuplicateKey {
  readonly parent: JsonObject;
  readonly key: string;
  /** `spec.containers[0].image` */
  readonly path: string;
}

export interface ScannedJson {
  readonly value: Json;
  readonly duplicates: readonly DuplicateKey[];
  /** Numbers written as floats that are whole (`1.0`, `1e3`): typed integers refuse them, and `value` cannot show the difference. */
  readonly wholeFloats: ReadonlyMap<JsonObject | Json[], ReadonlyMap<string | number, string>>;
  /** What strict decoding says before it looks at fields: YAML's duplicate keys. */
  readonly strictErrors?: readonly string[];
}

/** Go's decoder allows 10,000; the stack of everything that walks objects afterwards does not. */
const maxDepth = 2000;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const quote = 34, comma = 44, minus = 45, dot = 46, zero = 48, nine = 57, colon = 58, upperE = 69, openBracket = 91, backslash = 92, closeBracket = 93, lowerE = 101, openBrace = 123, closeBrace = 125;

class Scanner {
  readonly duplicates: DuplicateKey[] = [];
  readonly wholeFloats = new Map<JsonObject | Json[], Map<string | number, string>>();
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #floatLiteral = '';

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
    return value;
  }

  /** Moves to the next character that is not white space and answers its code, or NaN at the end. */
  #space(): number {
    const text = this.#text;
    let code = text.charCodeAt(this.#at);
    while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++this.#at);
    return code;
  }

  #fail(where: string): never {
    if (this.#at >= this.#text.length) throw new JsonSyntaxError('unexpected end of JSON input', this.#at);
    const point = this.#text.codePointAt(this.#at) as number;
    throw new JsonSyntaxError(`invalid character ${quoteCharacter(point)} ${where}`, this.#at);
  }

  #value(): Json {
    const code = this.#space();
    switch (code) {
      case quote: return this.#string();
      case openBrace: return this.#object();
      case openBracket: return this.#array();
      case 116: return this.#literal('true', true);
      case 102: return this.#literal('false', false);
      case 110: return this.#literal('null', null);
      default:
        if (code === minus || (code >= zero && code <= nine)) return this.#number();
        return this.#fail('looking for beginning of value');
    }
  }

  #literal(word: string, value: Json): Json {
    for (let index = 0; index < word.length; index++, this.#at++) {
      if (this.#text.charCodeAt(this.#at) !== word.charCodeAt(index)) this.#fail(`in literal ${word} (expecting '${word[index] as string}')`);
    }
    return value;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at + 1;
    let at = start;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === quote) {
        this.#at = at + 1;
        return text.slice(start, at);
      }
      if (code === backslash || !(code >= 32)) break;
      at++;
    }
    this.#at = at;
    const result = scanEscaped(text, start, at);
    if (typeof result === 'object') {
      this.#at = result.end;
      return result.value;
    }
    this.#at = result < 0 ? text.length : result;
    return this.#fail(this.#stringTrouble());
  }

  #stringTrouble(): string {
    const before = this.#text.slice(0, this.#at);
    if (/\\u[0-9a-fA-F]{0,3}$/.test(before)) return 'in \\u hexadecimal character escape';
    return before.endsWith('\\') ? 'in string escape code' : 'in string literal';
  }

  #digits(where: string): void {
    const text = this.#text;
    let code = text.charCodeAt(this.#at);
    if (!(code >= zero && code <= nine)) this.#fail(where);
    while (code >= zero && code <= nine) code = text.charCodeAt(++this.#at);
  }

  #number(): number | bigint {
    const text = this.#text;
    const start = this.#at;
    if (text.charCodeAt(this.#at) === minus) this.#at++;
    if (text.charCodeAt(this.#at) === zero) this.#at++;
    else this.#digits('in numeric literal');
    const next = text.charCodeAt(this.#at);
    if (next === dot || next === lowerE || next === upperE) return this.#float(start);
    const length = this.#at - start;
    const literal = text.slice(start, this.#at);
    const value = Number(literal);
    if (length < 16 || Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    return BigInt(literal);
  }

  #float(start: number): number {
    const text = this.#text;
    if (text.charCodeAt(this.#at) === dot) {
      this.#at++;
      this.#digits('after decimal point in numeric literal');
    }
    const exponent = text.charCodeAt(this.#at);
    if (exponent === lowerE || exponent === upperE) {
      const sign = text.charCodeAt(++this.#at);
      if (sign === minus || sign === 43) this.#at++;
      this.#digits('in exponent of numeric literal');
    }
    const literal = text.slice(start, this.#at);
    const value = Number(literal);
    if (!Number.isFinite(value)) throw new JsonSyntaxError(`json: cannot unmarshal number ${literal} into Go value of type float64`, start);
    if (Number.isInteger(value)) this.#floatLiteral = literal;
    return value === 0 ? 0 : value;
  }

  #noteFloat(parent: JsonObject | Json[], key: string | number): void {
    let keys = this.wholeFloats.get(parent);
    if (keys === undefined) this.wholeFloats.set(parent, (keys = new Map()));
    keys.set(key, this.#floatLiteral);
    this.#floatLiteral = '';
  }

  #enter(): void {
    this.#at++;
    if (this.#path.length >= maxDepth) throw new JsonSyntaxError('exceeded max depth', this.#at);
    this.#path.push('');
  }

  #array(): Json[] {
    const array: Json[] = [];
    this.#enter();
    if (this.#space() !== closeBracket) {
      for (;;) {
        this.#path[this.#path.length - 1] = array.length;
        array.push(this.#value());
        if (this.#floatLiteral !== '') this.#noteFloat(array, array.length - 1);
        const code = this.#space();
        if (code === closeBracket) break;
        if (code !== comma) this.#fail('after array element');
        this.#at++;
      }
    }
    this.#at++;
    this.#path.pop();
    return array;
  }

  #object(): JsonObject {
    const object: JsonObject = {};
    this.#enter();
    let code = this.#space();
    if (code !== closeBrace) {
      for (;;) {
        if (code !== quote) this.#fail('looking for beginning of object key string');
        const key = this.#string();
        if (this.#space() !== colon) this.#fail('after object key');
        this.#at++;
        this.#path[this.#path.length - 1] = key;
        this.#member(object, key);
        code = this.#space();
        if (code === closeBrace) break;
        if (code !== comma) this.#fail('after object key:value pair');
        this.#at++;
        code = this.#space();
      }
    }
    this.#at++;
    this.#path.pop();
    return object;
  }

  #member(object: JsonObject, key: string): void {
    const value = this.#value();
    if (object[key] === undefined) object[key] = value;
    else this.#oddMember(object, key, value);
    if (this.#floatLiteral !== '') this.#noteFloat(object, key);
  }

  /** A duplicate, or a name that every object inherits. */
  #oddMember(object: JsonObject, key: string, value: Json): void {
    if (Object.hasOwn(object, key)) this.duplicates.push({ parent: object, key, path: formatPath(this.#path) });
    this.wholeFloats.get(object)?.delete(key);
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  }
}

export function formatPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** A value that is no text any more, such as the result of a patch. */
export function scannedValue(value: Json): ScannedJson {
  return { value, duplicates: [], wholeFloats: new Map() };
}

/**
 * JSON that this server (or Kubernetes) wrote itself, which has no duplicates and no odd floats: read faster, but exact as well. Nothing is
 * checked against a type.
 */
export function parseStoredJson(text: string): JsonObject {
  return (/\d{16}/.test(text) ? scanJson(text).value : JSON.parse(text)) as JsonObject;
}

/**
 * Reads one JSON document as Go's decoder reads it; throws JsonSyntaxError with Go's words. Whole numbers past 2^53 become bigint.
 * Invalid UTF-8 becomes U+FFFD.
 */
export function scanJson(source: string | Uint8Array): ScannedJson {
  const scanner = new Scanner(typeof source === 'string' ? source : utf8.decode(source));
  const value = scanner.document();
  return { value, duplicates: scanner.duplicates, wholeFloats: scanner.wholeFloats };
}
