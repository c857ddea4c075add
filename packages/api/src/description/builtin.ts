import { assert } from '@coxswain/host';
import type { ApiDescription, FieldDescription, FieldShape, TypeDescription } from '../description.ts';
import { hasStruct, structOf, type GoField, type GoStruct, type Shape } from './raw.ts';

const types = new Map<string, TypeDescription>();
/** Objects, lists, booleans or strings as the schema author likes; nothing merges inside them. */
const unions = /\.JSONSchemaPropsOr(Array|Bool|StringArray)$/;

function publicShape(shape: Shape): FieldShape {
  switch (shape.kind) {
    case 'int32': case 'int64': return { kind: 'integer' };
    case 'double': return { kind: 'number' };
    case 'list': return { kind: 'list', of: publicShape(shape.of) };
    case 'map': return { kind: 'map', of: publicShape(shape.of) };
    case 'object': return unions.test(shape.type) ? { kind: 'any' } : shape;
    default: return { kind: shape.kind };
  }
}

const formats: Readonly<Partial<Record<Shape['kind'], string>>> = {
  int32: 'int32', int64: 'int64', double: 'double', bytes: 'byte', time: 'date-time', 'micro-time': 'date-time', 'int-or-string': 'int-or-string',
};

function wireOf(shape: Shape): string {
  switch (shape.kind) {
    case 'boolean': case 'int32': case 'int64': return 'varint';
    case 'double': return 'fixed64';
    case 'list': return wireOf(shape.of);
    default: return 'bytes';
  }
}

function mapTypeOf(field: GoField): 'granular' | 'atomic' | undefined {
  if (field.extras.mt !== undefined) return field.extras.mt as 'granular' | 'atomic';
  return field.shape.kind === 'object' ? structOf(field.shape.type)?.mapType : undefined;
}

function describeField(field: GoField): FieldDescription {
  const { extras, shape } = field;
  const format = formats[shape.kind];
  const mapType = mapTypeOf(field);
  return {
    name: field.name, shape: publicShape(shape), required: field.required, presence: field.presence, omitEmpty: field.omitEmpty, inline: field.inline,
    ...(format === undefined ? {} : { format }),
    ...(extras.e === undefined ? {} : { enum: extras.e }),
    ...('d' in extras ? { default: extras.d } : {}),
    ...(extras.lt === undefined ? {} : { listType: extras.lt as 'atomic' | 'set' | 'map' }),
    ...(extras.lk === undefined ? {} : { listMapKeys: extras.lk }),
    ...(mapType === undefined ? {} : { mapType }),
    ...(extras.ps === undefined ? {} : { patchStrategy: extras.ps }),
    ...(extras.mk === undefined ? {} : { patchMergeKey: extras.mk }),
    ...(field.protoNumber === 0 ? {} : { proto: { number: field.protoNumber, wire: wireOf(shape), label: shape.kind === 'list' || shape.kind === 'map' ? 'rep' : 'opt', name: field.protoName } }),
  };
}

function addFields(struct: GoStruct, into: Map<string, FieldDescription>): void {
  for (const field of struct.fields) {
    if (!field.inline) into.set(field.name, describeField(field));
    else if (field.shape.kind === 'object') {
      const inlined = structOf(field.shape.type);
      assert(inlined !== undefined, `no type ${field.shape.type} to inline into ${struct.name}`);
      addFields(inlined, into);
    }
  }
}

export function parseGvk(text: string): { readonly group: string; readonly version: string; readonly kind: string } {
  const parts = text.split('/');
  return parts.length === 2
    ? { group: '', version: parts[0] as string, kind: parts[1] as string }
    : { group: parts[0] as string, version: parts[1] as string, kind: parts[2] as string };
}

function describe(name: string): TypeDescription {
  const struct = structOf(name);
  assert(struct !== undefined, `no type ${name} in the API description`);
  const fields = new Map<string, FieldDescription>();
  addFields(struct, fields);
  const gvk = struct.gvks[0];
  return { name, fields, ...(gvk === undefined ? {} : { gvk: parseGvk(gvk) }), ...(struct.mapType === undefined ? {} : { mapType: struct.mapType }) };
}

/** The built-in types. Each is parsed when first asked for. */
export const apiDescription: ApiDescription = {
  type(name) {
    const known = types.get(name);
    if (known !== undefined) return known;
    const made = describe(name);
    types.set(name, made);
    return made;
  },
  hasType: hasStruct,
};
