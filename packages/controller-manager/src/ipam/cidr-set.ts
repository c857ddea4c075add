import { addressBits, networksOverlap, type IpNetwork } from '@coxswain/api';

/** Hands out the parts of one range, in turn, and remembers which are used. */
export class CidrSet {
  readonly range: IpNetwork;
  readonly #partPrefix: number;
  readonly #count: number;
  readonly #used = new Set<number>();
  #next = 0;

  /** At most 2^16 parts are managed, as upstream. */
  constructor(range: IpNetwork, partPrefix: number) {
    this.range = range;
    this.#partPrefix = partPrefix;
    this.#count = 2 ** (partPrefix - range.prefix);
  }

  static isPossible(range: IpNetwork, partPrefix: number): boolean {
    return partPrefix >= range.prefix && partPrefix - range.prefix <= 16 && partPrefix <= addressBits[range.family];
  }

  #part(index: number): IpNetwork {
    const size = 1n << BigInt(addressBits[this.range.family] - this.#partPrefix);
    return { family: this.range.family, prefix: this.#partPrefix, base: this.range.base + BigInt(index) * size };
  }

  #indexes(cidr: IpNetwork): readonly number[] {
    if (!networksOverlap(cidr, this.range)) return [];
    const rest = BigInt(addressBits[this.range.family] - this.#partPrefix);
    const first = cidr.prefix <= this.range.prefix ? 0 : Number((cidr.base - this.range.base) >> rest);
    const count = cidr.prefix <= this.range.prefix ? this.#count : Math.max(1, 2 ** (this.#partPrefix - cidr.prefix));
    return Array.from({ length: count }, (_, index) => first + index);
  }

  /** A range that is taken already: a node's, or the services'. */
  occupy(cidr: IpNetwork): void {
    for (const index of this.#indexes(cidr)) this.#used.add(index);
  }

  release(cidr: IpNetwork): void {
    for (const index of this.#indexes(cidr)) this.#used.delete(index);
  }

  /** The next free part after the last given, so that one just released rests; undefined: none is left. */
  allocate(): IpNetwork | undefined {
    for (let tried = 0; tried < this.#count; tried += 1) {
      const index = (this.#next + tried) % this.#count;
      if (this.#used.has(index)) continue;
      this.#used.add(index);
      this.#next = (index + 1) % this.#count;
      return this.#part(index);
    }
    return undefined;
  }
}
