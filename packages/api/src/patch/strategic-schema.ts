import type { ApiDescription, FieldShape } from '../description.ts';

/** What is known of the value at hand; undefined where anything goes (and then nothing merges by key). */
export type PatchSchema = { readonly description: ApiDescription; readonly shape: FieldShape } | undefined;

export interface FieldRule {
  readonly schema: PatchSchema;
  readonly strategies: readonly string[];
  readonly mergeKey: string;
}

const unknownRule: FieldRule = { schema: undefined, strategies: [], mergeKey: '' };

export function ruleOf(schema: PatchSchema, key: string): FieldRule {
  if (schema === undefined) return unknownRule;
  const { description, shape } = schema;
  if (shape.kind === 'map') return { ...unknownRule, schema: { description, shape: shape.of } };
  if (shape.kind !== 'object' || !description.hasType(shape.type)) return unknownRule;
  const field = description.type(shape.type).fields.get(key);
  if (field === undefined) return unknownRule;
  return {
    schema: { description, shape: field.shape },
    strategies: field.patchStrategy?.split(',') ?? [],
    mergeKey: field.patchMergeKey ?? '',
  };
}

export function itemSchema(schema: PatchSchema): PatchSchema {
  return schema?.shape.kind === 'list' ? { description: schema.description, shape: schema.shape.of } : undefined;
}
