import type { Json, JsonObject } from '../resource.ts';
import { equalJson, isObject, own } from '../patch/values.ts';
import type { FieldSet } from './field-set.ts';
import { compareElements, type PathElement } from './path-element.ts';
import { childPlace, elementPlace, isEmptyMap, itemsOf, mapElement, structureOf, type Place, type Structure } from './schema.ts';

type Path = PathElement[];

/** Below `reset` nothing is owned, exactly the members of `stripped` are not. */
interface Limits {
  readonly reset: FieldSet | undefined;
  readonly stripped: FieldSet | undefined;
}

/** What is owned of a value: itself, something below it, or both. undefined: nothing. */
type Owned = JsonObject | undefined;

/**
 * The fieldsV1 of whoever creates `object`, in one walk: what the general way (compare with `zero`, then take away `reset` with all below it
 * and the members of `stripped`) would give. undefined: none. Throws StatusError for items of a keyed list that lack a key.
 */
export function createdFields(zero: JsonObject, object: JsonObject, place: Place, reset: FieldSet, stripped: FieldSet): JsonObject | undefined {
  const structure = structureOf(place, zero, object);
  return below(zero, object, structure, place, [], { reset, stripped });
}

function below(before: Json | undefined, after: Json, structure: Structure, place: Place, path: Path, limits: Limits): Owned {
  switch (structure.kind) {
    case 'leaf': return undefined;
    case 'struct': case 'map': return isObject(after) ? ofMap(isObject(before) ? before : undefined, after, structure, place, path, limits) : undefined;
    default: return before !== after && Array.isArray(after) ? ofList(Array.isArray(before) ? before : [], after, structure, place, path, limits) : undefined;
  }
}

/** Whether the value itself is owned, whatever is below it. */
function isChanged(before: Json | undefined, after: Json, structure: Structure): boolean {
  if (before === undefined) return true;
  const isMap = structure.kind === 'struct' || structure.kind === 'map';
  return (structure.kind === 'leaf' || (isMap && isEmptyMap(before) && isEmptyMap(after))) && !equalJson(before, after);
}

function add(into: JsonObject | undefined, element: PathElement, isMember: boolean, inner: Owned): JsonObject | undefined {
  if (!isMember && inner === undefined) return into;
  const target = into ?? {};
  target[element] = inner === undefined ? {} : isMember ? { '.': {}, ...inner } : inner;
  return target;
}

function child(before: Json | undefined, after: Json, element: PathElement, place: Place, path: Path, limits: Limits, into: JsonObject | undefined): JsonObject | undefined {
  const { reset, stripped } = limits;
  if (reset?.members.has(element) === true) return into;
  const structure = structureOf(place, before, after);
  path.push(element);
  const inner = below(before, after, structure, place, path, reset === undefined && stripped === undefined ? limits : { reset: reset?.children.get(element), stripped: stripped?.children.get(element) });
  path.pop();
  return add(into, element, isChanged(before, after, structure) && stripped?.members.has(element) !== true, inner);
}

function ofMap(before: JsonObject | undefined, after: JsonObject, structure: Structure, place: Place, path: Path, limits: Limits): Owned {
  const keys = Object.keys(after);
  if (keys.length > 1) keys.sort();
  let owned: JsonObject | undefined;
  for (const key of keys) {
    owned = child(before === undefined ? undefined : own(before, key), after[key] as Json, mapElement(structure, key), childPlace(place, structure, key), path, limits, owned);
  }
  return owned;
}

function ofList(before: readonly Json[], after: readonly Json[], structure: Structure, place: Place, path: Path, limits: Limits): Owned {
  const old = itemsOf(before, structure, path);
  const items = itemsOf(after, structure, path);
  const elements = [...items.keys()];
  if (elements.length > 1) elements.sort(compareElements);
  const inner = elementPlace(structure, place);
  let owned: JsonObject | undefined;
  for (const element of elements) {
    const now = items.get(element) as Json[];
    const was = old.get(element);
    // Doubles are one value.
    if (now.length > 1 || (was !== undefined && was.length > 1)) {
      const isOwned = !equalJson(was, now) && limits.reset?.members.has(element) !== true && limits.stripped?.members.has(element) !== true;
      owned = add(owned, element, isOwned, undefined);
    } else owned = child(was?.[0], now[0] as Json, element, inner, path, limits, owned);
  }
  return owned;
}
