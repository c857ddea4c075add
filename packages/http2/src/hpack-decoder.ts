import { fromLatin1 } from '@coxswain/host';
import { huffmanDecode } from './huffman.ts';
import { fieldSizeBytes, HeaderTable, type Field } from './header-table.ts';

/** The peer broke the compression: the connection cannot go on. */
export class CompressionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CompressionError';
  }
}

export interface DecodedBlock {
  readonly fields: readonly Field[];
  /** The list is larger than was allowed; `fields` holds only its start. */
  readonly tooLarge: boolean;
}

interface Remembered {
  readonly generation: number;
  readonly block: Uint8Array;
  readonly decoded: DecodedBlock;
}

const maxRemembered = 4;
/** A block that is remembered is mostly indexes, so short. */
const maxRememberedBytes = 64;

/**
 * Header blocks of one direction of a connection. A block with the same bytes as one before it, while the table has not
 * changed, gives the very same object again: calls of one kind cost nothing after the first.
 */
export class HpackDecoder {
  readonly #table: HeaderTable;
  /** What we have told the peer; its size updates may not pass it. */
  readonly #allowedBytes: number;
  readonly #maxListBytes: number;
  #remembered: Remembered[] = [];
  #data: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(tableBytes: number, maxListBytes: number) {
    this.#table = new HeaderTable(tableBytes);
    this.#allowedBytes = tableBytes;
    this.#maxListBytes = maxListBytes;
  }

  /** Throws CompressionError. */
  decode(block: Uint8Array): DecodedBlock {
    const known = block.length <= maxRememberedBytes ? this.#recall(block) : undefined;
    if (known !== undefined) return known;
    const { generation } = this.#table;
    const decoded = this.#decode(block);
    if (block.length <= maxRememberedBytes && generation === this.#table.generation) {
      if (this.#remembered.length >= maxRemembered) this.#remembered.shift();
      this.#remembered.push({ generation, block: block.slice(), decoded });
    }
    return decoded;
  }

  #recall(block: Uint8Array): DecodedBlock | undefined {
    const { generation } = this.#table;
    for (const one of this.#remembered) {
      if (one.generation !== generation) {
        this.#remembered = [];
        return undefined;
      }
      if (sameBytes(one.block, block)) return one.decoded;
    }
    return undefined;
  }

  #decode(block: Uint8Array): DecodedBlock {
    this.#data = block;
    this.#at = 0;
    const fields: Field[] = [];
    let sizeBytes = 0;
    let tooLarge = false;
    while (this.#at < block.length) {
      const field = this.#field(fields.length === 0 && !tooLarge);
      if (field === undefined) continue;
      sizeBytes += fieldSizeBytes(field[0], field[1]);
      if (sizeBytes > this.#maxListBytes) tooLarge = true;
      else fields.push(field);
    }
    return { fields, tooLarge };
  }

  /** Undefined: it was a size update, which may come only `first`. */
  #field(first: boolean): Field | undefined {
    const byte = this.#data[this.#at] as number;
    if (byte >= 0x80) return this.#indexed(this.#integer(7));
    if (byte >= 0x40) {
      const field = this.#literal(6);
      this.#table.add(field);
      return field;
    }
    if (byte >= 0x20) {
      const sizeBytes = this.#integer(5);
      if (!first || sizeBytes > this.#allowedBytes) throw new CompressionError(`a table of ${sizeBytes} bytes is not allowed here`);
      this.#table.resize(sizeBytes);
      return undefined;
    }
    return this.#literal(4);
  }

  #indexed(index: number): Field {
    const field = this.#table.at(index);
    if (field === undefined) throw new CompressionError(`there is no field ${index}`);
    return field;
  }

  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text() : this.#indexed(index)[0];
    return [name, this.#text()];
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new CompressionError('an integer is too large');
  }

  #byte(): number {
    const byte = this.#data[this.#at];
    if (byte === undefined) throw new CompressionError('the block ends within a field');
    this.#at += 1;
    return byte;
  }

  #text(): string {
    const huffman = (this.#data[this.#at] ?? 0) >= 0x80;
    const sizeBytes = this.#integer(7);
    const from = this.#at;
    const to = from + sizeBytes;
    if (to > this.#data.length) throw new CompressionError('the block ends within a text');
    this.#at = to;
    const text = huffman ? huffmanDecode(this.#data, from, to) : fromLatin1(this.#data, from, to);
    if (text === undefined) throw new CompressionError('a text is no valid Huffman code');
    return text;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
