/** DER as Go reads it, in Go's words where it does not. */
export class DerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DerError';
  }
}

export interface Element {
  /** Of the identifier: 0 universal, 1 application, 2 context, 3 private. */
  readonly class: number;
  readonly tag: number;
  readonly isCompound: boolean;
  readonly content: Uint8Array;
  /** With its head. */
  readonly raw: Uint8Array;
}

interface Head {
  readonly class: number;
  readonly tag: number;
  readonly isCompound: boolean;
  readonly length: number;
  readonly size: number;
}

const syntax = (what: string): DerError => new DerError(`asn1: syntax error: ${what}`);
const structure = (what: string): DerError => new DerError(`asn1: structure error: ${what}`);

function byteAt(data: Uint8Array, at: number, problem: string): number {
  const byte = data[at];
  if (byte === undefined) throw syntax(problem);
  return byte;
}

/** A tag that does not fit into the first byte. */
function longTag(data: Uint8Array, from: number): { readonly tag: number; readonly size: number } {
  let tag = 0;
  for (let size = 1; ; size += 1) {
    if (size > 5) throw structure('base 128 integer too large');
    const byte = byteAt(data, from + size - 1, 'truncated base 128 integer');
    if (size === 1 && byte === 0x80) throw syntax('integer is not minimally encoded');
    tag = tag * 128 + (byte & 0x7f);
    if (byte < 0x80) return { tag, size };
  }
}

function longLength(data: Uint8Array, from: number, bytes: number): number {
  if (bytes === 0) throw syntax('indefinite length found (not DER)');
  let length = 0;
  for (let i = 0; i < bytes; i += 1) {
    const byte = byteAt(data, from + i, 'truncated tag or length');
    if (length >= 1 << 23) throw structure('length too large');
    length = length * 256 + byte;
    if (length === 0) throw structure('superfluous leading zeros in length');
  }
  if (length < 0x80) throw structure('non-minimal length');
  return length;
}

function headAt(data: Uint8Array, from: number): Head {
  const first = byteAt(data, from, 'sequence truncated');
  const long = (first & 0x1f) === 0x1f ? longTag(data, from + 1) : { tag: first & 0x1f, size: 0 };
  const at = from + 1 + long.size;
  const byte = byteAt(data, at, 'truncated tag or length');
  const bytes = byte < 0x80 ? 0 : byte & 0x7f;
  const length = byte < 0x80 ? byte : longLength(data, at + 1, bytes);
  return { class: first >> 6, tag: long.tag, isCompound: (first & 0x20) !== 0, length, size: 1 + long.size + 1 + bytes };
}

/** The element that begins there. Throws DerError. */
export function elementAt(data: Uint8Array, from: number): Element {
  const { length, size, ...head } = headAt(data, from);
  const end = from + size + length;
  if (end > data.length) throw syntax('data truncated');
  return { ...head, content: data.subarray(from + size, end), raw: data.subarray(from, end) };
}

/** One after the other. */
export function elementsOf(data: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < data.length; at += (found.at(-1) as Element).raw.length) found.push(elementAt(data, at));
  return found;
}

export type UniversalTag = 'integer' | 'bit-string' | 'object-identifier' | 'sequence' | 'set';
const tags: Readonly<Record<UniversalTag, number>> = { integer: 2, 'bit-string': 3, 'object-identifier': 6, sequence: 16, set: 17 };

/** Takes elements of known types off one by one, as Go's decoder fills a struct. */
export class Members {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get rest(): Uint8Array {
    return this.#data.subarray(this.#at);
  }

  any(): Element {
    const element = elementAt(this.#data, this.#at);
    this.#at += element.raw.length;
    return element;
  }

  /** `goType`: what Go would have made of it. */
  next(type: UniversalTag, goType: string): Element {
    const { length, size, ...head } = headAt(this.#data, this.#at);
    const wanted = tags[type];
    if (head.class !== 0 || head.tag !== wanted || head.isCompound !== (wanted >= 16)) {
      throw structure(`tags don't match (${wanted} vs {class:${head.class} tag:${head.tag} length:${length} isCompound:${head.isCompound}}) {optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false} ${goType} @${this.#at + size}`);
    }
    return this.any();
  }
}
