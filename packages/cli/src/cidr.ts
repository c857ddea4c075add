import { assert } from '@coxswain/host';

export interface Cidr {
  /** First address as a number. */
  readonly base: number;
  readonly prefix: number;
}

/** IPv4 only; undefined if it is none or has host bits set. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((part) => part > 255) || prefix > 32) return undefined;
  const base = ((a * 256 + b) * 256 + c) * 256 + d;
  return base % 2 ** (32 - prefix) === 0 ? { base, prefix } : undefined;
}

export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The `offset`th address of a network. */
export function addressAt(text: string, offset: number): string {
  const cidr = parseCidr(text);
  assert(cidr !== undefined && offset < 2 ** (32 - cidr.prefix), 'address outside its network', { text, offset });
  return formatAddress(cidr.base + offset);
}
