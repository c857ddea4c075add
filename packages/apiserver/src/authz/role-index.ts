import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from 'kubernetes-types/rbac/v1';
import { serviceAccountName } from '../authn/users.ts';
import { typed, typedOrNone } from '../typed.ts';
import type { CacheReader, UserInfo } from '../types.ts';

const group = 'rbac.authorization.k8s.io';

/** Rules that one binding gives to one subject. */
export interface Grant {
  readonly rules: readonly PolicyRule[];
  /** `RBAC: allowed by …` ends so; most grants are never asked. */
  readonly because: () => string;
}

interface Bound {
  readonly binding: ClusterRoleBinding | RoleBinding;
  readonly subject: Subject;
}

/** '' is the cluster. */
type SubjectIndex = Map<string, Map<string, Bound[]>>;

function subjectKey(subject: Subject, bindingNamespace: string): string {
  if (subject.kind === 'ServiceAccount') return `User:${serviceAccountName(subject.namespace ?? bindingNamespace, subject.name)}`;
  return `${subject.kind}:${subject.name}`;
}

/** Which bindings speak of a user, found by name and groups rather than by going through all of them. */
export class RoleIndex {
  readonly #cache: CacheReader;
  readonly #known: Promise<void>;
  #index: SubjectIndex | undefined;
  #isKnown = false;

  constructor(cache: CacheReader) {
    this.#cache = cache;
    for (const resource of ['clusterrolebindings', 'rolebindings']) cache.onChange(group, resource, () => { this.#index = undefined; });
    // Begun to be cached now, or the first requests would be told of roles that are not found.
    for (const resource of ['clusterroles', 'roles']) cache.list(group, resource);
    this.#known = cache.whenReady().then(() => {
      // An index made before the first list is of nothing.
      this.#index = undefined;
      this.#isKnown = true;
    });
  }

  /** Roles and bindings have been read once; until then grants may be missing, never too many. */
  get isKnown(): boolean { return this.#isKnown; }
  whenKnown(): Promise<void> { return this.#known; }

  #build(): SubjectIndex {
    const index: SubjectIndex = new Map();
    const bindings = [...this.#cache.list(group, 'clusterrolebindings'), ...this.#cache.list(group, 'rolebindings')];
    for (const object of bindings) {
      const binding = typed<RoleBinding>(object);
      const namespace = binding.metadata?.namespace ?? '';
      const bySubject = index.get(namespace) ?? new Map<string, Bound[]>();
      index.set(namespace, bySubject);
      for (const subject of binding.subjects ?? []) {
        const key = subjectKey(subject, namespace);
        bySubject.set(key, [...(bySubject.get(key) ?? []), { binding, subject }]);
      }
    }
    return index;
  }

  #boundTo(user: UserInfo, namespace: string): Bound[] {
    this.#index ??= this.#build();
    const bySubject = this.#index.get(namespace);
    if (bySubject === undefined) return [];
    return [`User:${user.name}`, ...user.groups.map((name) => `Group:${name}`)].flatMap((key) => bySubject.get(key) ?? []);
  }

  /** Undefined if the role does not exist. */
  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    const role = roleRef.kind === 'ClusterRole'
      ? typedOrNone<ClusterRole>(this.#cache.get(group, 'clusterroles', '', roleRef.name))
      : typedOrNone<Role>(this.#cache.get(group, 'roles', namespace, roleRef.name));
    return role === undefined ? undefined : (role.rules ?? []);
  }

  /** Cluster-wide grants first, then those of the namespace. Missing roles are told to `missing`. */
  *grants(user: UserInfo, namespace: string, missing: (text: string) => void = () => {}): Generator<Grant> {
    for (const scope of namespace === '' ? [''] : ['', namespace]) {
      for (const bound of this.#boundTo(user, scope)) {
        const { roleRef } = bound.binding;
        const rules = this.rulesOf(roleRef, scope);
        if (rules === undefined) missing(`${roleRef.kind.toLowerCase()}.${group} ${JSON.stringify(roleRef.name)} not found`);
        else yield { rules, because: () => because(bound, scope) };
      }
    }
  }
}

function because({ binding, subject }: Bound, namespace: string): string {
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  const name = binding.metadata?.name ?? '';
  const shown = namespace === '' ? name : `${name}/${namespace}`;
  const account = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? namespace}` : subject.name;
  return `${kind} ${JSON.stringify(shown)} of ${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)} to ${subject.kind} ${JSON.stringify(account)}`;
}
