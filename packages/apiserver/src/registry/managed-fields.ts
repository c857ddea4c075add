import { apiDescription, applyServerSideInSteps, updateManagedFieldsInSteps, type JsonObject, type Steps, type Writing } from '@coxswain/api';
import { apiVersionOf, type ServedKind } from './kind.ts';

export interface Writer {
  readonly manager: string;
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
}

export interface ManagedFields {
  /** Records in `object` what this writer changed since `live` (absent: created). */
  update(kind: ServedKind, live: JsonObject | undefined, object: JsonObject, writer: Writer): Steps;
  /** Server-side apply of `applied` on `live` (undefined: to be created). Throws Conflict unless forced. */
  apply(kind: ServedKind, live: JsonObject | undefined, applied: JsonObject, writer: Writer & { readonly force: boolean }): Steps<JsonObject>;
}

/** With turns for others in between; without them it is `allSteps`. */
export async function inTurns<T>(steps: Steps<T>, pause: () => Promise<void>): Promise<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    await pause();
  }
}

function writing(kind: ServedKind, writer: Writer): Writing {
  const { api, custom } = kind;
  const resetFields = custom?.resetFields(writer.subresource);
  return { description: custom?.description ?? apiDescription, typeName: api.typeName, apiVersion: apiVersionOf(api), ...(resetFields === undefined ? {} : { resetFields }), ...writer };
}

export const builtinManagedFields: ManagedFields = {
  update: (kind, live, object, writer) => updateManagedFieldsInSteps({ ...writing(kind, writer), live, object }),
  apply: (kind, live, applied, writer) => applyServerSideInSteps({ ...writing(kind, writer), live, applied, force: writer.force }),
};
