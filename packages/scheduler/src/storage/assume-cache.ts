import type { KubeObject, Lister, ObjectKey } from '@coxswain/client';

function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata?.namespace, name: metadata?.name ?? '' };
}

/** Versions are numbers without leading zeros, of any length. */
export function isNewer(a: KubeObject, b: KubeObject): boolean {
  const [left, right] = [a.metadata?.resourceVersion ?? '', b.metadata?.resourceVersion ?? ''];
  return left.length === right.length ? left > right : left.length > right.length;
}

/**
 * Objects as they will be once what was decided has been written. An assumption holds until the API server tells of a newer
 * version of the object, or it is taken back.
 */
export class AssumeCache<T extends KubeObject> {
  readonly #lister: Lister<T>;
  readonly #assumed = new Map<string, T>();

  constructor(lister: Lister<T>) {
    this.#lister = lister;
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
    const text = this.#textOf(reported);
    const assumed = this.#assumed.get(text);
    if (assumed === undefined) return reported;
    if (!isNewer(reported, assumed)) return assumed;
    this.#assumed.delete(text);
    return reported;
  }

  assume(object: T): void {
    this.#assumed.set(this.#textOf(object), object);
  }

  restore(object: T): void {
    this.#assumed.delete(this.#textOf(object));
  }

  #textOf(object: T): string {
    const { namespace = '', name } = keyOf(object);
    return `${namespace}/${name}`;
  }
}
