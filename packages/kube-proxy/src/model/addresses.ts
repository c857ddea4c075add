export type IpFamily = 'IPv4' | 'IPv6';

export function familyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** `10.0.0.1:80`, `[fd00::1]:80` */
export function joinHostPort(ip: string, port: number): string {
  return familyOf(ip) === 'IPv6' ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function ipv4Bits(address: string): number | undefined {
  const parts = address.split('.');
  if (parts.length !== 4) return undefined;
  let bits = 0;
  for (const part of parts) {
    const byte = /^\d{1,3}$/.test(part) ? Number(part) : 256;
    if (byte > 255) return undefined;
    bits = bits * 256 + byte;
  }
  return bits;
}

/** IPv4 only; any other text is in no range. */
export function inCidr(address: string, cidr: string): boolean {
  const [base = '', lengthText = ''] = cidr.split('/');
  const [a, b, length] = [ipv4Bits(address), ipv4Bits(base), Number(lengthText)];
  if (a === undefined || b === undefined || !(length >= 0 && length <= 32)) return false;
  const unit = 2 ** (32 - length);
  return Math.floor(a / unit) === Math.floor(b / unit);
}
