import type { ApiDescription, FieldDescription, FieldShape } from '../description.ts';
import type { Json, JsonObject } from '../resource.ts';
import { badRequest, type StatusError } from '../status-error.ts';
import { isObject, own } from '../patch/values.ts';
import { fieldElement, keyElement, pathText, valueElement, type PathElement } from './path-element.ts';

/** What structural merge knows of a value: taken whole, or by what its children are told apart. */
export type Structure =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, FieldDescription>; readonly others: Place; readonly places: Map<string, Place> }
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

/** Those of a place do not change, so they are made once: a write looks at hundreds. */
const structures = new WeakMap<Place, Structure>();

/** `before` and `after` stand there: what is not declared takes its structure from them. */
export function structureOf(place: Place, before?: Json, after?: Json): Structure {
  if (place.shape.kind === 'deduced') return isMergeable(before) && isMergeable(after) ? { kind: 'map', of: { description: place.description, shape: place.shape } } : leaf;
  const known = structures.get(place);
  if (known !== undefined) return known;
  const made = makeStructure(place);
  structures.set(place, made);
  return made;
}

function isMergeable(value: Json | undefined): boolean {
  return value === undefined || value === null || isObject(value);
}

function makeStructure({ description, shape, field }: Place): Structure {
  switch (shape.kind) {
    case 'object': {
      if (!description.hasType(shape.type)) return leaf;
      const type = description.type(shape.type);
      if ((field?.mapType ?? type.mapType) === 'atomic') return leaf;
      return { kind: 'struct', fields: type.fields, others: { description, shape: type.others ?? { kind: 'any' } }, places: new Map() };
    }
    case 'map': return (field?.mapType ?? shape.mapType) === 'atomic' ? leaf : { kind: 'map', of: { description, shape: shape.of } };
    case 'list': {
      const listType = field?.listType ?? shape.listType;
      if (listType === 'set') return { kind: 'set' };
      return listType === 'map' ? { kind: 'keyed', keys: field?.listMapKeys ?? shape.listMapKeys ?? [], of: { description, shape: shape.of } } : leaf;
    }
    default: return leaf;
  }
}

/** The place of a child of a struct or map; fields that the type has not are taken whole. */
export function childPlace(place: Place, structure: Structure, key: string): Place {
  if (structure.kind === 'map') return structure.of;
  if (structure.kind !== 'struct') return { description: place.description, shape: { kind: 'any' } };
  const known = structure.places.get(key);
  if (known !== undefined) return known;
  const field = structure.fields.get(key);
  if (field === undefined) return structure.others;
  const made: Place = { description: place.description, shape: field.shape, field };
  structure.places.set(key, made);
  return made;
}

export function isDeclared(structure: Structure, key: string): boolean {
  return structure.kind === 'struct' && structure.fields.has(key);
}

export function elementPlace(structure: Structure, place: Place): Place {
  return structure.kind === 'keyed' ? structure.of : { description: place.description, shape: { kind: 'any' } };
}

/** Upstream answers these mistakes with 500. */
export function structuralError(path: readonly PathElement[], text: string): StatusError {
  return badRequest(`${pathText(path)}: ${text}`);
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

/** By what they are called. */
export function itemsOf(items: readonly Json[], structure: Structure, path: readonly PathElement[]): Map<PathElement, Json[]> {
  const found = new Map<PathElement, Json[]>();
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index] as Json;
    const element = elementOf(item, structure, path, index);
    const same = found.get(element);
    if (same === undefined) found.set(element, [item]);
    else same.push(item);
  }
  return found;
}

/** Of declared fields only, or there would be as many as clients can think of. */
const fieldNames = new Map<string, PathElement>();

export function mapElement(structure: Structure, key: string): PathElement {
  if (!isDeclared(structure, key)) return fieldElement(key);
  let name = fieldNames.get(key);
  if (name === undefined) fieldNames.set(key, (name = fieldElement(key)));
  return name;
}

const roots = new WeakMap<ApiDescription, Map<string, Place>>();

/** The place of a whole object. */
export function rootPlace(description: ApiDescription, typeName: string): Place {
  let places = roots.get(description);
  if (places === undefined) roots.set(description, (places = new Map<string, Place>()));
  let place = places.get(typeName);
  if (place === undefined) places.set(typeName, (place = { description, shape: { kind: 'object', type: typeName } }));
  return place;
}

export function isEmptyMap(value: Json | undefined): boolean {
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0);
}
