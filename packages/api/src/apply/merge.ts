import type { Json, JsonObject } from '../resource.ts';
import { cloneJson, isObject, own, setOwn } from '../patch/values.ts';
import type { PathElement } from './path-element.ts';
import { childPlace, elementOf, elementPlace, mapElement, structureOf, type Place, type Structure } from './schema.ts';

type Path = readonly PathElement[];

/** What `applied` says, over what `live` has. */
export function mergeStructural(live: Json | undefined, applied: Json | undefined, place: Place, path: Path = []): Json {
  if (applied === undefined) return cloneJson(live ?? null);
  if (live === undefined) return cloneJson(applied);
  const structure = structureOf(place, live, applied);
  switch (structure.kind) {
    case 'leaf': return cloneJson(applied);
    case 'struct': case 'map': return mergeMap(live, applied, structure, place, path);
    case 'set': case 'keyed': return mergeList(live, applied, structure, place, path);
  }
}

function mergeMap(live: Json, applied: Json, structure: Structure, place: Place, path: Path): Json {
  const left = isObject(live) ? live : {};
  const right = isObject(applied) ? applied : {};
  if (Object.keys(left).length === 0 && Object.keys(right).length === 0) return cloneJson(applied);
  const merged: JsonObject = {};
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    setOwn(merged, key, mergeStructural(own(left, key), own(right, key), childPlace(place, structure, key), [...path, mapElement(structure, key)]));
  }
  return merged;
}

function mergeList(live: Json, applied: Json, structure: Structure, place: Place, path: Path): Json {
  const left = Array.isArray(live) ? live : [];
  const right = Array.isArray(applied) ? applied : [];
  const leftNames = left.map((item, index) => elementOf(item, structure, path, index));
  const rightNames = right.map((item, index) => elementOf(item, structure, path, index));
  const byName = new Map(rightNames.map((name, index) => [name, right[index] as Json]));
  const itemPlace = elementPlace(structure, place);
  const merged = interleave(leftNames, rightNames).map(({ name, liveIndex }): Json => {
    const mine = liveIndex < 0 ? undefined : left[liveIndex];
    const theirs = byName.get(name);
    return structure.kind === 'set' ? cloneJson(theirs ?? mine ?? null) : mergeStructural(mine, theirs, itemPlace, [...path, name]);
  });
  return merged;
}

interface Taken {
  readonly name: PathElement;
  /** -1: it is new. */
  readonly liveIndex: number;
}

/** Applied items keep their order; live-only ones stay between the neighbours that they had. */
function interleave(live: readonly PathElement[], applied: readonly PathElement[]): Taken[] {
  const isApplied = new Set(applied);
  const livePlaces = new Map<PathElement, number>();
  for (const [index, name] of live.entries()) if (!livePlaces.has(name)) livePlaces.set(name, index);
  const shared = applied.filter((name) => livePlaces.has(name));
  let sharedAt = 0;
  const result: Taken[] = [];
  const done = new Set<PathElement>();
  let left = 0;
  let right = 0;
  const takeApplied = (): void => {
    const name = applied[right] as PathElement;
    if (!done.has(name)) result.push({ name, liveIndex: livePlaces.get(name) ?? -1 });
    done.add(name);
    right += 1;
    if (shared[sharedAt] === name) sharedAt += 1;
  };
  while (left < live.length || right < applied.length) {
    const name = live[left];
    if (name === undefined) {
      takeApplied();
    } else if (!isApplied.has(name)) {
      result.push({ name, liveIndex: left });
      left += 1;
    } else if (name === applied[right]) {
      takeApplied();
      left += 1;
    } else if (right < applied.length && shared[sharedAt] !== undefined && shared[sharedAt] !== name) {
      left += 1;
    } else {
      if (done.has(name)) left += 1;
      if (right < applied.length) takeApplied();
    }
  }
  return result;
}
