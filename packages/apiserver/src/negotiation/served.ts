import type { JsonObject } from '@coxswain/api';
import { assert, utf8 } from '@coxswain/host';
import type { ServedKind } from '../registry/kind.ts';
import { copy } from '../registry/object.ts';
import type { StoredObject } from '../storage/codec.ts';
import { wholePart, type BytePart } from '../storage/encoded.ts';

/** The object in the version it is served in. Do not change it. */
export function servedObject(kind: ServedKind, stored: StoredObject): JsonObject {
  return kind.isHub ? stored.object : kind.fromHub(copy(stored.object));
}

/** Kept bytes where the served version is the stored one. */
export function servedText(kind: ServedKind, stored: StoredObject): string {
  return kind.isHub ? stored.text : kind.codec.encode(servedObject(kind, stored));
}

/** As `servedText`, in UTF-8. */
export function servedBytes(kind: ServedKind, stored: StoredObject): Uint8Array {
  return kind.isHub ? stored.bytes : utf8(kind.codec.encode(servedObject(kind, stored)));
}

/** As `servedBytes`, in pieces that need no copy. */
export function servedParts(kind: ServedKind, stored: StoredObject): readonly Uint8Array[] {
  return kind.isHub ? stored.parts : [servedBytes(kind, stored)];
}

function encoderOf(kind: ServedKind): (object: JsonObject) => Uint8Array {
  const encode = kind.codec.encodeProtobuf;
  assert(encode !== undefined, 'a kind without protobuf form', { kind: kind.api.kind });
  return encode;
}

/** With its envelope; only for kinds that have this form. Encoded once for all who ask, as long as it is remembered. */
export function servedProtobuf(kind: ServedKind, stored: StoredObject): Uint8Array {
  const encode = encoderOf(kind);
  return kind.isHub ? stored.protobuf(encode) : encode(servedObject(kind, stored));
}

/** As `servedProtobuf`, for many at once: no view is made of what is remembered. */
export function servedProtobufPart(kind: ServedKind, stored: StoredObject): BytePart {
  const encode = encoderOf(kind);
  return kind.isHub ? stored.protobufPart(encode) : wholePart(encode(servedObject(kind, stored)));
}
