import type { RoleBinding, RoleRef, Subject } from 'kubernetes-types/rbac/v1';
import { serviceAccountName } from '../authn/users.ts';

/** What one binding gives one of its subjects. */
export interface Bound {
  readonly binding: string;
  readonly roleRef: RoleRef;
  readonly subject: Subject;
}

type Place = readonly [list: Map<string, Bound[]>, name: string];

/** Where a binding belongs, or belongs behind. */
function placeOf(list: readonly Bound[], binding: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as Bound).binding <= binding) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The bindings of one namespace, or of the cluster, by whom they speak of; of each in order of their names, so that decisions name the same one every time. */
export class Bindings {
  readonly #users = new Map<string, Bound[]>();
  readonly #groups = new Map<string, Bound[]>();
  readonly #subjects = new Map<string, readonly Subject[]>();
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  get isEmpty(): boolean {
    return this.#subjects.size === 0;
  }

  ofUser(name: string): readonly Bound[] {
    return this.#users.get(name) ?? [];
  }

  ofGroup(name: string): readonly Bound[] {
    return this.#groups.get(name) ?? [];
  }

  /** undefined: of a kind that is nobody's. */
  #placeOf({ kind, name, namespace = this.#namespace }: Subject): Place | undefined {
    switch (kind) {
      case 'User': return [this.#users, name];
      case 'Group': return [this.#groups, name];
      case 'ServiceAccount': return [this.#users, serviceAccountName(namespace, name)];
      default: return undefined;
    }
  }

  set(binding: string, { roleRef, ...given }: Pick<RoleBinding, 'roleRef' | 'subjects'>): void {
    const subjects = given.subjects ?? [];
    this.delete(binding);
    this.#subjects.set(binding, subjects);
    for (const subject of subjects) {
      const place = this.#placeOf(subject);
      if (place === undefined) continue;
      const [list, name] = place;
      const bound = list.get(name) ?? [];
      list.set(name, bound);
      bound.splice(placeOf(bound, binding), 0, { binding, roleRef, subject });
    }
  }

  delete(binding: string): void {
    for (const subject of this.#subjects.get(binding) ?? []) {
      const place = this.#placeOf(subject);
      if (place === undefined) continue;
      const [list, name] = place;
      const rest = (list.get(name) ?? []).filter((bound) => bound.binding !== binding);
      if (rest.length > 0) list.set(name, rest);
      else list.delete(name);
    }
    this.#subjects.delete(binding);
  }
}
