import { formatAddress, parseAddress, parseNetwork } from '@coxswain/api';

/** Of an IPv4 network: its first address as a number and how many it has; undefined: it is none. */
export function parseCidr(text: string): { readonly first: number; readonly size: number } | undefined {
  const network = parseNetwork(text);
  return network?.family === 'IPv4' ? { first: Number(network.base), size: 2 ** (32 - network.prefix) } : undefined;
}

export function addressText(address: number): string {
  return formatAddress('IPv4', BigInt(address));
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
    const parsed = parseAddress(address);
    if (parsed?.family !== 'IPv4') return undefined;
    const at = Number(parsed.value) - this.#first;
    return at >= 0 && at < this.#size ? at : undefined;
  }
}
