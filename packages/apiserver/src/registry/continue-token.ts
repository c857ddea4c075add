import { badRequest, JsonSyntaxError, scanJson, type Json } from '@coxswain/api';
import { fromUtf8, utf8 } from '@coxswain/host';
import { isObject } from './object.ts';

/** Where a list in pieces goes on. `revision` -1: at the newest state, without the promise of one consistent picture. */
export interface ContinueToken {
  readonly revision: number;
  /** First key of the next piece, relative to the list's prefix. */
  readonly start: string;
}

const format: string = 'meta.k8s.io/v1';

/** Opaque to clients, and in upstream's shape so that a list begun with another server can go on here. */
export function encodeContinue(token: ContinueToken): string {
  const text = JSON.stringify({ v: format, rv: token.revision, start: token.start });
  return utf8(text).toBase64({ alphabet: 'base64url', omitPadding: true });
}

function refuse(why: string): never {
  throw badRequest(`invalid continue token: continue key is not valid: ${why}`);
}

/** Go tells at which byte a text stops being base64. */
function decodeBase64(text: string): string {
  const foreign = text.search(/[^A-Za-z0-9_-]/);
  if (foreign >= 0) refuse(`illegal base64 data at input byte ${foreign}`);
  if (text.length % 4 === 1) refuse(`illegal base64 data at input byte ${text.length - 1}`);
  return fromUtf8(Uint8Array.fromBase64(text, { alphabet: 'base64url', lastChunkHandling: 'loose' }));
}

function parse(text: string): Json {
  try {
    return scanJson(text).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) refuse(error.message);
    throw error;
  }
}

function kindOf(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number' || typeof value === 'bigint') return `number ${String(value)}`;
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** A member of Go's struct: absent and null are its zero value. */
function textMember(object: Readonly<Record<string, Json>>, name: string): string {
  const value = object[name] ?? '';
  return typeof value === 'string' ? value : refuse(`json: cannot unmarshal ${kindOf(value)} into Go struct field continueToken.${name} of type string`);
}

function revisionMember(object: Readonly<Record<string, Json>>): number {
  const value = object['rv'] ?? 0;
  return typeof value === 'number' && Number.isInteger(value) ? value : refuse(`json: cannot unmarshal ${kindOf(value)} into Go struct field continueToken.rv of type int64`);
}

/** Whether a path is what Go's path.Clean makes of it. */
function isClean(start: string): boolean {
  const parts = (start.startsWith('/') ? start.slice(1) : start).split('/');
  return parts.every((part) => part !== '' && part !== '.' && part !== '..');
}

export function decodeContinue(text: string): ContinueToken {
  const value = parse(decodeBase64(text));
  if (value !== null && !isObject(value)) refuse(`json: cannot unmarshal ${kindOf(value).split(' ')[0] ?? ''} into Go value of type storage.continueToken`);
  const object = value ?? {};
  const version = textMember(object, 'v');
  const revision = revisionMember(object);
  const start = textMember(object, 'start');
  if (version !== format) refuse(`server does not recognize this encoded version ${version}`);
  if (revision === 0) refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (start === '') refuse('encoded start key empty (version meta.k8s.io/v1)');
  if (!isClean(start)) refuse(start);
  return { revision, start: start.startsWith('/') ? start.slice(1) : start };
}
