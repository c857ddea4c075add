export type IpFamily = 'IPv4' | 'IPv6';

export interface Cidr {
  readonly family: IpFamily;
  /** First address of the network. */
  readonly network: bigint;
  readonly prefixLength: number;
  /** As given, with host bits cleared. */
  readonly text: string;
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    // Leading zeros are refused: some read them as octal.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseGroups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  for (const part of text.split(':')) {
    const v4 = part.includes('.') ? parseIPv4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function parseIPv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '');
  const tail = parseGroups(halves[1] ?? '');
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0n), ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

export function parseAddress(text: string): { readonly family: IpFamily; readonly value: bigint } | undefined {
  const family: IpFamily = text.includes(':') ? 'IPv6' : 'IPv4';
  const value = family === 'IPv6' ? parseIPv6(text) : parseIPv4(text);
  return value === undefined ? undefined : { family, value };
}

/** RFC 5952 for IPv6. */
export function formatAddress(family: IpFamily, value: bigint): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_unused, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
}

function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  return best;
}

export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', more] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined || more !== undefined || !/^\d{1,3}$/.test(length)) return undefined;
  const bits = parsed.family === 'IPv4' ? 32 : 128;
  const prefixLength = Number(length);
  if (prefixLength > bits) return undefined;
  const hostBits = BigInt(bits - prefixLength);
  const network = (parsed.value >> hostBits) << hostBits;
  return { family: parsed.family, network, prefixLength, text: `${formatAddress(parsed.family, network)}/${prefixLength}` };
}

export function contains(cidr: Cidr, address: bigint): boolean {
  const hostBits = BigInt((cidr.family === 'IPv4' ? 32 : 128) - cidr.prefixLength);
  return address >> hostBits === cidr.network >> hostBits;
}
