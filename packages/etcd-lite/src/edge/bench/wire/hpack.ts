/**
 * HPACK for a client that sends the same few headers again and again: each is added to the server's table once, and named by a
 * byte from then on. What comes back is never decoded.
 */
const staticIndexes: Readonly<Record<string, number>> = { ':method POST': 3, ':scheme http': 6, ':scheme https': 7 };
const staticNames: Readonly<Record<string, number>> = { ':authority': 1, ':path': 4, 'content-type': 31 };
const staticSize = 61;

export class HeaderTable {
  readonly #entries: string[] = [];
  readonly #blocks = new Map<string, { readonly size: number; readonly block: Buffer }>();

  /** The block for a gRPC call; must be sent before the next one is asked for. */
  block(scheme: string, authority: string, path: string): Buffer {
    const known = this.#blocks.get(path);
    if (known !== undefined && known.size === this.#entries.length) return known.block;
    const headers = [[':method', 'POST'], [':scheme', scheme], [':path', path], [':authority', authority], ['content-type', 'application/grpc'], ['te', 'trailers']] as const;
    const before = this.#entries.length;
    const block = Buffer.concat(headers.map(([name, value]) => this.#field(name, value)));
    if (this.#entries.length === before) this.#blocks.set(path, { size: before, block });
    return block;
  }

  #field(name: string, value: string): Buffer {
    const entry = `${name} ${value}`;
    const fixed = staticIndexes[entry];
    if (fixed !== undefined) return Buffer.from([0x80 | fixed]);
    const at = this.#entries.indexOf(entry);
    if (at >= 0) return Buffer.from([0x80 | (staticSize + this.#entries.length - at)]);
    this.#entries.push(entry);
    const nameIndex = staticNames[name];
    return Buffer.concat([nameIndex === undefined ? Buffer.concat([Buffer.from([0x40]), text(name)]) : Buffer.from([0x40 | nameIndex]), text(value)]);
  }
}

/** Shorter than 127 bytes, as is. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
}
