import type { Json, JsonObject } from '../resource.ts';
import { isObject, setOwn } from '../patch/values.ts';
import { compareElements, parseElement, type PathElement } from './path-element.ts';

/** A set of paths as a tree: a step may be a member itself, have members below it, or both. Never changed once shared. */
export class FieldSet {
  readonly members = new Set<PathElement>();
  readonly children = new Map<PathElement, FieldSet>();

  get isEmpty(): boolean {
    if (this.members.size > 0) return false;
    for (const child of this.children.values()) {
      if (!child.isEmpty) return false;
    }
    return true;
  }

  insert(path: readonly PathElement[]): void {
    if (path.length > 0) walk(this, path, path.length - 1).members.add(path.at(-1) as PathElement);
  }

  has(path: readonly PathElement[]): boolean {
    const [element, ...rest] = path;
    if (element === undefined) return false;
    return rest.length === 0 ? this.members.has(element) : this.children.get(element)?.has(rest) ?? false;
  }

  /** Makes the way there if need be. */
  below(path: readonly PathElement[]): FieldSet {
    return walk(this, path, path.length);
  }

  /** Nothing at all; a set that is empty otherwise may still have empty children. */
  get #isBare(): boolean {
    return this.members.size === 0 && this.children.size === 0;
  }

  #elements(): Set<PathElement> {
    return new Set([...this.members, ...this.children.keys()]);
  }

  /** Only what is shown needs an order. */
  #sorted(): PathElement[] {
    const elements = this.children.size === 0 ? [...this.members] : this.members.size === 0 ? [...this.children.keys()] : [...this.#elements()];
    return elements.length < 2 ? elements : elements.sort(compareElements);
  }

  #combine(members: (element: PathElement) => boolean, child: (element: PathElement) => FieldSet | undefined, elements: Iterable<PathElement>): FieldSet {
    const result = new FieldSet();
    for (const element of elements) {
      if (members(element)) result.members.add(element);
      const below = child(element);
      if (below !== undefined && !below.isEmpty) result.children.set(element, below);
    }
    return result;
  }

  union(other: FieldSet): FieldSet {
    if (other.#isBare) return this;
    if (this.#isBare) return other;
    return this.#combine((element) => this.members.has(element) || other.members.has(element), (element) => {
      const mine = this.children.get(element);
      const theirs = other.children.get(element);
      return mine === undefined || theirs === undefined ? mine ?? theirs : mine.union(theirs);
    }, this.#elements().union(other.#elements()));
  }

  intersection(other: FieldSet): FieldSet {
    return this.#combine((element) => this.members.has(element) && other.members.has(element), (element) => {
      const theirs = other.children.get(element);
      return theirs === undefined ? undefined : this.children.get(element)?.intersection(theirs);
    }, this.#elements());
  }

  /** Takes away exactly the members of `other`; what stands below them stays. */
  difference(other: FieldSet): FieldSet {
    if (other.#isBare) return this;
    return this.#combine((element) => this.members.has(element) && !other.members.has(element), (element) => {
      const theirs = other.children.get(element);
      return theirs === undefined ? this.children.get(element) : this.children.get(element)?.difference(theirs);
    }, this.#elements());
  }

  /** Takes away the members of `other` with everything below them. */
  recursiveDifference(other: FieldSet): FieldSet {
    if (other.#isBare) return this;
    return this.#combine((element) => this.members.has(element) && !other.members.has(element), (element) => {
      if (other.members.has(element)) return undefined;
      const theirs = other.children.get(element);
      return theirs === undefined ? this.children.get(element) : this.children.get(element)?.recursiveDifference(theirs);
    }, this.#elements());
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty;
  }

  /** Quickly, where most of both is shared; false says nothing. */
  isSurely(other: FieldSet): boolean {
    if (this === other) return true;
    if (this.members.size !== other.members.size || this.children.size !== other.children.size) return false;
    for (const element of this.members) if (!other.members.has(element)) return false;
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      if (theirs === undefined || !child.isSurely(theirs)) return false;
    }
    return true;
  }

  /** All member paths, in order. */
  *paths(prefix: readonly PathElement[] = []): Generator<readonly PathElement[]> {
    for (const element of this.#sorted()) {
      const path = [...prefix, element];
      if (this.members.has(element)) yield path;
      const child = this.children.get(element);
      if (child !== undefined) yield* child.paths(path);
    }
  }

  toJson(): JsonObject {
    const json: JsonObject = {};
    for (const element of this.#sorted()) {
      const child = this.children.get(element);
      const below = child === undefined || child.isEmpty ? {} : child.toJson();
      const isMember = this.members.has(element) && Object.keys(below).length > 0;
      setOwn(json, element, isMember ? { '.': {}, ...below } : below);
    }
    return json;
  }
}

function walk(from: FieldSet, path: readonly PathElement[], steps: number): FieldSet {
  let at = from;
  for (let step = 0; step < steps; step += 1) {
    const element = path[step] as PathElement;
    let next = at.children.get(element);
    if (next === undefined) {
      next = new FieldSet();
      at.children.set(element, next);
    }
    at = next;
  }
  return at;
}

/** undefined if it is no fieldsV1. */
export function fieldSetFromJson(json: Json | undefined): FieldSet | undefined {
  if (!isObject(json)) return undefined;
  const set = new FieldSet();
  for (const key of Object.keys(json)) {
    if (key === '.') continue;
    const element = parseElement(key);
    const below = json[key] as Json;
    if (element === undefined || !isObject(below)) return undefined;
    if (Object.keys(below).length === 0 || Object.hasOwn(below, '.')) set.members.add(element);
    const child = fieldSetFromJson(below);
    if (child === undefined) return undefined;
    if (!child.isEmpty) set.children.set(element, child);
  }
  return set;
}

export function fieldSetOf(paths: readonly (readonly string[])[]): FieldSet {
  const set = new FieldSet();
  for (const path of paths) set.insert(path.map((name) => `f:${name}`));
  return set;
}
