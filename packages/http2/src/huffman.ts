import { fromLatin1 } from '@coxswain/host';
/**
 * HPACK's Huffman code (RFC 7541, appendix B). It is canonical: codes of one length follow each other in the order of their
 * symbols, so that the lengths say it all.
 */
const lengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
const endOfString = 256;
const endOfStringBits = 30;

const codes = new Uint32Array(257);
const bits = new Uint8Array(257);

function assignCodes(): void {
  for (let symbol = 0; symbol < 256; symbol += 1) bits[symbol] = lengths[symbol] as number;
  bits[endOfString] = endOfStringBits;
  let code = 0;
  for (let length = 1; length <= endOfStringBits; length += 1) {
    for (let symbol = 0; symbol <= endOfString; symbol += 1) {
      if (bits[symbol] !== length) continue;
      codes[symbol] = code;
      code += 1;
    }
    code *= 2;
  }
}

/** What four bits do in a state of the decoder. No code is shorter than five bits, so at most one symbol ends within them. */
interface Steps {
  readonly next: Uint16Array;
  /** The symbol that ends; 256 for none, 257 where the input is wrong (the end-of-string symbol). */
  readonly symbol: Uint16Array;
  /** States in which a string may end: at most seven bits of padding, all ones. */
  readonly final: Uint8Array;
}

const none = 256;
const wrong = 257;

interface Node { readonly state: number; readonly depth: number; readonly ones: boolean; zero: Node | number | undefined; one: Node | number | undefined }

function buildTree(): Node[] {
  const nodes: Node[] = [{ state: 0, depth: 0, ones: true, zero: undefined, one: undefined }];
  for (let symbol = 0; symbol <= endOfString; symbol += 1) {
    let node = nodes[0] as Node;
    for (let at = (bits[symbol] as number) - 1; at >= 0; at -= 1) {
      const bit = ((codes[symbol] as number) >>> at) & 1;
      const side = bit === 1 ? 'one' : 'zero';
      if (at === 0) {
        node[side] = symbol;
        continue;
      }
      let child = node[side];
      if (typeof child !== 'object') {
        child = { state: nodes.length, depth: node.depth + 1, ones: node.ones && bit === 1, zero: undefined, one: undefined };
        node[side] = child;
        nodes.push(child);
      }
      node = child;
    }
  }
  return nodes;
}

function buildSteps(): Steps {
  const nodes = buildTree();
  const root = nodes[0] as Node;
  const steps: Steps = { next: new Uint16Array(nodes.length * 16), symbol: new Uint16Array(nodes.length * 16).fill(none), final: new Uint8Array(nodes.length) };
  for (const start of nodes) {
    steps.final[start.state] = start.ones && start.depth < 8 ? 1 : 0;
    for (let nibble = 0; nibble < 16; nibble += 1) {
      const at = start.state * 16 + nibble;
      let node = start;
      for (let shift = 3; shift >= 0; shift -= 1) {
        const child = ((nibble >>> shift) & 1) === 1 ? node.one : node.zero;
        if (typeof child === 'object') {
          node = child;
        } else {
          steps.symbol[at] = child === undefined || child === endOfString ? wrong : child;
          node = root;
        }
      }
      steps.next[at] = node.state;
    }
  }
  return steps;
}

assignCodes();
const steps = buildSteps();

/** Where a text is put together: adding up characters makes a string each. No code is shorter than five bits. */
let room = new Uint8Array(1024);

/** The text (each byte one character), or undefined if it is no valid code. */
export function huffmanDecode(data: Uint8Array, from: number, to: number): string | undefined {
  const { next, symbol, final } = steps;
  const most = Math.ceil(((to - from) * 8) / 5);
  const out = most <= room.length ? room : (room = new Uint8Array(most));
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at += 1) {
    const byte = data[at] as number;
    for (let half = 0; half < 2; half += 1) {
      const step = state * 16 + (half === 0 ? byte >>> 4 : byte & 15);
      const found = symbol[step] as number;
      if (found === wrong) return undefined;
      if (found !== none) {
        out[length] = found;
        length += 1;
      }
      state = next[step] as number;
    }
  }
  return final[state] === 1 ? fromLatin1(out, 0, length) : undefined;
}

export function huffmanSizeBytes(text: string): number {
  let size = 0;
  for (let at = 0; at < text.length; at += 1) size += bits[text.charCodeAt(at) & 0xff] as number;
  return (size + 7) >>> 3;
}

/** Writes the code of `text` and answers where it ends. */
export function huffmanEncode(text: string, out: Uint8Array, start: number): number {
  let at = start;
  let held = 0;
  let heldBits = 0;
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index) & 0xff;
    let left = bits[symbol] as number;
    const code = codes[symbol] as number;
    while (left > 0) {
      const take = Math.min(left, 8 - heldBits);
      held = (held << take) | ((code >>> (left - take)) & ((1 << take) - 1));
      heldBits += take;
      left -= take;
      if (heldBits < 8) continue;
      out[at] = held;
      at += 1;
      held = 0;
      heldBits = 0;
    }
  }
  if (heldBits > 0) {
    out[at] = (held << (8 - heldBits)) | (0xff >>> heldBits);
    at += 1;
  }
  return at;
}
