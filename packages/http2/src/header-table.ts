/** A header's name and value; each character stands for one byte. */
export type Field = readonly [name: string, value: string];

/** RFC 7541, appendix A: indexes 1 to 61. */
export const staticTable: readonly Field[] = [
  [':authority', ''], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'], [':scheme', 'http'],
  [':scheme', 'https'], [':status', '200'], [':status', '204'], [':status', '206'], [':status', '304'], [':status', '400'],
  [':status', '404'], [':status', '500'], ['accept-charset', ''], ['accept-encoding', 'gzip, deflate'], ['accept-language', ''],
  ['accept-ranges', ''], ['accept', ''], ['access-control-allow-origin', ''], ['age', ''], ['allow', ''], ['authorization', ''],
  ['cache-control', ''], ['content-disposition', ''], ['content-encoding', ''], ['content-language', ''], ['content-length', ''],
  ['content-location', ''], ['content-range', ''], ['content-type', ''], ['cookie', ''], ['date', ''], ['etag', ''], ['expect', ''],
  ['expires', ''], ['from', ''], ['host', ''], ['if-match', ''], ['if-modified-since', ''], ['if-none-match', ''], ['if-range', ''],
  ['if-unmodified-since', ''], ['last-modified', ''], ['link', ''], ['location', ''], ['max-forwards', ''], ['proxy-authenticate', ''],
  ['proxy-authorization', ''], ['range', ''], ['referer', ''], ['refresh', ''], ['retry-after', ''], ['server', ''], ['set-cookie', ''],
  ['strict-transport-security', ''], ['transfer-encoding', ''], ['user-agent', ''], ['vary', ''], ['via', ''], ['www-authenticate', ''],
];

const overheadBytes = 32;

/** What a field counts for in the table and in a limit of a header list (RFC 7541, 4.1). */
export function fieldSizeBytes(name: string, value: string): number {
  return name.length + value.length + overheadBytes;
}

/** The dynamic table of one direction: newest first, cut at its size. */
export class HeaderTable {
  /** Oldest first; those before `#first` are gone. */
  #fields: Field[] = [];
  #first = 0;
  #sizeBytes = 0;
  #maxBytes: number;
  /** Rises with every change: what was derived from the table holds as long as it stays. */
  generation = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#fields.length - this.#first;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  resize(maxBytes: number): void {
    this.generation += 1;
    this.#maxBytes = maxBytes;
    this.#evict(0);
  }

  /** A field larger than the table empties it. */
  add(field: Field): void {
    this.generation += 1;
    const size = fieldSizeBytes(field[0], field[1]);
    this.#evict(size);
    if (size > this.#maxBytes) return;
    this.#fields.push(field);
    this.#sizeBytes += size;
  }

  #evict(needBytes: number): void {
    while (this.count > 0 && this.#sizeBytes + needBytes > this.#maxBytes) {
      const [name, value] = this.#fields[this.#first] as Field;
      this.#sizeBytes -= fieldSizeBytes(name, value);
      this.#first += 1;
    }
    if (this.#first > 64 && this.#first * 2 > this.#fields.length) {
      this.#fields = this.#fields.slice(this.#first);
      this.#first = 0;
    }
  }

  /** By the index of the wire: 1 to 61 the static table, then this one. */
  at(index: number): Field | undefined {
    if (index < 1) return undefined;
    if (index <= staticTable.length) return staticTable[index - 1];
    const back = index - staticTable.length;
    return back > this.count ? undefined : this.#fields[this.#fields.length - back];
  }

  /** The wire's index of a field in this table; 0 if it is not there. */
  indexOf(name: string, value: string): number {
    for (let at = this.#fields.length - 1; at >= this.#first; at -= 1) {
      const field = this.#fields[at] as Field;
      if (field[0] === name && field[1] === value) return staticTable.length + this.#fields.length - at;
    }
    return 0;
  }
}
