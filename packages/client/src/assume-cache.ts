import { keyOfObject, objectKey } from './key.ts';
import type { KubeObject, Lister, ObjectKey } from './types.ts';

/** Versions are numbers without leading zeros, of any length. */
export function isNewer(a: KubeObject, b: KubeObject): boolean {
  const [left, right] = [a.metadata?.resourceVersion ?? '', b.metadata?.resourceVersion ?? ''];
  return left.length === right.length ? left > right : left.length > right.length;
}

interface Assumption<T> {
  readonly object: T;
  /** It is what the server answered: a report of the same version says the same. */
  readonly written: boolean;
}

/**
 * Objects as they will be once what was decided has been written. An assumption holds until the API server tells of a newer
 * version of the object, or it is taken back; what was written already, until the cache shows it.
 */
export class AssumeCache<T extends KubeObject> {
  readonly #lister: Lister<T>;
  readonly #assumed = new Map<string, Assumption<T>>();
  readonly #changed: (object: T, before: T | undefined) => void;

  /** `changed`: what `get` answers for an object, `before` so far, may differ from now on, for another reason than that the lister's does. */
  constructor(lister: Lister<T>, changed: (object: T, before: T | undefined) => void = () => undefined) {
    this.#lister = lister;
    this.#changed = changed;
  }

  get(key: ObjectKey): T | undefined {
    const reported = this.#lister.get(key);
    return reported === undefined ? undefined : this.over(reported);
  }

  /** Without assumptions. */
  reported(key: ObjectKey): T | undefined {
    return this.#lister.get(key);
  }

  /** What is assumed of an object that was reported; ends an assumption that it outdates. */
  over(reported: T): T {
    if (this.#assumed.size === 0) return reported;
    const key = keyOfObject(reported);
    const assumed = this.#assumed.get(key);
    if (assumed === undefined) return reported;
    const outdated = assumed.written ? !isNewer(assumed.object, reported) : isNewer(reported, assumed.object);
    if (!outdated) return assumed.object;
    this.#assumed.delete(key);
    this.#changed(reported, assumed.object);
    return reported;
  }

  assume(object: T): void {
    const before = this.get(objectKey(object));
    this.#assumed.set(keyOfObject(object), { object, written: false });
    this.#changed(object, before);
  }

  /** In place of what was assumed before. */
  wrote(object: T): void {
    const before = this.get(objectKey(object));
    this.#assumed.set(keyOfObject(object), { object, written: true });
    this.#changed(object, before);
    const reported = this.#lister.get(objectKey(object));
    if (reported !== undefined) this.over(reported);
  }

  restore(object: T): void {
    const before = this.get(objectKey(object));
    if (this.#assumed.delete(keyOfObject(object))) this.#changed(object, before);
  }
}
