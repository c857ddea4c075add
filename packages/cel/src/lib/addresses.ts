import { overload, type FunctionDecl, type Overload } from '../functions.ts';
import { CelError, OpaqueValue, noSuchOverload, type CelValue } from '../values.ts';
import { goQuote } from './go-text.ts';

/** An address as its bytes: 4 or 16. */
export class IpAddress extends OpaqueValue {
  readonly typeName = 'net.IP';
  readonly bytes: readonly number[];
  constructor(bytes: readonly number[]) {
    super();
    this.bytes = bytes;
  }
  override get costSize(): number {
    return this.bytes.length;
  }
  equals(other: CelValue): boolean {
    return other instanceof IpAddress && sameBytes(this.bytes, other.bytes);
  }
}

class Cidr extends OpaqueValue {
  readonly typeName = 'net.CIDR';
  readonly address: IpAddress;
  readonly bits: number;
  constructor(address: IpAddress, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
  }
  override get costSize(): number {
    return Math.ceil(this.bits / 8);
  }
  equals(other: CelValue): boolean {
    return other instanceof Cidr && this.bits === other.bits && this.address.equals(other.address);
  }
}

const sameBytes = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((byte, index) => byte === b[index]);

type Parsed = { readonly bytes: readonly number[]; readonly zone: string } | { readonly wrong: string };

const parseFailure = (text: string, reason: string, at?: string): Parsed => ({ wrong: `ParseAddr(${goQuote(text)}): ${reason}${at === undefined ? '' : ` (at ${goQuote(at)})`}` });

/** Go's netip.ParseAddr with its words. */
function parseAddress(text: string): Parsed {
  for (const character of text) {
    if (character === '.') return parseV4(text);
    if (character === ':') return parseV6(text);
    if (character === '%') return parseFailure(text, 'missing IPv6 address');
  }
  return parseFailure(text, 'unable to parse IP');
}

function parseV4(text: string): Parsed {
  const bytes: number[] = [];
  let value = 0;
  let digits = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if (character >= '0' && character <= '9') {
      if (digits === 1 && value === 0) return parseFailure(text, 'IPv4 field has octet with leading zero');
      value = value * 10 + Number(character);
      digits++;
      if (value > 255) return parseFailure(text, 'IPv4 field has value >255');
    } else if (character === '.') {
      if (index === 0 || index === text.length - 1 || text[index - 1] === '.') return parseFailure(text, 'IPv4 field must have at least one digit', text.slice(index));
      if (bytes.length === 3) return parseFailure(text, 'IPv4 address too long');
      bytes.push(value);
      value = 0;
      digits = 0;
    } else return parseFailure(text, 'unexpected character', text.slice(index));
  }
  if (bytes.length < 3) return parseFailure(text, 'IPv4 address too short');
  return { bytes: [...bytes, value], zone: '' };
}

function parseV6(original: string): Parsed {
  let text = original;
  let zone = '';
  const percent = text.indexOf('%');
  if (percent >= 0) {
    zone = text.slice(percent + 1);
    text = text.slice(0, percent);
    if (zone === '') return parseFailure(original, 'zone must be a non-empty string');
  }
  const bytes: number[] = [];
  let ellipsis = -1;
  if (text.startsWith('::')) {
    ellipsis = 0;
    text = text.slice(2);
    if (text === '') return { bytes: Array.from({ length: 16 }, () => 0), zone };
  }
  while (bytes.length < 16) {
    const digits = /^[0-9a-fA-F]*/.exec(text)?.[0] ?? '';
    if (digits.length > 4) return parseFailure(original, 'each group must have 4 or less digits', text);
    if (digits === '') return parseFailure(original, 'each colon-separated field must have at least one digit', text);
    if (text[digits.length] === '.') return withV4Tail(original, text, bytes, ellipsis, zone);
    const value = Number.parseInt(digits, 16);
    bytes.push(value >> 8, value & 0xff);
    text = text.slice(digits.length);
    if (text === '') break;
    if (text[0] !== ':') return parseFailure(original, 'unexpected character, want colon', text);
    if (text.length === 1) return parseFailure(original, 'colon must be followed by more characters', text);
    text = text.slice(1);
    if (text[0] === ':') {
      if (ellipsis >= 0) return parseFailure(original, 'multiple :: in address', text);
      ellipsis = bytes.length;
      text = text.slice(1);
      if (text === '') break;
    }
  }
  return finishV6(original, text, bytes, ellipsis, zone);
}

