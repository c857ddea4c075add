import { apiDescription } from '../description/builtin.ts';
import type { ApiDescription, FieldDescription, FieldShape, TypeDescription } from '../description.ts';
import type { Structural } from './structural.ts';

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const deduced: FieldShape = { kind: 'deduced' };
const scalars: Readonly<Record<string, FieldShape>> = { string: { kind: 'string' }, boolean: { kind: 'boolean' }, integer: { kind: 'integer' }, number: { kind: 'number' } };

function fieldOf(name: string, shape: FieldShape, schema?: Structural): FieldDescription {
  return {
    name, shape, required: false, presence: name === 'metadata' ? 'value' : 'pointer', omitEmpty: true, inline: false,
    ...(schema?.default === undefined ? {} : { default: schema.default }),
    ...(schema?.listType === undefined ? {} : { listType: schema.listType }),
    ...(schema?.listMapKeys.length ? { listMapKeys: schema.listMapKeys } : {}),
    ...(schema?.mapType === undefined ? {} : { mapType: schema.mapType }),
  };
}

const envelope: readonly FieldDescription[] = [fieldOf('apiVersion', { kind: 'string' }), fieldOf('kind', { kind: 'string' }), fieldOf('metadata', { kind: 'object', type: objectMeta })];

/** The types of one version of a custom kind; those inside it are named by their path. */
class CustomTypes implements ApiDescription {
  readonly #types = new Map<string, TypeDescription>();

  constructor(typeName: string, schema: Structural) {
    this.#add(typeName, schema, true);
  }

  type(name: string): TypeDescription {
    return this.#types.get(name) ?? apiDescription.type(name);
  }

  hasType(name: string): boolean {
    return this.#types.has(name) || apiDescription.hasType(name);
  }

  #add(name: string, schema: Structural, envelopes: boolean): FieldShape {
    const fields = new Map<string, FieldDescription>();
    if (envelopes) for (const field of envelope) fields.set(field.name, field);
    for (const [key, property] of schema.properties) {
      if (!(envelopes && fields.has(key))) fields.set(key, fieldOf(key, this.#shape(property, `${name}#${key}`), property));
    }
    const others = this.#others(schema, name);
    this.#types.set(name, { name, fields, ...(others === undefined ? {} : { others }), ...(schema.mapType === undefined ? {} : { mapType: schema.mapType }) });
    return { kind: 'object', type: name };
  }

  #others(schema: Structural, name: string): FieldShape | undefined {
    if (schema.additional === 'any') return deduced;
    if (schema.additional !== undefined) return this.#shape(schema.additional, `${name}#*`);
    return schema.preserveUnknownFields || schema.properties.size === 0 ? deduced : undefined;
  }

  #shape(schema: Structural, name: string): FieldShape {
    if (schema.intOrString) return { kind: 'int-or-string' };
    const { listType, listMapKeys, mapType } = schema;
    switch (schema.type) {
      case 'object':
        if (schema.properties.size > 0 || schema.embeddedResource) return this.#add(name, schema, schema.embeddedResource);
        return { kind: 'map', of: this.#others(schema, name) ?? deduced, ...(mapType === undefined ? {} : { mapType }) };
      case 'array': return {
        kind: 'list', of: schema.items === undefined ? deduced : this.#shape(schema.items, `${name}#[]`), ...(listType === undefined ? {} : { listType }), ...(listMapKeys.length === 0 ? {} : { listMapKeys }),
      };
      default: return scalars[schema.type] ?? deduced;
    }
  }
}

/** For managed fields and server-side apply: what of the kind merges how. */
export function customDescription(typeName: string, schema: Structural): ApiDescription {
  return new CustomTypes(typeName, schema);
}
