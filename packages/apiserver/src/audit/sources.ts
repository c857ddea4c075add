import { header, type HttpRequest } from '@coxswain/host';

const maxUserAgentLength = 1024;

function isAddress(text: string): boolean {
  if (text.includes(':')) return /^[0-9A-Fa-f:]*(?:\d+\.\d+\.\d+\.\d+)?$/.test(text) && text.split(':').length <= 9;
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/** The address of `address:port`, as clients know it. */
export function hostOf(endpoint: string): string {
  const host = endpoint.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return host.startsWith('::ffff:') && host.includes('.') ? host.slice('::ffff:'.length) : host;
}

/** Of the last request's peer: a busy client's requests come one behind the other. */
let lastPeer = { address: '', ips: [] as readonly string[] };

/** What proxies say, then who really is connected. */
export function sourceIps(request: HttpRequest): readonly string[] {
  if (request.headers['x-forwarded-for'] !== undefined || request.headers['x-real-ip'] !== undefined) return allSources(request);
  const { address } = request.peer;
  if (lastPeer.address !== address) lastPeer = { address, ips: allSources(request) };
  return lastPeer.ips;
}

function allSources(request: HttpRequest): readonly string[] {
  const found = (header(request.headers, 'x-forwarded-for') ?? '').split(',').map((part) => part.trim()).filter(isAddress);
  const real = (header(request.headers, 'x-real-ip') ?? '').trim();
  if (isAddress(real) && !found.includes(real)) found.push(real);
  const remote = hostOf(request.peer.address);
  if (isAddress(remote) && found.at(-1) !== remote) found.push(remote);
  return found;
}

export function userAgentOf(request: HttpRequest): string {
  const given = header(request.headers, 'user-agent') ?? '';
  return given.length > maxUserAgentLength ? `${given.slice(0, maxUserAgentLength)}...TRUNCATED` : given;
}
