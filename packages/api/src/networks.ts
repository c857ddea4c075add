import { addressText, parseCidr, parseIp } from './validation/addresses.ts';

/** Addresses as numbers, so that those of both families are counted alike. They are read as `parseIp` does. */
export type IpFamily = 'IPv4' | 'IPv6';

export const addressBits: Readonly<Record<IpFamily, number>> = { IPv4: 32, IPv6: 128 };

export interface NumberedAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

export interface IpNetwork {
  readonly family: IpFamily;
  /** Its first address. */
  readonly base: bigint;
  readonly prefix: number;
}

export function parseAddress(text: string): NumberedAddress | undefined {
  const address = parseIp(text);
  if (address === undefined) return undefined;
  return { family: address.family === 4 ? 'IPv4' : 'IPv6', value: address.bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) };
}

/** As Go writes it (RFC 5952 for IPv6). */
export function formatAddress(family: IpFamily, value: bigint): string {
  const size = addressBits[family] / 8;
  const bytes = Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * (size - 1 - index))) & 255n));
  return addressText({ family: family === 'IPv4' ? 4 : 6, bytes });
}

/** How many bits of its addresses are free. */
function hostBits(family: IpFamily, prefix: number): bigint {
  return BigInt(addressBits[family] - prefix);
}

/** Bits behind the prefix are cleared. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const prefix = parseCidr(text)?.prefixLength;
  const address = prefix === undefined ? undefined : parseAddress(text.slice(0, text.indexOf('/')));
  if (prefix === undefined || address === undefined) return undefined;
  const free = hostBits(address.family, prefix);
  return { family: address.family, prefix, base: (address.value >> free) << free };
}

export function networkText({ family, base, prefix }: IpNetwork): string {
  return `${formatAddress(family, base)}/${prefix}`;
}

export function networkHas({ family, base, prefix }: IpNetwork, address: NumberedAddress): boolean {
  const free = hostBits(family, prefix);
  return address.family === family && address.value >> free === base >> free;
}

export function networksOverlap(a: IpNetwork, b: IpNetwork): boolean {
  return a.prefix <= b.prefix ? networkHas(a, { family: b.family, value: b.base }) : networkHas(b, { family: a.family, value: a.base });
}
