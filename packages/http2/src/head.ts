import type { HeaderMap } from '@coxswain/host';
import type { Field } from './header-table.ts';
import type { DecodedBlock } from './hpack-decoder.ts';

/** What a header block says. Which of the first five are set depends on whether it is a request or a response; trailers have none. */
export interface Head {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly status: number;
  readonly headers: HeaderMap;
  readonly contentLength: number | undefined;
}

export type BlockKind = 'request' | 'response' | 'trailers';

const pseudoNames: Readonly<Record<BlockKind, ReadonlySet<string>>> = {
  request: new Set([':method', ':scheme', ':authority', ':path', ':protocol']), response: new Set([':status']), trailers: new Set(),
};
/** They belong to HTTP/1.1's connections (RFC 9113, 8.2.2). */
const connectionNames: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const nameText = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const spaceAtEdge = /^[ \t]|[ \t]$/;

function badValue(value: string): boolean {
  return value.includes('\0') || value.includes('\r') || value.includes('\n') || spaceAtEdge.test(value);
}

/** Undefined: malformed (RFC 9113, 8.1.1). An `:authority` may be anything; clients of etcd send strange ones. */
function headOf(fields: readonly Field[], kind: BlockKind): Head | undefined {
  const pseudo: Record<string, string> = {};
  const headers = Object.create(null) as Record<string, string | string[]>;
  let regular = false;
  for (const [name, value] of fields) {
    if (name.startsWith(':')) {
      if (regular || !pseudoNames[kind].has(name) || pseudo[name] !== undefined) return undefined;
      pseudo[name] = value;
      continue;
    }
    regular = true;
    if (!nameText.test(name) || badValue(value) || connectionNames.has(name) || (name === 'te' && value !== 'trailers')) return undefined;
    add(headers, name, value);
  }
  return complete(pseudo, headers, kind);
}

function add(headers: Record<string, string | string[]>, name: string, value: string): void {
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else if (name === 'cookie') headers[name] = `${before as string}; ${value}`;
  else if (typeof before === 'string') headers[name] = [before, value];
  else before.push(value);
}

/** Without its slash it would be read as a part of the address by whoever makes an URL of it (RFC 9113, 8.3.1). */
function isPath(method: string, path: string): boolean {
  return path.startsWith('/') || (method === 'OPTIONS' && path === '*');
}

function complete(pseudo: Record<string, string>, headers: Record<string, string | string[]>, kind: BlockKind): Head | undefined {
  const method = pseudo[':method'] ?? '';
  const path = pseudo[':path'] ?? '';
  const scheme = pseudo[':scheme'] ?? '';
  const status = /^[1-5][0-9][0-9]$/.test(pseudo[':status'] ?? '') ? Number(pseudo[':status']) : 0;
  if (kind === 'response' && status === 0) return undefined;
  if (kind === 'request' && (method === '' || (method !== 'CONNECT' && (scheme === '' || !isPath(method, path))))) return undefined;
  const length = headers['content-length'];
  if (length !== undefined && (typeof length !== 'string' || !/^[0-9]{1,15}$/.test(length))) return undefined;
  return { method, scheme, authority: pseudo[':authority'] ?? '', path, status, headers, contentLength: length === undefined ? undefined : Number(length) };
}

const invalid = Symbol('invalid');

/** Heads of blocks that were decoded to the same object before: equal requests are looked at once. */
export class HeadCache {
  readonly #heads = new WeakMap<DecodedBlock, Head | typeof invalid>();

  /** Undefined: malformed, or too large. */
  of(decoded: DecodedBlock, kind: BlockKind): Head | undefined {
    if (decoded.tooLarge) return undefined;
    const known = kind === 'trailers' ? undefined : this.#heads.get(decoded);
    if (known !== undefined) return known === invalid ? undefined : known;
    const head = headOf(decoded.fields, kind);
    if (kind !== 'trailers') this.#heads.set(decoded, head ?? invalid);
    return head;
  }
}
