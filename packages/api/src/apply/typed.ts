import type { Json, JsonObject } from '../resource.ts';
import { equalJson, isObject, own, setOwn } from '../patch/values.ts';
import { FieldSet } from './field-set.ts';
import { pathText, type PathElement } from './path-element.ts';
import { childPlace, elementOf, elementPlace, isDeclared, isEmptyMap, itemsOf, mapElement, structuralError, structureOf, type Place, type Structure } from './schema.ts';

type Path = readonly PathElement[];

function isMapLike(structure: Structure): boolean {
  return structure.kind === 'struct' || structure.kind === 'map';
}

/** Every path that an applied object names. */
export function fieldsOf(value: Json, place: Place): FieldSet {
  const set = new FieldSet();
  collect(value, place, [], set);
  return set;
}

function collect(value: Json, place: Place, path: Path, set: FieldSet): void {
  const structure = structureOf(place, value);
  if (structure.kind === 'leaf') {
    set.insert(path);
  } else if (isMapLike(structure)) {
    if (isObject(value)) collectMap(value, place, structure, path, set);
  } else if (Array.isArray(value)) {
    const seen = new Set<PathElement>();
    for (const [index, item] of value.entries()) {
      const element = elementOf(item, structure, path, index);
      if (seen.has(element)) throw structuralError(path, `duplicate entries for key ${pathText([element])}`);
      seen.add(element);
      const below = [...path, element];
      set.insert(below);
      if (structure.kind === 'keyed') collect(item, elementPlace(structure, place), below, set);
    }
  }
}

function collectMap(value: JsonObject, place: Place, structure: Structure, path: Path, set: FieldSet): void {
  for (const key of Object.keys(value)) {
    const inner = value[key] as Json;
    const below = [...path, mapElement(structure, key)];
    if (isEmptyMap(inner) || !isDeclared(structure, key)) set.insert(below);
    if (inner !== null) collect(inner, childPlace(place, structure, key), below, set);
  }
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Which paths differ between two states of one object. */
export function compare(before: Json, after: Json, place: Place): Comparison {
  const comparison = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  new Comparer(comparison).visit(before, after, place);
  return comparison;
}

class Comparer {
  readonly #out: Comparison;
  /** To where it is now. */
  readonly #path: PathElement[] = [];

  constructor(out: Comparison) {
    this.#out = out;
  }

  #leaf(before: Json | undefined, after: Json | undefined): void {
    if (before === undefined) this.#out.added.insert(this.#path);
    else if (after === undefined) this.#out.removed.insert(this.#path);
    else if (!equalJson(before, after)) this.#out.modified.insert(this.#path);
  }

  visit(before: Json | undefined, after: Json | undefined, place: Place): void {
    if (before === undefined && after === undefined) return;
    const structure = structureOf(place, before, after);
    if (structure.kind === 'leaf' || (isMapLike(structure) && isEmptyMap(before) && isEmptyMap(after))) {
      this.#leaf(before, after);
      return;
    }
    if (isMapLike(structure)) this.#map(before, after, structure, place);
    else if (before !== after) this.#list(Array.isArray(before) ? before : [], Array.isArray(after) ? after : [], structure, place);
    if (before === undefined) this.#out.added.insert(this.#path);
    else if (after === undefined) this.#out.removed.insert(this.#path);
  }

  #below(element: PathElement, before: Json | undefined, after: Json | undefined, place: Place): void {
    // Mostly one part of an object changes.
    if (this.#path.length === 0 && equalJson(before, after)) return;
    this.#path.push(element);
    this.visit(before, after, place);
    this.#path.pop();
  }

  #map(before: Json | undefined, after: Json | undefined, structure: Structure, place: Place): void {
    if (before === after) return;
    const left = isObject(before) ? before : {};
    const right = isObject(after) ? after : {};
    for (const key of Object.keys(left)) this.#below(mapElement(structure, key), left[key], own(right, key), childPlace(place, structure, key));
    for (const key of Object.keys(right)) if (!Object.hasOwn(left, key)) this.#below(mapElement(structure, key), undefined, right[key], childPlace(place, structure, key));
  }

  #list(before: readonly Json[], after: readonly Json[], structure: Structure, place: Place): void {
    const left = itemsOf(before, structure, this.#path);
    const right = itemsOf(after, structure, this.#path);
    const inner = elementPlace(structure, place);
    for (const [element, old] of left) this.#item(element, old, right.get(element) ?? [], inner);
    for (const [element, now] of right) if (!left.has(element)) this.#item(element, [], now, inner);
  }

  #item(element: PathElement, old: readonly Json[], now: readonly Json[], place: Place): void {
    if (old.length <= 1 && now.length <= 1) {
      this.#below(element, old[0], now[0], place);
      return;
    }
    // Doubles, which only an update can bring in, are compared as one value.
    this.#path.push(element);
    this.#leaf(old.length === 0 ? undefined : (old as Json[]), now.length === 0 ? undefined : (now as Json[]));
    this.#path.pop();
  }
}

/** The value without the paths of `gone`; undefined if nothing is left of it. */
export function removePaths(value: Json, gone: FieldSet, place: Place, path: Path = []): Json | undefined {
  const structure = structureOf(place, value);
  if (structure.kind === 'leaf') return value;
  if (isMapLike(structure)) return isObject(value) ? removeFromMap(value, gone, structure, place, path) : value;
  if (!Array.isArray(value)) return value;
  const kept: Json[] = [];
  for (const [index, item] of value.entries()) {
    const element = elementOf(item, structure, path, index);
    if (gone.members.has(element)) continue;
    const below = gone.children.get(element);
    const rest = below === undefined ? item : removePaths(item, below, elementPlace(structure, place), [...path, element]);
    if (rest !== undefined) kept.push(rest);
  }
  return kept.length === 0 && value.length > 0 ? undefined : kept;
}

function removeFromMap(value: JsonObject, gone: FieldSet, structure: Structure, place: Place, path: Path): Json | undefined {
  const kept: JsonObject = {};
  for (const key of Object.keys(value)) {
    const element = mapElement(structure, key);
    if (gone.members.has(element)) continue;
    const below = gone.children.get(element);
    const inner = value[key] as Json;
    const rest = below === undefined ? inner : removePaths(inner, below, childPlace(place, structure, key), [...path, element]);
    if (rest !== undefined) setOwn(kept, key, rest);
  }
  return Object.keys(kept).length === 0 && Object.keys(value).length > 0 ? undefined : kept;
}

/** A struct's field that has members below counts as a member itself, so that removing can tell it from one nobody names. */
export function withNamedFields(set: FieldSet, place: Place): FieldSet {
  const structure = structureOf(place);
  const result = new FieldSet();
  for (const element of set.members) result.members.add(element);
  for (const [element, child] of set.children) {
    const name = element.slice(2);
    const isField = element.startsWith('f:');
    if (isField && isDeclared(structure, name)) result.members.add(element);
    result.children.set(element, withNamedFields(child, isField ? childPlace(place, structure, name) : elementPlace(structure, place)));
  }
  return result;
}
