import type { JsonObject } from '@coxswain/api';
import type { ServedKind } from './kind.ts';

export interface Writer {
  readonly manager: string;
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
}

export interface ManagedFields {
  /** Records in `object` what this writer changed since `live` (absent: created). */
  update(kind: ServedKind, live: JsonObject | undefined, object: JsonObject, writer: Writer): void;
  /** Server-side apply of `applied` on `live` (an empty object with a name if there is none). Throws Conflict unless forced. */
  apply(kind: ServedKind, live: JsonObject, applied: JsonObject, writer: Writer & { readonly force: boolean }): JsonObject;
}

export const noManagedFields: ManagedFields = {
  update() {},
  apply(_kind, live, applied) {
    return { ...live, ...applied };
  },
};
