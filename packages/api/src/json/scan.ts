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

/** Of larger lists and objects the members are counted. */
const wideSize = 1000;
/**
 * More members of wide objects, and objects in long lists, nobody has: with who owns each of them they would fill what etcd takes (1.5 MiB)
 * before they were twice as many. They would be looked at for seconds first.
 */
export const maxWideMembers = 32_768;

/** A document that is too much work for its length. */
export class JsonTooWideError extends Error {
  constructor() {
    super(`limit is ${maxWideMembers} members in objects and lists of more than ${wideSize}`);
    this.name = 'JsonTooWideError';
  }
}

interface Open { readonly value: JsonObject | Json[]; readonly isList: boolean; size: number }

type Step = 'value' | 'first' | 'first-key' | 'key' | 'item' | 'member' | 'end';

class Scanner {
  readonly duplicates: DuplicateKey[] = [];
  readonly wholeFloats = new Map<JsonObject | Json[], Map<string | number, string>>();
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #floatLiteral = '';
  /** What `slice` is in the middle of: lists and objects that are not at their end, and what must stand next. */
  readonly #open: Open[] = [];
  #root: Json = null;
  #next: Step = 'value';
  #weight = 0;
  readonly #maxMembers: number;

  constructor(text: string, maxMembers: number = maxWideMembers) {
    this.#text = text;
    this.#maxMembers = maxMembers;
  }

  document(): Json {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
    return value;
  }

  /** Reads on for about as many characters; true: that was the end of the document. What `document` does at once. */
  slice(characters: number): boolean {
    const until = this.#at + characters;
    while (this.#at < until) {
      if (this.#advance()) return true;
    }
    return false;
  }

  get root(): Json {
    return this.#root;
  }

  /** One step; true: there are no more. */
  #advance(): boolean {
    const code = this.#space();
    switch (this.#next) {
      case 'value': this.#begin(code); return false;
      case 'first': if (code === closeBracket) this.#close(); else this.#begin(code); return false;
      case 'first-key': if (code === closeBrace) this.#close(); else this.#key(code); return false;
      case 'key': this.#key(code); return false;
      case 'item': this.#afterItem(code); return false;
      case 'member': this.#afterMember(code); return false;
      case 'end': return Number.isNaN(code) ? true : this.#fail('after top-level value');
    }
  }

  #begin(code: number): void {
    if (code !== openBrace && code !== openBracket) return this.#place(this.#value());
    const container: Open = code === openBrace ? { value: {}, isList: false, size: 0 } : { value: [], isList: true, size: 0 };
    this.#enter();
    this.#open.push(container);
    if (container.isList) this.#path[this.#path.length - 1] = 0;
    this.#next = container.isList ? 'first' : 'first-key';
  }

  #key(code: number): void {
    if (code !== quote) this.#fail('looking for beginning of object key string');
    const key = this.#string();
    if (this.#space() !== colon) this.#fail('after object key');
    this.#at++;
    this.#path[this.#path.length - 1] = key;
    this.#next = 'value';
  }

  #afterItem(code: number): void {
    if (code === closeBracket) return this.#close();
    if (code !== comma) this.#fail('after array element');
    this.#at++;
    this.#next = 'value';
  }

  #afterMember(code: number): void {
    if (code === closeBrace) return this.#close();
    if (code !== comma) this.#fail('after object key:value pair');
    this.#at++;
    this.#next = 'key';
  }

  #close(): void {
    this.#at++;
    this.#path.pop();
    this.#place((this.#open.pop() as Open).value);
  }

  /** Into what it stands in. */
  #place(value: Json): void {
    const outer = this.#open.at(-1);
    if (outer === undefined) {
      this.#root = value;
      this.#next = 'end';
      return;
    }
    outer.size += 1;
    // A number or text in a list is a sixteenth of the work of a member or an object.
    if (outer.size > wideSize && (!outer.isList || (typeof value === 'object' && value !== null) || outer.size % 16 === 0)) this.#weigh();
    if (outer.isList) {
      const list = outer.value as Json[];
      list.push(value);
      if (this.#floatLiteral !== '') this.#noteFloat(list, list.length - 1);
      this.#path[this.#path.length - 1] = list.length;
    } else {
      this.#put(outer.value as JsonObject, this.#path.at(-1) as string, value);
    }
    this.#next = outer.isList ? 'item' : 'member';
  }

  #weigh(): void {
    this.#weight += 1;
    if (this.#weight > this.#maxMembers) throw new JsonTooWideError();
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
    // Nothing can hold it, and making a number of millions of digits takes long.
    if (!Number.isFinite(value)) throw new JsonSyntaxError(`json: cannot unmarshal number ${literal} into Go value of type float64`, start);
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
        this.#put(object, key, this.#value());
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

  #put(object: JsonObject, key: string, value: Json): void {
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

/** `scanJson` for long texts, which gives others their turn: `slice` until it answers true, then `result`. Throws as `scanJson` does, and JsonTooWideError. */
export class SlicedScan {
  readonly #scanner: Scanner;

  /** `maxMembers`: more than others may send where the text is our own. */
  constructor(source: string | Uint8Array, maxMembers: number = maxWideMembers) {
    this.#scanner = new Scanner(typeof source === 'string' ? source : utf8.decode(source), maxMembers);
  }

  slice(characters: number): boolean {
    return this.#scanner.slice(characters);
  }

  get result(): ScannedJson {
    return { value: this.#scanner.root, duplicates: this.#scanner.duplicates, wholeFloats: this.#scanner.wholeFloats };
  }
}
