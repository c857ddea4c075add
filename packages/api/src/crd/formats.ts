/** Formats of strings that are checked; `date-time` is `datetime` here. Any other format says nothing. */
const supported = [
  'bsonobjectid', 'uri', 'email', 'hostname', 'ipv4', 'ipv6', 'cidr', 'mac', 'uuid', 'uuid3', 'uuid4', 'uuid5', 'isbn', 'isbn10', 'isbn13', 'creditcard', 'ssn', 'hexcolor', 'rgbcolor', 'byte', 'password',
  'date', 'duration', 'datetime',
] as const;
type Format = typeof supported[number];

function isIpv4(text: string): boolean {
  return /^(?:\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  if (!text.includes(':') || !/^[0-9a-fA-F:.]+$/.test(text)) return false;
  let rest = text;
  let groups = 8;
  if (rest.includes('.')) {
    const at = rest.lastIndexOf(':');
    if (!isIpv4(rest.slice(at + 1))) return false;
    rest = rest.slice(0, at);
    if (rest.endsWith(':')) rest += ':';
    groups = 6;
  }
  const halves = rest.split('::');
  if (halves.length > 2) return false;
  const parts = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (parts.flat().some((part) => !/^[0-9a-fA-F]{1,4}$/.test(part))) return false;
  const count = parts.flat().length;
  return halves.length === 2 ? count < groups : count === groups;
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  if (more !== undefined || !/^\d{1,3}$/.test(bits)) return false;
  return isIpv4(address) ? Number(bits) <= 32 : isIpv6(address) && Number(bits) <= 128;
}

function isHostname(text: string): boolean {
  const pattern = /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;
  return text.length <= 255 && pattern.test(text) && text.split('.').every((part) => part.length <= 63);
}

function weighted(digits: string, weights: (index: number) => number): number {
  return Array.from(digits).reduce((sum, digit, index) => sum + weights(index) * (digit === 'X' ? 10 : Number(digit)), 0);
}

function isIsbn(text: string, length: 10 | 13): boolean {
  const digits = text.replaceAll(/[\s-]+/g, '');
  if (length === 10) return /^(?:\d{9}X|\d{10})$/.test(digits) && weighted(digits, (index) => index + 1) % 11 === 0;
  return /^\d{13}$/.test(digits) && weighted(digits, (index) => (index % 2 === 0 ? 1 : 3)) % 10 === 0;
}

function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/[^0-9]+/g, '');
  if (!/^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/.test(digits)) return false;
  const sum = Array.from(digits).toReversed().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (match === null) return false;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return days !== undefined && day >= 1 && day <= days;
}

function isDateTime(text: string): boolean {
  const match = /^(\d{4}-\d\d-\d\d)[tT](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[zZ]|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return false;
  return isDate(match[1] as string) && Number(match[2]) < 24 && Number(match[3]) < 60 && Number(match[4]) < 60;
}

const goDuration = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
/** Anywhere in the text. */
const wordDuration = /\d+\s*(?:(?:ns|us|µs|ms|s|sec|m|min|h|hr|d|w|wk)(?![A-Za-zµ])|nano|micro|milli|second|minute|hour|day|week)/i;

function isUri(text: string): boolean {
  const printed = Array.from(text).every((letter) => letter > ' ' && letter !== '\u007f');
  if (text === '' || !printed || /%(?![0-9a-fA-F]{2})/.test(text)) return false;
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#]*:(?!\d*(?:[/?#]|$))[^/?#\]]*(?:[/?#]|$)/.test(text)) return false;
  return text.startsWith('/') || (/^[a-zA-Z][a-zA-Z0-9+.-]*:./.test(text) && !/^[a-zA-Z][a-zA-Z0-9+.-]*:[^/]*[[\]<>"^`{|}]/.test(text));
}

const emailAtom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\uffff-]+";
const email = new RegExp(`^(?:${emailAtom}(?:\\.${emailAtom})*|"(?:[^"\\\\]|\\\\.)*")@(?:${emailAtom}(?:\\.${emailAtom})*|\\[[^\\]]*\\])$`);

function isEmail(text: string): boolean {
  const named = /^\s*[^<>]*<([^<>]+)>\s*$/.exec(text);
  return email.test((named?.[1] ?? text).trim());
}

function isBase64(text: string): boolean {
  const bare = text.replaceAll(/[\r\n]/g, '');
  return bare.length > 0 && bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}

const checks: Readonly<Record<Format, (text: string) => boolean>> = {
  bsonobjectid: (text) => /^[0-9a-fA-F]{24}$/.test(text),
  uri: isUri, email: isEmail, hostname: isHostname, ipv4: isIpv4, ipv6: isIpv6, cidr: isCidr,
  mac: (text) => /^(?:[0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\1){4,18}[0-9a-fA-F]{2}$/.test(text) || /^(?:[0-9a-fA-F]{4}\.){2,9}[0-9a-fA-F]{4}$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  uuid3: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  uuid4: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  uuid5: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  isbn: (text) => isIsbn(text, 10) || isIsbn(text, 13), isbn10: (text) => isIsbn(text, 10), isbn13: (text) => isIsbn(text, 13),
  creditcard: isCreditCard, ssn: (text) => /^\d{3}[- ]\d{2}[- ]\d{4}$/.test(text), hexcolor: (text) => /^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  rgbcolor: (text) => /^rgb\(\s*(?:(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*){2}(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$/.test(text),
  byte: isBase64, password: () => true, date: isDate, duration: (text) => text === '0' || goDuration.test(text) || wordDuration.test(text), datetime: isDateTime,
};

function isFormat(name: string): name is Format {
  return Object.hasOwn(checks, name);
}

/** The format as it is checked; '' if it is not. */
export function checkedFormat(format: string): string {
  return isFormat(format.replaceAll('-', '')) ? format : '';
}

export function matchesFormat(format: string, text: string): boolean {
  const name = format.replaceAll('-', '');
  return !isFormat(name) || checks[name](text);
}
