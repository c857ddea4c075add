import { parseIp } from './addresses.ts';
import { quote } from './errors.ts';

function at(text: string, offset: number): string {
  return ` (at ${quote(text.slice(offset))})`;
}

/** Read from the left: the first thing wrong is the one that is told. */
function ipv4Problem(ip: string): string | undefined {
  let [octet, digits, dots] = [0, 0, 0];
  for (let offset = 0; offset < ip.length; offset += 1) {
    const character = ip.charAt(offset);
    if (character === '.') {
      if (digits === 0 || offset === ip.length - 1) return `IPv4 field must have at least one digit${at(ip, offset)}`;
      if (dots === 3) return 'IPv4 address too long';
      [octet, digits, dots] = [0, 0, dots + 1];
    } else if (/\d/.test(character)) {
      if (digits === 1 && octet === 0) return 'IPv4 field has octet with leading zero';
      octet = octet * 10 + Number(character);
      digits += 1;
      if (octet > 255) return 'IPv4 field has value >255';
    } else return `unexpected character${at(ip, offset)}`;
  }
  return dots < 3 ? 'IPv4 address too short' : undefined;
}

function ipv6Problem(ip: string): string | undefined {
  if (parseIp(ip) !== undefined) return undefined;
  const first = /^(?:::)?([\da-fA-F]*)/.exec(ip);
  const offset = first?.[0].length ?? 0;
  if (first?.[1] === '') return `each colon-separated field must have at least one digit${at(ip, offset)}`;
  return ip[offset] === ':' ? 'address string too short' : `unexpected character, want colon${at(ip, offset)}`;
}

/** What Go's netip.ParseAddr says of an address that more lenient parsers take; undefined: nothing. */
export function addressProblem(ip: string): string | undefined {
  switch (/[.:%]/.exec(ip)?.[0]) {
    case '.': return ipv4Problem(ip);
    case ':': return ipv6Problem(ip);
    case '%': return 'missing IPv6 address';
    default: return 'unable to parse IP';
  }
}
