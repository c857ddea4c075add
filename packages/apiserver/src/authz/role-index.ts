import { append } from '@coxswain/host';
import type { ClusterRole, PolicyRule, RoleBinding, RoleRef } from 'kubernetes-types/rbac/v1';
import { typed } from '../typed.ts';
import type { CacheChange, CacheReader, UserInfo } from '../types.ts';
import { Bindings, type Bound } from './bindings.ts';

const group = 'rbac.authorization.k8s.io';

/** What one binding gives one of its subjects; undefined rules: its role does not exist. False: the next is not wanted. */
export type GrantVisitor = (rules: readonly PolicyRule[] | undefined, bound: Bound, namespace: string) => boolean;

/**
 * Which bindings speak of a user and what their roles allow, found by name and groups rather than by going through all of them. Follows the
 * watch cache change by change: what one binding costs does not grow with the others.
 */
export class RoleIndex {
  readonly #known: Promise<void>;
  /** By namespace; '' is the cluster. */
  readonly #bindings = new Map<string, Bindings>();
  readonly #rules = new Map<string, Map<string, readonly PolicyRule[]>>();
  #isKnown = false;

  constructor(cache: CacheReader) {
    for (const resource of ['clusterrolebindings', 'rolebindings']) cache.onChange(group, resource, (change) => this.#bind(change), { known: true });
    for (const resource of ['clusterroles', 'roles']) cache.onChange(group, resource, (change) => this.#define(change), { known: true });
    this.#known = cache.whenReady().then(() => { this.#isKnown = true; });
  }

  /** Roles and bindings have been read once; until then grants may be missing, never too many. */
  get isKnown(): boolean { return this.#isKnown; }
  whenKnown(): Promise<void> { return this.#known; }

  #bind(change: CacheChange): void {
    const { type, namespace, name } = change;
    const bindings = this.#bindings.get(namespace) ?? new Bindings(namespace);
    if (type === 'DELETED') bindings.delete(name);
    else bindings.set(name, typed<RoleBinding>(change.object));
    if (bindings.isEmpty) this.#bindings.delete(namespace);
    else this.#bindings.set(namespace, bindings);
  }

  #define(change: CacheChange): void {
    const { type, namespace, name } = change;
    const rules = this.#rules.get(namespace) ?? new Map<string, readonly PolicyRule[]>();
    if (type === 'DELETED') rules.delete(name);
    else rules.set(name, typed<ClusterRole>(change.object).rules ?? []);
    if (rules.size === 0) this.#rules.delete(namespace);
    else this.#rules.set(namespace, rules);
  }

  /** Undefined if the role does not exist. */
  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    if (roleRef.kind !== 'ClusterRole' && namespace === '') return undefined;
    return this.#rules.get(roleRef.kind === 'ClusterRole' ? '' : namespace)?.get(roleRef.name);
  }

  /** Cluster-wide grants first, then those of the namespace. Nothing is made for a grant: every request goes through here. */
  visit(user: UserInfo, namespace: string, visitor: GrantVisitor): void {
    if (this.#visitAll(user, '', visitor) && namespace !== '') this.#visitAll(user, namespace, visitor);
  }

  #visitAll(user: UserInfo, scope: string, visitor: GrantVisitor): boolean {
    const bindings = this.#bindings.get(scope);
    if (bindings === undefined) return true;
    if (!this.#visitList(bindings.ofUser(user.name), scope, visitor)) return false;
    for (const name of user.groups) if (!this.#visitList(bindings.ofGroup(name), scope, visitor)) return false;
    return true;
  }

  #visitList(list: readonly Bound[], scope: string, visitor: GrantVisitor): boolean {
    for (const bound of list) if (!visitor(this.rulesOf(bound.roleRef, scope), bound, scope)) return false;
    return true;
  }

  /** All rules of a user. Missing roles are told to `missing`. */
  rulesFor(user: UserInfo, namespace: string, missing: (text: string) => void = () => {}): PolicyRule[] {
    const found: PolicyRule[] = [];
    this.visit(user, namespace, (rules, bound) => {
      if (rules === undefined) missing(notFound(bound));
      else append(found, rules);
      return true;
    });
    return found;
  }
}

export function notFound({ roleRef }: Bound): string {
  return `${roleRef.kind.toLowerCase()}.${group} ${JSON.stringify(roleRef.name)} not found`;
}

/** `RBAC: allowed by …` ends so. */
export function because({ binding, roleRef, subject }: Bound, namespace: string): string {
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  const shown = namespace === '' ? binding : `${binding}/${namespace}`;
  const account = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? namespace}` : subject.name;
  return `${kind} ${JSON.stringify(shown)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subject.kind} ${JSON.stringify(account)}`;
}
