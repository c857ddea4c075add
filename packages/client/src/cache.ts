import { keyOf, keyOfObject } from './key.ts';
import { selectorMatches } from './selector.ts';
import type { KubeObject, Lister, ObjectKey } from './types.ts';

interface Index<T> {
  readonly values: (object: T) => readonly string[];
  readonly keys: Map<string, Set<string>>;
}

const namespaceIndex = 'namespace';

/** The store behind a Lister: objects by key, and any number of indexes over them. */
export class Cache<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor() {
    this.addIndex(namespaceIndex, (object) => [object.metadata?.namespace ?? '']);
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    const index = { values, keys: new Map<string, Set<string>>() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) this.#put(index, key, object);
  }

  #put(index: Index<T>, key: string, object: T): void {
    for (const value of index.values(object)) {
      const keys = index.keys.get(value);
      if (keys === undefined) index.keys.set(value, new Set([key]));
      else keys.add(key);
    }
  }

  #drop(index: Index<T>, key: string, object: T): void {
    for (const value of index.values(object)) {
      const keys = index.keys.get(value);
      keys?.delete(key);
      if (keys?.size === 0) index.keys.delete(value);
    }
  }

  /** Answers what stood there before. */
  set(object: T): T | undefined {
    const key = keyOfObject(object);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (before !== undefined) this.#drop(index, key, before);
      this.#put(index, key, object);
    }
    return before;
  }

  remove(key: string): T | undefined {
    const before = this.#objects.get(key);
    if (before === undefined) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) this.#drop(index, key, before);
    return before;
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  getByKey(key: string): T | undefined {
    return this.#objects.get(key);
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyOf(key));
  }

  list(options: Parameters<Lister<T>['list']>[0] = {}): readonly T[] {
    const all = options.namespace === undefined || options.namespace === '' ? [...this.#objects.values()] : this.byIndex(namespaceIndex, options.namespace);
    const { selector } = options;
    return selector === undefined ? all : all.filter((object) => selectorMatches(selector, object.metadata?.labels));
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`no index named ${index}`);
    const out: T[] = [];
    for (const key of found.keys.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) out.push(object);
    }
    return out;
  }

  get size(): number {
    return this.#objects.size;
  }
}
