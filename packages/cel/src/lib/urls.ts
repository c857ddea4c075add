import { overload, type FunctionDecl } from '../functions.ts';
import { ArrayList, CelError, EntryMap, OpaqueValue, mapKey, type CelValue } from '../values.ts';
import { goQuote } from './go-text.ts';

class Url extends OpaqueValue {
  readonly typeName = 'kubernetes.URL';
  readonly scheme: string;
  readonly host: string;
  readonly escapedPath: string;
  readonly query: string;
  readonly text: string;
  constructor(parts: { readonly scheme: string; readonly host: string; readonly escapedPath: string; readonly query: string; readonly text: string }) {
    super();
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.escapedPath = parts.escapedPath;
    this.query = parts.query;
    this.text = parts.text;
  }
  equals(other: CelValue): boolean {
    return other instanceof Url && other.text === this.text;
  }
}

const failure = (text: string, reason: string): string => `parse ${goQuote(text)}: ${reason}`;
const unreserved = /[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]]/;

/** A path as Go writes it: what came escaped stays so if it is a valid way to write it. */
function escapePath(path: string): string {
  if (/^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:@/[\]]|%[0-9A-Fa-f]{2})*$/.test(path)) return path;
  let out = '';
  for (let at = 0; at < path.length;) {
    const character = String.fromCodePoint(path.codePointAt(at) as number);
    if (character === '%') {
      out += path.slice(at, at + 3);
      at += 3;
      continue;
    }
    out += unreserved.test(character) ? character : Array.from(new TextEncoder().encode(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
    at += character.length;
  }
  return out;
}

/** Go's url.ParseRequestURI: absolute, or a path from the root. */
export function parseRequestUri(text: string): Url | string {
  if (Array.from(text).some((character) => character < ' ' || character === '\u007f')) return failure(text, 'net/url: invalid control character in URL');
  if (text === '') return failure(text, 'empty url');
  const schemeEnd = /^[a-zA-Z][a-zA-Z0-9+.-]*:/.exec(text)?.[0];
  if (schemeEnd === undefined && text.startsWith(':')) return failure(text, 'missing protocol scheme');
  const scheme = (schemeEnd ?? '').slice(0, -1).toLowerCase();
  let rest = text.slice(schemeEnd?.length ?? 0);
  let query = '';
  const mark = rest.indexOf('?');
  if (mark >= 0) {
    query = rest.slice(mark + 1);
    rest = rest.slice(0, mark);
  }
  if (!rest.startsWith('/') && scheme === '') return failure(text, 'invalid URI for request');
  if (!rest.startsWith('/')) return new Url({ scheme, host: '', escapedPath: '', query, text });
  let host = '';
  if (scheme !== '' && rest.startsWith('//') && !rest.startsWith('///')) {
    const authority = /^\/\/([^/]*)/.exec(rest)?.[1] ?? '';
    rest = rest.slice(authority.length + 2);
    const checked = checkAuthority(authority);
    if ('wrong' in checked) return failure(text, checked.wrong);
    host = checked.host;
  }
  const escape = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(rest)?.[0];
  if (escape !== undefined) return failure(text, `invalid URL escape ${goQuote(escape)}`);
  return new Url({ scheme, host, escapedPath: escapePath(rest), query, text });
}

function checkAuthority(authority: string): { readonly host: string } | { readonly wrong: string } {
  const at = authority.lastIndexOf('@');
  if (at >= 0 && !/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(authority.slice(0, at))) return { wrong: 'net/url: invalid userinfo' };
  const host = authority.slice(at + 1);
  const port = host.startsWith('[') ? host.slice(host.lastIndexOf(']') + 1) : host.includes(':') ? host.slice(host.lastIndexOf(':')) : '';
  if (host.startsWith('[') && !host.includes(']')) return { wrong: 'missing \']\' in host' };
  if (port !== '' && !/^:\d*$/.test(port)) return { wrong: `invalid port ${goQuote(port)} after host` };
  const bad = /[\s"#<>\\^`{|}]/.exec(host)?.[0];
  if (bad !== undefined) return { wrong: `invalid character ${goQuote(bad)} in host name` };
  const escape = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(host)?.[0] ?? (host.startsWith('[') ? undefined : /%[0-7][0-9A-Fa-f]/.exec(host)?.[0]);
  if (escape !== undefined) return { wrong: `invalid URL escape ${goQuote(escape)}` };
  return { host };
}

/** A fragment is cut off once the text is known to be a URL. */
function toUrl(text: string): CelValue {
  const checked = parseRequestUri(text);
  if (typeof checked === 'string') return new CelError(`URL parse error during conversion from string: ${checked}`);
  const hash = text.indexOf('#');
  const parsed = hash < 0 ? checked : parseRequestUri(text.slice(0, hash));
  if (typeof parsed === 'string') return new CelError(`URL parse error during conversion from string: ${parsed}`);
  return hash < 0 ? parsed : new Url({ scheme: parsed.scheme, host: parsed.host, escapedPath: parsed.escapedPath, query: parsed.query, text });
}

const hostname = ({ host }: Url): string => (host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, ''));
const port = ({ host }: Url): string => /:(\d*)$/.exec(host.startsWith('[') ? host.slice(host.indexOf(']') + 1) : host)?.[1] ?? '';

function unescapeQuery(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  const bytes: number[] = [];
  const raw = new TextEncoder().encode(text.replaceAll('+', ' '));
  for (let at = 0; at < raw.length; at++) {
    if (raw[at] !== 0x25) bytes.push(raw[at] as number);
    else {
      bytes.push(Number.parseInt(String.fromCharCode(raw[at + 1] as number, raw[at + 2] as number), 16));
      at += 2;
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function queryMap({ query }: Url): EntryMap {
  const lists = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const key = unescapeQuery(equals < 0 ? pair : pair.slice(0, equals));
    const value = unescapeQuery(equals < 0 ? '' : pair.slice(equals + 1));
    if (key === undefined || value === undefined) continue;
    lists.set(key, [...(lists.get(key) ?? []), value]);
  }
  return new EntryMap(new Map([...lists].map(([key, values]) => [mapKey(key) as string, { key, value: new ArrayList(values) }])));
}

const getter = (name: string, id: string, result: string, run: (url: Url) => CelValue): FunctionDecl => ({ name, overloads: [overload(id, `.(kubernetes.URL) -> ${result}`, ([url]) => run(url as Url))] });

export const urlFunctions: readonly FunctionDecl[] = [
  { name: 'url', overloads: [overload('string_to_url', '(string) -> kubernetes.URL', ([text]) => toUrl(text as string))] },
  { name: 'isURL', overloads: [overload('is_url_string', '(string) -> bool', ([text]) => parseRequestUri(text as string) instanceof Url)] },
  getter('getScheme', 'url_get_scheme', 'string', ({ scheme }) => scheme),
  getter('getHost', 'url_get_host', 'string', ({ host }) => host),
  getter('getHostname', 'url_get_hostname', 'string', hostname),
  getter('getPort', 'url_get_port', 'string', port),
  getter('getEscapedPath', 'url_get_escaped_path', 'string', ({ escapedPath }) => escapedPath),
  getter('getQuery', 'url_get_query', 'map(string, list(string))', queryMap),
];
