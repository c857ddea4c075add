import { UsageError } from '@coxswain/service';
import { authenticatedGroup } from '../authn/users.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, UserInfo } from '../types.ts';

/** One line of --authorization-policy-file. */
export interface AbacPolicy {
  readonly user: string;
  readonly group: string;
  readonly readonly: boolean;
  readonly apiGroup: string;
  readonly resource: string;
  readonly namespace: string;
  readonly nonResourcePath: string;
}

const fields: ReadonlySet<string> = new Set(['user', 'group', 'readonly', 'apiGroup', 'resource', 'namespace', 'nonResourcePath']);
type Value = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The star stands for everybody who is known. */
function starred(policy: AbacPolicy): AbacPolicy {
  return policy.user === '*' || policy.group === '*' ? { ...policy, user: '', group: authenticatedGroup } : policy;
}

/** Lines from before there were versions: what they leave out they do not restrict. */
function unversioned(policy: AbacPolicy): AbacPolicy {
  const { user, group, resource, namespace } = policy;
  return starred({
    ...policy, group: user === '' && group === '' ? authenticatedGroup : group, resource: resource || '*', namespace: namespace || '*', apiGroup: '*',
    nonResourcePath: resource === '' && namespace === '' ? '*' : '',
  });
}

export function parseAbacPolicies(path: string, text: string): readonly AbacPolicy[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '' || line.trim().startsWith('#')) return [];
    const wrong = (why: string): UsageError => new UsageError(`error reading policy file ${path}, line ${index + 1}: ${line}: ${why}`);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw wrong(error instanceof Error ? error.message : String(error));
    }
    if (!isObject(value)) throw wrong('must be an object');
    const read = (from: Value): AbacPolicy => {
      const unknown = Object.keys(from).find((name) => !fields.has(name));
      if (unknown !== undefined) throw wrong(`unknown field ${JSON.stringify(unknown)}`);
      const textOf = (name: string): string => {
        const found = from[name] ?? '';
        if (typeof found !== 'string') throw wrong(`${name} must be a string`);
        return found;
      };
      return { user: textOf('user'), group: textOf('group'), readonly: from['readonly'] === true, apiGroup: textOf('apiGroup'), resource: textOf('resource'), namespace: textOf('namespace'), nonResourcePath: textOf('nonResourcePath') };
    };
    if (value['kind'] === undefined && value['apiVersion'] === undefined) return [unversioned(read(value))];
    if (value['kind'] !== 'Policy' || value['apiVersion'] !== 'abac.authorization.kubernetes.io/v1beta1') throw wrong('must be a Policy of abac.authorization.kubernetes.io/v1beta1');
    const spec = value['spec'] ?? {};
    if (!isObject(spec)) throw wrong('spec must be an object');
    return [starred(read(spec))];
  });
}

function isOf({ user, group }: AbacPolicy, who: UserInfo): boolean {
  if (user !== '' && user !== who.name) return false;
  if (group !== '' && !who.groups.includes(group)) return false;
  return user !== '' || group !== '';
}

const readOnlyVerbs: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

function covers(policy: AbacPolicy, a: AuthorizationAttributes): boolean {
  const either = (wanted: string, given: string): boolean => wanted === '*' || wanted === given;
  if (a.isResourceRequest) return either(policy.namespace, a.namespace) && either(policy.resource, a.resource) && either(policy.apiGroup, a.group);
  return either(policy.nonResourcePath, a.path) || (policy.nonResourcePath.endsWith('*') && a.path.startsWith(policy.nonResourcePath.replace(/\*+$/, '')));
}

export function abacAuthorizer(policies: readonly AbacPolicy[]): Authorizer {
  return {
    name: 'ABAC',
    authorize(a): Promise<AuthorizationDecision> {
      const found = policies.some((policy) => isOf(policy, a.user) && (!policy.readonly || readOnlyVerbs.has(a.verb)) && covers(policy, a));
      return Promise.resolve(found ? { decision: 'allow', reason: '' } : { decision: 'no-opinion', reason: 'No policy matched.' });
    },
  };
}
