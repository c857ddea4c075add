import { StatusError } from '@coxswain/api';
import { BodyTooLarge, header, readAll, type HttpRequest } from '@coxswain/host';
import type { MediaType } from '../negotiation/accept.ts';

export function tooLarge(limitBytes: number): StatusError {
  return new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`);
}

export async function readBody(request: HttpRequest, limitBytes: number): Promise<Uint8Array> {
  const announced = Number(header(request.headers, 'content-length') ?? '0');
  if (announced > limitBytes) throw tooLarge(limitBytes);
  try {
    return await readAll(request.body, limitBytes);
  } catch (error) {
    if (error instanceof BodyTooLarge) throw tooLarge(limitBytes);
    throw error;
  }
}

function bareContentType(request: HttpRequest): string {
  return ((header(request.headers, 'content-type') ?? '').split(';', 1)[0] as string).trim();
}

function unknownFormat(accepted: readonly string[]): StatusError {
  return new StatusError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`);
}

const known: Readonly<Record<string, MediaType>> = {
  '': 'json', 'application/json': 'json', 'application/yaml': 'yaml', 'application/vnd.kubernetes.protobuf': 'protobuf',
};

export function bodyMediaType(request: HttpRequest, protobuf: boolean): MediaType {
  const given = header(request.headers, 'content-type') ?? '';
  const bare = (given.split(';', 1)[0] as string).trim().toLowerCase();
  const type = given !== '' && bare === '' ? undefined : known[bare];
  if (type !== undefined && (type !== 'protobuf' || protobuf)) return type;
  throw unknownFormat(['application/json', 'application/yaml', ...(protobuf ? ['application/vnd.kubernetes.protobuf'] : [])]);
}

export type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

const patchTypes: Readonly<Record<string, PatchKind>> = {
  'application/json-patch+json': 'json', 'application/merge-patch+json': 'merge', 'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** `custom`: custom resources say what they take, built-in ones only that they do not take this. */
export function patchKindOf(request: HttpRequest, custom: boolean): PatchKind {
  const kind = patchTypes[bareContentType(request)];
  if (kind !== undefined && (kind !== 'strategic' || !custom)) return kind;
  if (!custom) throw new StatusError('UnsupportedMediaType', '415: Unsupported Media Type', {});
  throw unknownFormat(Object.keys(patchTypes).filter((type) => !type.includes('strategic')));
}
