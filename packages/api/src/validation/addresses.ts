import { append } from '@coxswain/host';
/** IP addresses and ranges, as the original's parsers take them: with zeros in front. */

export interface IpAddress {
  readonly family: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
}

export interface IpRange {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = parts.map((part) => (/^[0-9]{1,16}$/.test(part) ? Number(part) : 256));
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes('.')) {
      const tail = parseV4(part);
      if (tail === undefined) return undefined;
      append(out, tail);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16);
      out.push(value >> 8, value & 255);
    } else return undefined;
  }
  return out;
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] as string);
  const tail = halves.length === 2 ? groups(halves[1] as string) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** As Go writes it: the longest run of zero groups is left out. */
export function addressText({ family, bytes }: IpAddress): string {
  if (family === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, index) => (((bytes[2 * index] as number) << 8) | (bytes[2 * index + 1] as number)).toString(16)).join(':');
  const runs = [...words.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)].toSorted((left, right) => right[0].length - left[0].length || left.index - right.index);
  const longest = runs[0];
  return longest === undefined ? words : `${words.slice(0, longest.index).replace(/:$/, '')}::${words.slice(longest.index + longest[0].length).replace(/^:/, '')}`;
}

/** IPv4 in IPv6 form is IPv4, as in Go. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const bytes = parseV4(text);
    return bytes === undefined ? undefined : { family: 4, bytes };
  }
  const bytes = parseV6(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return mapped ? { family: 4, bytes: bytes.slice(12) } : { family: 6, bytes };
}

export function parseCidr(text: string): IpRange | undefined {
  const [addressText, lengthText, ...rest] = text.split('/');
  const address = parseIp(addressText as string);
  if (address === undefined || lengthText === undefined || rest.length > 0 || !/^[0-9]{1,16}$/.test(lengthText)) return undefined;
  const prefixLength = Number(lengthText);
  return prefixLength <= address.bytes.length * 8 ? { address, prefixLength } : undefined;
}

export function rangeContains(range: IpRange, address: IpAddress): boolean {
  if (range.address.family !== address.family) return false;
  for (let bit = 0; bit < range.prefixLength; bit += 1) {
    const mask = 128 >> (bit % 8);
    const index = bit >> 3;
    if (((range.address.bytes[index] as number) & mask) !== ((address.bytes[index] as number) & mask)) return false;
  }
  return true;
}

export function isUnspecified(ip: IpAddress): boolean {
  return ip.bytes.every((byte) => byte === 0);
}

export function isLoopback(ip: IpAddress): boolean {
  return ip.family === 4 ? ip.bytes[0] === 127 : ip.bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

export function isLinkLocalUnicast(ip: IpAddress): boolean {
  return ip.family === 4 ? ip.bytes[0] === 169 && ip.bytes[1] === 254 : ip.bytes[0] === 0xfe && ((ip.bytes[1] as number) & 0xc0) === 0x80;
}

export function isLinkLocalMulticast(ip: IpAddress): boolean {
  return ip.family === 4 ? ip.bytes[0] === 224 && ip.bytes[1] === 0 && ip.bytes[2] === 0 : ip.bytes[0] === 0xff && ((ip.bytes[1] as number) & 0x0f) === 2;
}

export const ipText = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
export const cidrText = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export function cidrProblems(text: string): string[] {
  return parseCidr(text) === undefined ? [cidrText] : [];
}

/** What no endpoint or external address may be. */
export function nonSpecialIpProblems(text: string): string[] {
  const ip = parseIp(text);
  if (ip === undefined) return ['must be a valid IP address'];
  if (isUnspecified(ip)) return [`may not be unspecified (${text})`];
  if (isLoopback(ip)) return ['may not be in the loopback range (127.0.0.0/8, ::1/128)'];
  if (isLinkLocalUnicast(ip)) return ['may not be in the link-local range (169.254.0.0/16, fe80::/10)'];
  return isLinkLocalMulticast(ip) ? ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'] : [];
}
