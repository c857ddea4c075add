import { assert } from '@coxswain/host';
import { structOf, type GoField, type GoStruct } from './raw.ts';

/** A struct as JSON shows it: inlined structs are flattened into it, at their place. */
export interface Plan {
  readonly name: string;
  readonly simpleName: string;
  readonly fields: readonly GoField[];
  readonly byName: ReadonlyMap<string, GoField>;
}

const plans = new Map<string, Plan>();

function flatten(struct: GoStruct): GoField[] {
  return struct.fields.flatMap((field) => {
    if (!field.inline) return [field];
    assert(field.shape.kind === 'object', `inlined field of ${struct.name} is no object`);
    const inlined = structOf(field.shape.type);
    assert(inlined !== undefined, `no type ${field.shape.type} to inline into ${struct.name}`);
    return flatten(inlined);
  });
}

export function planOf(typeName: string): Plan {
  const known = plans.get(typeName);
  if (known !== undefined) return known;
  const struct = structOf(typeName);
  assert(struct !== undefined, `no type ${typeName} in the API description`);
  const fields = flatten(struct);
  const plan: Plan = { name: typeName, simpleName: struct.simpleName, fields, byName: new Map(fields.map((field) => [field.name, field])) };
  plans.set(typeName, plan);
  return plan;
}

/** Schemas of custom resources hold values that are a schema or something simpler; JSON shows the one that is set. */
export type UnionKind = 'array' | 'boolean' | 'strings';

export function unionOf(typeName: string): UnionKind | undefined {
  const at = typeName.indexOf('.JSONSchemaPropsOr');
  if (at < 0) return undefined;
  switch (typeName.slice(at + 18)) {
    case 'Array': return 'array';
    case 'Bool': return 'boolean';
    case 'StringArray': return 'strings';
    default: return undefined;
  }
}

/** The schema type beside a union type. */
export function schemaOfUnion(typeName: string): string {
  return `${typeName.slice(0, typeName.lastIndexOf('.'))}.JSONSchemaProps`;
}
