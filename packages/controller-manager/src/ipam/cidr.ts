/** Addresses as numbers, so that IPv4 and IPv6 are one. */
export interface Cidr { readonly family: 'IPv4' | 'IPv6'; readonly base: bigint; readonly prefix: number }

const bitsOf = { IPv4: 32, IPv6: 128 } as const;

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'));
  const [left, right] = [groups(halves[0]), groups(halves[1])];
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n);
}

/** Undefined if it is none; bits behind the prefix are cleared. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', prefixText = ''] = text.split('/');
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const base = family === 'IPv6' ? parseIpv6(address) : parseIpv4(address);
  const prefix = Number(prefixText);
  if (base === undefined || !/^\d+$/.test(prefixText) || prefix > bitsOf[family]) return undefined;
  const rest = BigInt(bitsOf[family] - prefix);
  return { family, prefix, base: (base >> rest) << rest };
}

function addressText(family: Cidr['family'], address: bigint): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((address >> BigInt(16 * (7 - index))) & 0xffffn).toString(16));
  // The longest run of zeros (the first of equals, and none of one) is left out.
  const runs = [...groups.join(':').matchAll(/(?:^|:)0(?::0)+(?:$|:)/g)].toSorted((a, b) => b[0].length - a[0].length);
  const [longest] = runs;
  if (longest === undefined) return groups.join(':');
  const joined = groups.join(':');
  return `${joined.slice(0, longest.index)}::${joined.slice(longest.index + longest[0].length)}`;
}

export function cidrText(cidr: Cidr): string {
  return `${addressText(cidr.family, cidr.base)}/${cidr.prefix}`;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const rest = BigInt(bitsOf[a.family] - Math.min(a.prefix, b.prefix));
  return a.base >> rest === b.base >> rest;
}

/** Hands out the parts of one range, in turn, and remembers which are used. */
export class CidrSet {
  readonly range: Cidr;
  readonly #partPrefix: number;
  readonly #count: number;
  readonly #used = new Set<number>();
  #next = 0;

  /** At most 2^16 parts are managed, as upstream. */
  constructor(range: Cidr, partPrefix: number) {
    this.range = range;
    this.#partPrefix = partPrefix;
    this.#count = 2 ** (partPrefix - range.prefix);
  }

  static isPossible(range: Cidr, partPrefix: number): boolean {
    return partPrefix >= range.prefix && partPrefix - range.prefix <= 16 && partPrefix <= bitsOf[range.family];
  }

  #part(index: number): Cidr {
    const size = 1n << BigInt(bitsOf[this.range.family] - this.#partPrefix);
    return { family: this.range.family, prefix: this.#partPrefix, base: this.range.base + BigInt(index) * size };
  }

  #indexes(cidr: Cidr): readonly number[] {
    if (!overlaps(cidr, this.range)) return [];
    const rest = BigInt(bitsOf[this.range.family] - this.#partPrefix);
    const first = cidr.prefix <= this.range.prefix ? 0 : Number((cidr.base - this.range.base) >> rest);
    const count = cidr.prefix <= this.range.prefix ? this.#count : Math.max(1, 2 ** (this.#partPrefix - cidr.prefix));
    return Array.from({ length: count }, (_, index) => first + index);
  }

  /** A range that is taken already: a node's, or the services'. */
  occupy(cidr: Cidr): void {
    for (const index of this.#indexes(cidr)) this.#used.add(index);
  }

  release(cidr: Cidr): void {
    for (const index of this.#indexes(cidr)) this.#used.delete(index);
  }

  /** The next free part after the last given, so that one just released rests; undefined: none is left. */
  allocate(): Cidr | undefined {
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
