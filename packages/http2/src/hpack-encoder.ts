import { HeaderTable, fieldSizeBytes, staticTable, type Field } from './header-table.ts';
import { huffmanEncode, huffmanSizeBytes } from './huffman.ts';

/** Headers that are sent again and again: one object of it for all calls lets each connection keep its encoded form. */
export class FixedFields {
  readonly fields: readonly Field[];
  constructor(fields: readonly Field[]) {
    this.fields = fields;
  }
}

/** Values that differ from call to call or are secret only push others out of the table. */
const notIndexed: ReadonlySet<string> = new Set(['audit-id', 'content-length', 'date', 'etag', 'age', 'grpc-message', 'grpc-timeout', 'if-match', 'if-none-match', 'last-modified', 'location', 'set-cookie', 'cookie']);
/** Never to be put into a table on the way either (RFC 7541, 7.1.3). */
const secret: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'token', 'cookie', 'set-cookie']);
const maxIndexedBytes = 512;

const staticNames = new Map<string, number>();
/** By name, then by value: one text of both would have to be made for each field that is sent. */
const staticFields = new Map<string, Map<string, number>>();
for (const [at, [name, value]] of staticTable.entries()) {
  if (!staticNames.has(name)) staticNames.set(name, at + 1);
  if (value === '') continue;
  const values = staticFields.get(name) ?? new Map<string, number>();
  staticFields.set(name, values.set(value, at + 1));
}

/** Encodes header blocks for one direction of a connection. */
export class HpackEncoder {
  readonly #table: HeaderTable;
  readonly #ownMaxBytes: number;
  readonly #fixed = new Map<FixedFields, Uint8Array>();
  #fixedGeneration = -1;
  /** The smallest and the last size since the last block; both must be told (RFC 7541, 4.2). */
  #resizes: number[] = [];
  #out = new Uint8Array(256);
  #at = 0;

  constructor(maxTableBytes = 4096) {
    this.#table = new HeaderTable(maxTableBytes);
    this.#ownMaxBytes = maxTableBytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  allow(peerBytes: number): void {
    const next = Math.min(peerBytes, this.#ownMaxBytes);
    if (next === this.#table.maxBytes) return;
    this.#table.resize(next);
    this.#resizes = this.#resizes.length === 0 ? [next] : [Math.min(...this.#resizes, next), next];
  }

  /** What it returns must be copied before the next call. */
  encode(headers: readonly Field[] | FixedFields): Uint8Array {
    if (!(headers instanceof FixedFields)) return this.#encode(headers);
    const { generation } = this.#table;
    const resized = this.#resizes.length > 0;
    if (this.#fixedGeneration !== generation) this.#fixed.clear();
    const known = resized ? undefined : this.#fixed.get(headers);
    if (known !== undefined) return known;
    const block = this.#encode(headers.fields);
    // The first time it fills the table, and what others were kept as names other fields now; from then on it is indexes only.
    if (generation !== this.#table.generation) this.#fixed.clear();
    else if (!resized) this.#fixed.set(headers, block.slice());
    this.#fixedGeneration = this.#table.generation;
    return block;
  }

  #encode(fields: readonly Field[]): Uint8Array {
    this.#at = 0;
    for (const size of this.#resizes.splice(0)) this.#integer(0x20, 5, size);
    for (const [name, value] of fields) this.#field(name, value);
    return this.#out.subarray(0, this.#at);
  }

  #field(name: string, value: string): void {
    const neverThere = notIndexed.has(name);
    const index = staticFields.get(name)?.get(value) ?? (neverThere ? 0 : this.#table.indexOf(name, value));
    if (index > 0) {
      this.#integer(0x80, 7, index);
      return;
    }
    const nameIndex = staticNames.get(name) ?? 0;
    if (secret.has(name)) {
      this.#literal(0x10, 4, nameIndex, name, value);
    } else if (neverThere || fieldSizeBytes(name, value) > maxIndexedBytes) {
      this.#literal(0, 4, nameIndex, name, value);
    } else {
      this.#literal(0x40, 6, nameIndex, name, value);
      this.#table.add([name, value]);
    }
  }

  #literal(pattern: number, prefixBits: number, nameIndex: number, name: string, value: string): void {
    this.#integer(pattern, prefixBits, nameIndex);
    if (nameIndex === 0) this.#text(name);
    this.#text(value);
  }

  #integer(pattern: number, prefixBits: number, value: number): void {
    this.#reserve(6);
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      this.#out[this.#at] = pattern | value;
      this.#at += 1;
      return;
    }
    this.#out[this.#at] = pattern | mask;
    this.#at += 1;
    let rest = value - mask;
    while (rest >= 0x80) {
      this.#out[this.#at] = (rest & 0x7f) | 0x80;
      this.#at += 1;
      rest = Math.floor(rest / 128);
    }
    this.#out[this.#at] = rest;
    this.#at += 1;
  }

  #text(text: string): void {
    const short = huffmanSizeBytes(text);
    if (short < text.length) {
      this.#integer(0x80, 7, short);
      this.#reserve(short);
      this.#at = huffmanEncode(text, this.#out, this.#at);
      return;
    }
    this.#integer(0, 7, text.length);
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index += 1) this.#out[this.#at + index] = text.charCodeAt(index);
    this.#at += text.length;
  }

  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#out.length) return;
    const larger = new Uint8Array(Math.max(this.#out.length * 2, this.#at + sizeBytes));
    larger.set(this.#out.subarray(0, this.#at));
    this.#out = larger;
  }
}
