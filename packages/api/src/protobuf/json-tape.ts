import { markAt, type WireField, type WirePlan } from './wire-plan.ts';

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const [trueWord, falseWord, nullWord] = ['true', 'false', 'null'].map((word) => Uint8Array.from(word, (char) => char.charCodeAt(0))) as [Uint8Array, Uint8Array, Uint8Array];
/** Others may be more than a double holds. */
const mostDigits = 15;

/**
 * Where the values of an object lie in its JSON, by the fields of its type, read in one go without making anything of them. A cell is 0 where there is nothing, else it says by form:
 * - boolean: 1 false, 2 true
 * - struct: the first of its cells, one for each field of the plan
 * - others: the first of two cells, where the value begins and ends. A text is without its quotes; it begins at ~start if something is escaped in it
 *
 * and of a list or map the last entry: the one before, the value, and of a map where its key begins and ends. So they are at hand from the last to the first.
 * Only for JSON as this project writes it: no space between the parts, nothing unknown, keys of maps in order. `failed` tells that it was not so.
 */
export class JsonTape {
  cells = new Int32Array(4096);
  json: Uint8Array = new Uint8Array();
  failed = false;
  #top = 1;
  /** Behind what was read last. */
  #at = 0;

  /** The cells of the whole. */
  read(json: Uint8Array, plan: WirePlan): number {
    this.json = json;
    this.failed = false;
    this.#top = 1;
    this.#at = 0;
    const root = this.#struct(plan);
    if (this.#at !== json.length) this.failed = true;
    return root;
  }

  /** Nothing is found any more, so that all that is under way ends. */
  #fail(): 0 {
    this.failed = true;
    this.#at = this.json.length;
    return 0;
  }

