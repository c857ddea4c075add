import { planOf, unionOf } from '../description/plan.ts';
import { structOf, type GoField, type Shape } from '../description/raw.ts';
import { parseGvk } from '../description/builtin.ts';
import type { Json, JsonObject } from '../resource.ts';
import { reference, type FieldTexts, type OpenApiVersion } from './types.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';
const names = {
  time: `${meta}.Time`, 'micro-time': `${meta}.MicroTime`, duration: `${meta}.Duration`, quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  'int-or-string': 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
} as const;

const intOrString: Readonly<Record<OpenApiVersion, JsonObject>> = {
  2: { type: 'string', format: 'int-or-string' },
  3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
};
const quantity: Readonly<Record<OpenApiVersion, JsonObject>> = { 2: { type: 'string' }, 3: { oneOf: [{ type: 'string' }, { type: 'number' }] } };

/** Types that are one value on the wire. */
function valueSchema(typeName: string, version: OpenApiVersion): JsonObject | undefined {
  switch (typeName) {
    case names.time: case names['micro-time']: return { type: 'string', format: 'date-time' };
    case names.duration: return { type: 'string' };
    case names.quantity: return quantity[version];
    case names['int-or-string']: return intOrString[version];
    case 'io.k8s.apimachinery.pkg.runtime.RawExtension': case `${meta}.FieldsV1`: case `${meta}.Patch`: return { type: 'object' };
    case `${apiextensions}.JSON`: return {};
    default: return unionOf(typeName) === undefined ? undefined : {};
  }
}

function anyType(goType: string): string {
  if (goType.endsWith('v1.FieldsV1')) return `${meta}.FieldsV1`;
  return goType.endsWith('v1.JSON') ? `${apiextensions}.JSON` : 'io.k8s.apimachinery.pkg.runtime.RawExtension';
}

/** The type that a shape refers to, if any. */
function referredType(shape: Shape, goType: string): string | undefined {
  switch (shape.kind) {
    case 'object': return shape.type;
    case 'list': case 'map': return referredType(shape.of, goType);
    case 'any': return anyType(goType);
    case 'time': case 'micro-time': case 'duration': case 'quantity': case 'int-or-string': return names[shape.kind];
    default: return undefined;
  }
}

/** References can bear nothing beside them in v3, so they are wrapped where a default stands. */
function referring(typeName: string, version: OpenApiVersion, initial: Json | undefined): JsonObject {
  const target = reference(typeName, version);
  return version === 3 && initial !== undefined ? { allOf: [target], default: initial } : target;
}

function shapeSchema(shape: Shape, goType: string, version: OpenApiVersion, initial: Json | undefined, choices: readonly string[] | undefined): JsonObject {
  const extra: JsonObject = { ...(initial === undefined || version === 2 ? {} : { default: initial }), ...(choices === undefined ? {} : { enum: [...choices] }) };
  switch (shape.kind) {
    case 'string': return { type: 'string', ...extra };
    case 'bytes': return { type: 'string', format: 'byte' };
    case 'boolean': return { type: 'boolean', ...extra };
    case 'int32': case 'int64': return { type: 'integer', format: shape.kind, ...extra };
    case 'double': return { type: 'number', format: 'double', ...extra };
    case 'list': return { type: 'array', items: shapeSchema(shape.of, goType, version, itemDefault(shape.of), choices) };
    case 'map': return { type: 'object', additionalProperties: shapeSchema(shape.of, goType, version, itemDefault(shape.of), choices) };
    default: return referring(referredType(shape, goType) as string, version, initial);
  }
}

function itemDefault(shape: Shape): Json | undefined {
  switch (shape.kind) {
    case 'string': return '';
    case 'object': return {};
    case 'int32': case 'int64': return 0;
    default: return undefined;
  }
}

function extensions(field: GoField): JsonObject {
  const { lt, lk, mt, ps, mk } = field.extras;
  return {
    ...(lk === undefined ? {} : { 'x-kubernetes-list-map-keys': [...lk] }),
    ...(lt === undefined ? {} : { 'x-kubernetes-list-type': lt }),
    ...(mt === undefined ? {} : { 'x-kubernetes-map-type': mt }),
    ...(mk === undefined ? {} : { 'x-kubernetes-patch-merge-key': mk }),
    ...(ps === undefined ? {} : { 'x-kubernetes-patch-strategy': ps }),
  };
}

function fieldSchema(typeName: string, field: GoField, version: OpenApiVersion, texts: FieldTexts | undefined): JsonObject {
  const schema = shapeSchema(field.shape, field.goType, version, field.extras.d as Json | undefined, field.extras.e);
  const description = texts?.ofField(typeName, field.name);
  const described: JsonObject = description === undefined ? {} : { description };
  // v3 tools drop what stands beside a bare reference.
  if (version === 3 && '$ref' in schema && description !== undefined) return { ...described, allOf: [schema], ...extensions(field) };
  return { ...described, ...schema, ...extensions(field) };
}

function kinds(typeName: string): JsonObject {
  const gvks = structOf(typeName)?.gvks ?? [];
  return gvks.length === 0 ? {} : { 'x-kubernetes-group-version-kind': gvks.map((text) => ({ ...parseGvk(text) })) };
}

/** The schema of one built-in type, fields in order of their names as published. */
export function typeSchema(typeName: string, version: OpenApiVersion, texts: FieldTexts | undefined): JsonObject {
  const description = texts?.ofType(typeName);
  const described: JsonObject = description === undefined ? {} : { description };
  const value = valueSchema(typeName, version);
  if (value !== undefined) return { ...described, ...value };
  const fields = [...planOf(typeName).fields].sort((left, right) => (left.name < right.name ? -1 : 1));
  const required = fields.filter((field) => field.required).map((field) => field.name);
  const mapType = structOf(typeName)?.mapType;
  return {
    ...described, type: 'object',
    ...(required.length === 0 ? {} : { required }),
    ...(fields.length === 0 ? {} : { properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(typeName, field, version, texts)])) }),
    ...kinds(typeName),
    ...(mapType === undefined ? {} : { 'x-kubernetes-map-type': mapType }),
  };
}

/** All types that these lead to, themselves included, sorted. */
export function reachableTypes(roots: Iterable<string>): string[] {
  const found = new Set<string>();
  const open = [...roots];
  for (let type = open.pop(); type !== undefined; type = open.pop()) {
    if (found.has(type)) continue;
    found.add(type);
    if (valueSchema(type, 3) !== undefined || structOf(type) === undefined) continue;
    for (const field of planOf(type).fields) {
      const referred = referredType(field.shape, field.goType);
      if (referred !== undefined) open.push(referred);
    }
  }
  return [...found].sort();
}
