/** Of an IPv4 network: its first address as a number and how many it has; undefined: it is none. */
export function parseCidr(text: string): { readonly first: number; readonly size: number } | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, length = 0] = match.slice(1).map(Number);
  if (a > 255 || b > 255 || c > 255 || d > 255 || length > 32) return undefined;
  const size = 2 ** (32 - length);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return { first: address - (address % size), size };
}

export function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** A /24 where there are enough of them, else as large as can be. */
const largestPart = 24;

/** One of `count` parts of a network, all of one size. */
export function partOf(cidr: string, count: number, index: number): string {
  const { first, size } = parseCidr(cidr) ?? { first: 0, size: 1 };
  const bits = Math.min(32 - largestPart, Math.floor(Math.log2(size / count)));
  return `${addressText(first + index * 2 ** bits)}/${32 - bits}`;
}

/** Reserved: the network's own address, the gateway's, and the last one. */
const reserved = 3;

/** Addresses of one network, each given to one at a time; those given back come last again. */
export class AddressPool {
  readonly #first: number;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #next = 0;

  constructor(cidr: string) {
    const { first, size } = parseCidr(cidr) ?? { first: 0, size: 0 };
    this.#first = first + 2;
    this.#size = Math.max(0, size - reserved);
  }

  /** Undefined: all are taken. */
  take(): string | undefined {
    if (this.#taken.size >= this.#size) return undefined;
    while (this.#taken.has(this.#next)) this.#next = (this.#next + 1) % this.#size;
    const at = this.#next;
    this.#taken.add(at);
    this.#next = (at + 1) % this.#size;
    return addressText(this.#first + at);
  }

  /** Somebody has it already; false if it is not of this network. */
  keep(address: string): boolean {
    const at = this.#at(address);
    if (at !== undefined) this.#taken.add(at);
    return at !== undefined;
  }

  giveBack(address: string): void {
    const at = this.#at(address);
    if (at !== undefined) this.#taken.delete(at);
  }

  #at(address: string): number | undefined {
    const parsed = parseCidr(`${address}/32`);
    if (parsed === undefined) return undefined;
    const at = parsed.first - this.#first;
    return at >= 0 && at < this.#size ? at : undefined;
  }
}