function withV4Tail(original: string, text: string, bytes: number[], ellipsis: number, zone: string): Parsed {
  if (ellipsis < 0 && bytes.length !== 12) return parseFailure(original, 'embedded IPv4 address must replace the final 2 fields of the address', text);
  if (bytes.length + 4 > 16) return parseFailure(original, 'too many hex fields to fit an embedded IPv4 at the end of the address', text);
  const tail = parseV4(text);
  if ('wrong' in tail) return parseFailure(original, /: ([^:]*?)(?: \(at .*)?$/.exec(tail.wrong)?.[1] ?? 'unable to parse IP', text);
  return finishV6(original, '', [...bytes, ...tail.bytes], ellipsis, zone);
}

function finishV6(original: string, rest: string, bytes: readonly number[], ellipsis: number, zone: string): Parsed {
  if (rest !== '') return parseFailure(original, 'trailing garbage after address', rest);
  if (bytes.length === 16) return ellipsis >= 0 ? parseFailure(original, 'the :: must expand to at least one field of zeros') : { bytes, zone };
  if (ellipsis < 0) return parseFailure(original, 'address string too short');
  return { bytes: [...bytes.slice(0, ellipsis), ...Array.from({ length: 16 - bytes.length }, () => 0), ...bytes.slice(ellipsis)], zone };
}

const isMapped = (bytes: readonly number[]): boolean => bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;

function parseIp(text: string): IpAddress | CelError {
  const parsed = parseAddress(text);
  if ('wrong' in parsed) return new CelError(`IP Address ${goQuote(text)} parse error during conversion from string: ${parsed.wrong}`);
  if (parsed.zone !== '') return new CelError(`IP address ${goQuote(text)} with zone value is not allowed`);
  if (isMapped(parsed.bytes)) return new CelError(`IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`);
  return new IpAddress(parsed.bytes);
}

function parsePrefix(text: string): Cidr | CelError {
  const failure = (reason: string): CelError => new CelError(`network address parse error during conversion from string: netip.ParsePrefix(${goQuote(text)}): ${reason}`);
  const slash = text.lastIndexOf('/');
  if (slash < 0) return failure('no \'/\'');
  const parsed = parseAddress(text.slice(0, slash));
  if ('wrong' in parsed) return failure(parsed.wrong);
  if (parsed.zone !== '') return failure('IPv6 zones cannot be present in a prefix');
  const bitsText = text.slice(slash + 1);
  if (bitsText.length > 1 && (bitsText.startsWith('0') || !/^\d/.test(bitsText))) return failure(`bad bits after slash: ${goQuote(bitsText)}`);
  if (!/^[+-]?\d+$/.test(bitsText)) return failure(`bad bits after slash: ${goQuote(bitsText)}`);
  const bits = Number(bitsText);
  if (bits < 0 || bits > parsed.bytes.length * 8) return failure(`prefix length out of range`);
  if (isMapped(parsed.bytes)) return new CelError(`IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`);
  return new Cidr(new IpAddress(parsed.bytes), bits);
}

function cidrOf(text: string): Cidr | CelError {
  const parsed = parsePrefix(text);
  return parsed instanceof CelError ? new CelError(`network address parse error during conversion from string: ${parsed.message}`) : parsed;
}

export function ipText({ bytes }: IpAddress): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] as number) << 8) | (bytes[index * 2 + 1] as number));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

const cidrText = ({ address, bits }: Cidr): string => `${ipText(address)}/${bits}`;

function masked({ address, bits }: Cidr): Cidr {
  const bytes = address.bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))) & 0xff);
  return new Cidr(new IpAddress(bytes), bits);
}

function containsIp(cidr: Cidr, ip: CelValue): CelValue {
  if (!(ip instanceof IpAddress)) return noSuchOverload;
  return ip.bytes.length === cidr.address.bytes.length && sameBytes(masked(new Cidr(ip, cidr.bits)).address.bytes, masked(cidr).address.bytes);
}

/** As upstream compares: the other network's address is compared unmasked. */
function containsCidr(cidr: Cidr, other: CelValue): CelValue {
  if (!(other instanceof Cidr)) return other;
  return sameBytes(masked(cidr).address.bytes, other.address.bytes) && cidr.bits <= other.bits;
}

const ip = (value: CelValue | undefined): IpAddress => value as IpAddress;
const cidr = (value: CelValue | undefined): Cidr => value as Cidr;
const isV4 = ({ bytes }: IpAddress): boolean => bytes.length === 4;

