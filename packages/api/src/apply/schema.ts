import type { ApiDescription, FieldDescription, FieldShape } from '../description.ts';
import type { Json, JsonObject } from '../resource.ts';
import { StatusError } from '../status-error.ts';
import { isObject, own } from '../patch/values.ts';
import { fieldElement, keyElement, pathText, valueElement, type PathElement } from './path-element.ts';

/** What structural merge knows of a value: taken whole, or by what its children are told apart. */
export type Structure =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, FieldDescription>; readonly others?: FieldShape | undefined }
  | { readonly kind: 'map'; readonly of: Place }
  | { readonly kind: 'set' }
  | { readonly kind: 'keyed'; readonly keys: readonly string[]; readonly of: Place };

/** A place in a type, which has the field's own rules if it is one. */
export interface Place {
  readonly description: ApiDescription;
  readonly shape: FieldShape;
  readonly field?: FieldDescription;
}

const leaf: Structure = { kind: 'leaf' };

/** `values` are those that stand there: what is not declared takes its structure from them. */
export function structureOf(place: Place, ...values: readonly (Json | undefined)[]): Structure {
  const { description, shape, field } = place;
  switch (shape.kind) {
    case 'object': {
      if (!description.hasType(shape.type)) return leaf;
      const type = description.type(shape.type);
      return (field?.mapType ?? type.mapType) === 'atomic' ? leaf : { kind: 'struct', fields: type.fields, others: type.others };
    }
    case 'map': return (field?.mapType ?? shape.mapType) === 'atomic' ? leaf : { kind: 'map', of: { description, shape: shape.of } };
    case 'list': {
      const listType = field?.listType ?? shape.listType;
      if (listType === 'set') return { kind: 'set' };
      return listType === 'map' ? { kind: 'keyed', keys: field?.listMapKeys ?? shape.listMapKeys ?? [], of: { description, shape: shape.of } } : leaf;
    }
    case 'deduced': return values.every((value) => value === undefined || value === null || isObject(value)) ? { kind: 'map', of: { description, shape } } : leaf;
    default: return leaf;
  }
}

/** The place of a child of a struct or map; fields that the type has not are taken whole. */
export function childPlace(place: Place, structure: Structure, key: string): Place {
  if (structure.kind === 'map') return structure.of;
  const field = structure.kind === 'struct' ? structure.fields.get(key) : undefined;
  const others: FieldShape = (structure.kind === 'struct' ? structure.others : undefined) ?? { kind: 'any' };
  return field === undefined ? { description: place.description, shape: others } : { description: place.description, shape: field.shape, field };
}

export function isDeclared(structure: Structure, key: string): boolean {
  return structure.kind === 'struct' && structure.fields.has(key);
}

export function elementPlace(structure: Structure, place: Place): Place {
  return structure.kind === 'keyed' ? structure.of : { description: place.description, shape: { kind: 'any' } };
}

/** Upstream shows these as errors without a reason. */
export function structuralError(path: readonly PathElement[], text: string): StatusError {
  return new StatusError('', `${pathText(path)}: ${text}`);
}

function keyOf(item: JsonObject, structure: Structure & { kind: 'keyed' }, path: readonly PathElement[], index: number): PathElement {
  const { shape, description } = structure.of;
  const fields = shape.kind === 'object' && description.hasType(shape.type) ? description.type(shape.type).fields : undefined;
  const key: JsonObject = {};
  for (const name of structure.keys) {
    const value = own(item, name) ?? (fields?.get(name)?.default as Json | undefined);
    if (value === undefined) {
      throw structuralError(path, `element ${index}: associative list with keys has an element that omits key field ${JSON.stringify(name)} (and doesn't have default value)`);
    }
    key[name] = value;
  }
  return keyElement(key);
}

/** How an item of a set or keyed list is called. */
export function elementOf(item: Json, structure: Structure, path: readonly PathElement[], index: number): PathElement {
  if (structure.kind !== 'keyed') return valueElement(item);
  if (!isObject(item)) throw structuralError(path, `element ${index}: associative list without keys has an element that's a map type`);
  return keyOf(item, structure, path, index);
}

export function mapElement(key: string): PathElement {
  return fieldElement(key);
}
