import { apiDescription, applyServerSide, updateManagedFields, type JsonObject, type Writing } from '@coxswain/api';
import { apiVersionOf, type ServedKind } from './kind.ts';

export interface Writer {
  readonly manager: string;
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
}

export interface ManagedFields {
  /** Records in `object` what this writer changed since `live` (absent: created). */
  update(kind: ServedKind, live: JsonObject | undefined, object: JsonObject, writer: Writer): void;
  /** Server-side apply of `applied` on `live` (undefined: to be created). Throws Conflict unless forced. */
  apply(kind: ServedKind, live: JsonObject | undefined, applied: JsonObject, writer: Writer & { readonly force: boolean }): JsonObject;
}

function writing(kind: ServedKind, writer: Writer): Writing {
  const { api, custom } = kind;
  const resetFields = custom?.resetFields(writer.subresource);
  return { description: custom?.description ?? apiDescription, typeName: api.typeName, apiVersion: apiVersionOf(api), ...(resetFields === undefined ? {} : { resetFields }), ...writer };
}

export const builtinManagedFields: ManagedFields = {
  update: (kind, live, object, writer) => updateManagedFields({ ...writing(kind, writer), live, object }),
  apply: (kind, live, applied, writer) => applyServerSide({ ...writing(kind, writer), live, applied, force: writer.force }),
};
