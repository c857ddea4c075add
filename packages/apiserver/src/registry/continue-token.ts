import { badRequest } from '@coxswain/api';
import { fromUtf8, utf8 } from '@coxswain/host';

/** Where a list in pieces goes on. `revision` -1: at the newest state, without the promise of one consistent picture. */
export interface ContinueToken {
  readonly revision: number;
  /** First key of the next piece, relative to the list's prefix. */
  readonly start: string;
}

const format = 'meta.k8s.io/v1';

/** Opaque to clients, and in upstream's shape so that a list begun with another server can go on here. */
export function encodeContinue(token: ContinueToken): string {
  const text = JSON.stringify({ v: format, rv: token.revision, start: token.start });
  return utf8(text).toBase64({ alphabet: 'base64url', omitPadding: true });
}

function refuse(why: string): never {
  throw badRequest(`invalid continue token: continue key is not valid: ${why}`);
}

export function decodeContinue(text: string): ContinueToken {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(Uint8Array.fromBase64(text, { alphabet: 'base64url' })));
  } catch (error) {
    refuse(error instanceof Error ? error.message : 'malformed');
  }
  if (typeof value !== 'object' || value === null) refuse('malformed');
  const { v, rv, start } = value as Record<string, unknown>;
  if (v !== format) refuse(`server does not recognize this encoded version ${JSON.stringify(v)}`);
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '') refuse('encoded start key empty (version meta.k8s.io/v1)');
  if (`/${start}`.includes('/../')) refuse(`${JSON.stringify(start)}`);
  return { revision: rv, start };
}
