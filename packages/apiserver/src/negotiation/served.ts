import type { JsonObject } from '@coxswain/api';
import type { ServedKind } from '../registry/kind.ts';
import { copy } from '../registry/object.ts';
import type { StoredObject } from '../storage/codec.ts';

/** The object in the version it is served in. Do not change it. */
export function servedObject(kind: ServedKind, stored: StoredObject): JsonObject {
  return kind.isHub ? stored.object : kind.fromHub(copy(stored.object));
}

/** Kept bytes where the served version is the stored one. */
export function servedText(kind: ServedKind, stored: StoredObject): string {
  return kind.isHub ? stored.text : kind.codec.encode(servedObject(kind, stored));
}