const unspecified = ({ bytes }: IpAddress): boolean => bytes.every((byte) => byte === 0);
const loopback = (address: IpAddress): boolean => (isV4(address) ? address.bytes[0] === 127 : address.bytes.every((byte, index) => byte === (index === 15 ? 1 : 0)));
const multicast = (address: IpAddress): boolean => (isV4(address) ? ((address.bytes[0] as number) & 0xf0) === 0xe0 : address.bytes[0] === 0xff);
const linkLocalMulticast = (address: IpAddress): boolean => (isV4(address)
  ? address.bytes[0] === 224 && address.bytes[1] === 0 && address.bytes[2] === 0
  : address.bytes[0] === 0xff && ((address.bytes[1] as number) & 0x0f) === 0x02);
const linkLocalUnicast = (address: IpAddress): boolean => (isV4(address)
  ? address.bytes[0] === 169 && address.bytes[1] === 254
  : address.bytes[0] === 0xfe && ((address.bytes[1] as number) & 0xc0) === 0x80);
const globalUnicast = (address: IpAddress): boolean => {
  if (isV4(address) && (unspecified(address) || address.bytes.every((byte) => byte === 255))) return false;
  return !unspecified(address) && !loopback(address) && !multicast(address) && !linkLocalUnicast(address);
};

const test = (name: string, id: string, run: (address: IpAddress) => boolean): FunctionDecl => ({ name, overloads: [overload(id, '.(net.IP) -> bool', ([address]) => run(ip(address)))] });

/** `string(ip)`, `string(cidr)` */
export const addressStringOverloads: readonly Overload[] = [
  overload('ip_to_string', '(net.IP) -> string', ([value]) => ipText(ip(value))), overload('cidr_to_string', '(net.CIDR) -> string', ([value]) => cidrText(cidr(value))),
];

export const addressFunctions: readonly FunctionDecl[] = [
  { name: 'ip', overloads: [overload('string_to_ip', '(string) -> net.IP', ([text]) => parseIp(text as string)), overload('cidr_ip', '.(net.CIDR) -> net.IP', ([value]) => cidr(value).address)] },
  { name: 'isIP', overloads: [overload('is_ip', '(string) -> bool', ([text]) => parseIp(text as string) instanceof IpAddress)] },
  {
    name: 'ip.isCanonical', overloads: [overload('ip_is_canonical', '(string) -> bool', ([text]) => {
      const parsed = parseIp(text as string);
      return parsed instanceof CelError ? parsed : ipText(parsed) === text;
    })],
  },
  { name: 'family', overloads: [overload('ip_family', '.(net.IP) -> int', ([value]) => (isV4(ip(value)) ? 4n : 6n))] },
  test('isUnspecified', 'ip_is_unspecified', unspecified),
  test('isLoopback', 'ip_is_loopback', loopback),
  test('isLinkLocalMulticast', 'ip_is_link_local_multicast', linkLocalMulticast),
  test('isLinkLocalUnicast', 'ip_is_link_local_unicast', linkLocalUnicast),
  test('isGlobalUnicast', 'ip_is_global_unicast', globalUnicast),
  { name: 'cidr', overloads: [overload('string_to_cidr', '(string) -> net.CIDR', ([text]) => cidrOf(text as string))] },
  { name: 'isCIDR', overloads: [overload('is_cidr', '(string) -> bool', ([text]) => parsePrefix(text as string) instanceof Cidr)] },
  {
    name: 'containsIP', overloads: [
      overload('cidr_contains_ip_string', '.(net.CIDR, string) -> bool', ([network, text]) => containsIp(cidr(network), parseIp(text as string))),
      overload('cidr_contains_ip_ip', '.(net.CIDR, net.IP) -> bool', ([network, address]) => containsIp(cidr(network), ip(address))),
    ],
  },
  {
    name: 'containsCIDR', overloads: [
      overload('cidr_contains_cidr_string', '.(net.CIDR, string) -> bool', ([network, text]) => containsCidr(cidr(network), cidrOf(text as string))),
      overload('cidr_contains_cidr', '.(net.CIDR, net.CIDR) -> bool', ([network, other]) => containsCidr(cidr(network), cidr(other))),
    ],
  },
  { name: 'prefixLength', overloads: [overload('cidr_prefix_length', '.(net.CIDR) -> int', ([network]) => BigInt(cidr(network).bits))] },
  { name: 'masked', overloads: [overload('cidr_masked', '.(net.CIDR) -> net.CIDR', ([network]) => masked(cidr(network)))] },
];