  #take(count: number): number {
    const first = this.#top;
    this.#top = first + count;
    if (this.#top > this.cells.length) {
      const grown = new Int32Array(Math.max(this.cells.length * 2, this.#top));
      grown.set(this.cells);
      this.cells = grown;
    }
    return first;
  }

  span(start: number, end: number): number {
    const at = this.#take(2);
    this.cells[at] = start;
    this.cells[at + 1] = end;
    return at;
  }

  #struct(plan: WirePlan): number {
    const { json } = this;
    const { fields } = plan;
    const first = this.#take(fields.length);
    for (let cell = first; cell < this.#top; cell += 1) this.cells[cell] = 0;
    if (json[this.#at] !== openBrace) return this.#fail();
    this.#at += 1;
    if (json[this.#at] === closeBrace) {
      this.#at += 1;
      return first;
    }
    for (let next = 0; ;) {
      if (json[this.#at] !== quote) return this.#fail();
      const found = fieldAt(json, this.#at + 1, plan, next);
      if (found < 0) return this.#fail();
      const field = fields[found] as WireField;
      this.#at += 1 + field.key.length;
      const value = this.#field(field);
      this.cells[first + found] = value;
      next = found + 1;
      const end = json[this.#at];
      this.#at += 1;
      if (end === closeBrace) return first;
      if (end !== comma) return this.#fail();
    }
  }

  #field(field: WireField): number {
    if (this.json[this.#at] === nullWord[0]) return this.#word(nullWord, 0);
    if (field.form === 'left-out') return this.#skip();
    switch (field.collection) {
      case 'none': return this.#value(field);
      case 'list': return this.#list(field);
      case 'map': return this.#map(field);
    }
  }

  #value(field: WireField): number {
    switch (field.form) {
      case 'string': case 'base64': case 'time': case 'quantity': case 'message': return this.#text();
      case 'struct': return this.#struct(field.plan);
      case 'integer': return this.#integer();
      case 'boolean': return this.json[this.#at] === trueWord[0] ? this.#word(trueWord, 2) : this.#word(falseWord, 1);
      case 'int-or-string': return this.json[this.#at] === quote ? this.#text() : this.#integer();
      case 'as-it-is': return this.#asItIs();
      case 'left-out': case 'unknown': return this.#fail();
    }
  }

  #word(word: Uint8Array, cell: number): number {
    for (let index = 0; index < word.length; index += 1) if (this.json[this.#at + index] !== word[index]) return this.#fail();
    this.#at += word.length;
    return cell;
  }

  #integer(): number {
    const { json } = this;
    const start = this.#at;
    const digits = json[start] === minus ? start + 1 : start;
    let end = digits;
    for (; end < json.length; end += 1) {
      const byte = json[end] as number;
      if (byte < zero || byte > nine) break;
    }
    if (end === digits || end - digits > mostDigits || (json[digits] === zero && (end > digits + 1 || digits > start))) return this.#fail();
    this.#at = end;
    return this.span(start, end);
  }

  #text(): number {
    const { json } = this;
    const start = this.#at + 1;
    if (json[start - 1] !== quote) return this.#fail();
    const { length } = json;
    let isEscaped = false;
    let end = start;
    for (; end < length; end += 1) {
      const byte = json[end];
      if (byte === quote) break;
      if (byte === backslash) {
        isEscaped = true;
        end += 1;
      }
    }
    this.#at = end + 1;
    return this.span(isEscaped ? ~start : start, end);
  }

  /** An object, or anything where it does not matter what: its end is found. */
  #skip(): 0 {
    this.#at = behindValue(this.json, this.#at);
    return 0;
  }

  #asItIs(): number {
    const start = this.#at;
    if (this.json[start] !== openBrace) return this.#fail();
    this.#skip();
    return this.span(start, this.#at);
  }

  #list(field: WireField): number {
    const { json } = this;
    if (json[this.#at] !== openBracket) return this.#fail();
    this.#at += 1;
    if (json[this.#at] === closeBracket) {
      this.#at += 1;
      return 0;
    }
    for (let last = 0; ;) {
      const value = this.#value(field);
      last = this.span(last, value);
      const end = json[this.#at];
      this.#at += 1;
      if (end === closeBracket) return last;
      if (end !== comma) return this.#fail();
    }
  }

  #map(field: WireField): number {
    const { json } = this;
    if (json[this.#at] !== openBrace) return this.#fail();
    this.#at += 1;
    if (json[this.#at] === closeBrace) {
      this.#at += 1;
      return 0;
    }
    for (let last = 0; ;) {
      const key = this.#text();
      if (!this.#isPlainKey(key, last) || json[this.#at] !== colon) return this.#fail();
      this.#at += 1;
      const value = this.#value(field);
      const entry = this.#take(3);
      this.cells[entry] = last;
      this.cells[entry + 1] = value;
      this.cells[entry + 2] = key;
      last = entry;
      const end = json[this.#at];
      this.#at += 1;
      if (end === closeBrace) return last;
      if (end !== comma) return this.#fail();
    }
  }

  /** ASCII, which sorts alike in whatever form, and behind the key before. */
  #isPlainKey(key: number, last: number): boolean {
    const { json, cells } = this;
    const [start, end] = [cells[key] as number, cells[key + 1] as number];
    if (start < 0) return false;
    for (let at = start; at < end; at += 1) if ((json[at] as number) > 0x7f) return false;
    if (last === 0) return true;
    const before = cells[last + 2] as number;
    return isBefore(json, cells[before] as number, cells[before + 1] as number, start, end);
  }
}

function isBefore(json: Uint8Array, leftStart: number, leftEnd: number, rightStart: number, rightEnd: number): boolean {
  const length = Math.min(leftEnd - leftStart, rightEnd - rightStart);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [json[leftStart + at] as number, json[rightStart + at] as number];
    if (left !== right) return left < right;
  }
  return leftEnd - leftStart < rightEnd - rightStart;
}

function isAt(json: Uint8Array, at: number, key: Uint8Array): boolean {
  const { length } = key;
  for (let index = 0; index < length; index += 1) if (json[at + index] !== key[index]) return false;
  return true;
}

/** The field whose key stands there, looked for from `next` on, since they come in order; -1: none. */
function fieldAt(json: Uint8Array, at: number, { fields, marks }: WirePlan, next: number): number {
  const mark = markAt(json, at);
  for (let index = next; index < marks.length; index += 1) if (marks[index] === mark && isAt(json, at, (fields[index] as WireField).key)) return index;
  for (let index = 0; index < next; index += 1) if (marks[index] === mark && isAt(json, at, (fields[index] as WireField).key)) return index;
  return -1;
}

/** Of an object, a list, a text or a word. */
function behindValue(json: Uint8Array, at: number): number {
  const { length } = json;
  let depth = 0;
  for (let index = at; index < length; index += 1) {
    const byte = json[index];
    if (byte === quote) {
      for (index += 1; index < length; index += 1) {
        const within = json[index];
        if (within === quote) break;
        if (within === backslash) index += 1;
      }
      if (depth === 0) return index + 1;
    } else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth <= 0) return depth === 0 ? index + 1 : index;
    } else if (byte === comma && depth === 0) return index;
  }
  return length;
}
