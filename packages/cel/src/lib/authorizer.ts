import { overload, type FunctionDecl } from '../functions.ts';
import type { AuthorizerAttributes, AuthorizerDecision } from '../types.ts';
import { CelError, OpaqueValue, type CelValue } from '../values.ts';

const prefix = 'kubernetes.authorization.';
const authorizerType = `${prefix}Authorizer`;
const resourceCheckType = `${prefix}ResourceCheck`;
const pathCheckType = `${prefix}PathCheck`;
const groupCheckType = `${prefix}GroupCheck`;
const decisionType = `${prefix}Decision`;

type ServiceAccount = { readonly namespace: string; readonly name: string } | undefined;

abstract class Part extends OpaqueValue {
  equals(other: CelValue): boolean {
    return this === other;
  }
}

/** Whoever is asked about: the request's user, or a service account. */
export class AuthorizerValue extends Part {
  readonly typeName = authorizerType;
  readonly serviceAccount: ServiceAccount;
  constructor(serviceAccount?: ServiceAccount) {
    super();
    this.serviceAccount = serviceAccount;
  }
}

class PathCheck extends Part {
  readonly typeName = pathCheckType;
  readonly serviceAccount: ServiceAccount;
  readonly path: string;
  constructor(serviceAccount: ServiceAccount, path: string) {
    super();
    this.serviceAccount = serviceAccount;
    this.path = path;
  }
}

class GroupCheck extends Part {
  readonly typeName = groupCheckType;
  readonly serviceAccount: ServiceAccount;
  readonly group: string;
  constructor(serviceAccount: ServiceAccount, group: string) {
    super();
    this.serviceAccount = serviceAccount;
    this.group = group;
  }
}

export type ResourceQuestion = Omit<AuthorizerAttributes, 'verb' | 'isResourceRequest' | 'path'>;

export class ResourceCheck extends Part {
  readonly typeName = resourceCheckType;
  readonly question: ResourceQuestion;
  constructor(question: ResourceQuestion) {
    super();
    this.question = question;
  }
}

class Decision extends Part {
  readonly typeName = decisionType;
  readonly decision: AuthorizerDecision;
  constructor(decision: AuthorizerDecision) {
    super();
    this.decision = decision;
  }
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function serviceAccount(namespace: string, name: string): CelValue {
  if (name.length > 253 || !subdomain.test(name)) return new CelError('Invalid service account name');
  if (namespace.length > 63 || !label.test(namespace)) return new CelError('Invalid service account namespace');
  return new AuthorizerValue({ namespace, name });
}

const account = (of: ServiceAccount): { readonly serviceAccount?: { readonly namespace: string; readonly name: string } } => (of === undefined ? {} : { serviceAccount: of });

const refine = (name: string, id: string, field: keyof ResourceQuestion): FunctionDecl => ({
  name, overloads: [overload(id, `.(${resourceCheckType}, string) -> ${resourceCheckType}`, ([check, value]) => new ResourceCheck({ ...(check as ResourceCheck).question, [field]: value }))],
});

const accessor = (name: string, id: string, result: string, run: (decision: AuthorizerDecision) => CelValue): FunctionDecl => ({
  name, overloads: [overload(id, `.(${decisionType}) -> ${result}`, ([value]) => run((value as Decision).decision))],
});

const isBlank = (text: string): boolean => text.trim() === '';

export const authorizerFunctions: readonly FunctionDecl[] = [
  {
    name: 'path', overloads: [overload('authorizer_path', `.(${authorizerType}, string) -> ${pathCheckType}`,
      ([of, path]) => (isBlank(path as string) ? new CelError('path must not be empty') : new PathCheck((of as AuthorizerValue).serviceAccount, path as string)))],
  },
  { name: 'group', overloads: [overload('authorizer_group', `.(${authorizerType}, string) -> ${groupCheckType}`, ([of, group]) => new GroupCheck((of as AuthorizerValue).serviceAccount, group as string))] },
  { name: 'serviceAccount', overloads: [overload('authorizer_serviceaccount', `.(${authorizerType}, string, string) -> ${authorizerType}`, ([, namespace, name]) => serviceAccount(namespace as string, name as string))] },
  {
    name: 'resource', overloads: [overload('groupcheck_resource', `.(${groupCheckType}, string) -> ${resourceCheckType}`, ([of, resource]) => {
      if (isBlank(resource as string)) return new CelError('resource must not be empty');
      const { serviceAccount: who, group } = of as GroupCheck;
      return new ResourceCheck({ ...account(who), group, resource: resource as string, subresource: '', namespace: '', name: '' });
    })],
  },
  refine('subresource', 'resourcecheck_subresource', 'subresource'),
  refine('namespace', 'resourcecheck_namespace', 'namespace'),
  refine('name', 'resourcecheck_name', 'name'),
  refine('fieldSelector', 'authorizer_fieldselector', 'fieldSelector'),
  refine('labelSelector', 'authorizer_labelselector', 'labelSelector'),
  {
    name: 'check', overloads: [
      overload('pathcheck_check', `.(${pathCheckType}, string) -> ${decisionType}`, ([check, verb], { ask }) => {
        const { serviceAccount: who, path } = check as PathCheck;
        return new Decision(ask({ ...account(who), verb: verb as string, isResourceRequest: false, path, group: '', resource: '', subresource: '', namespace: '', name: '' }));
      }),
      overload('resourcecheck_check', `.(${resourceCheckType}, string) -> ${decisionType}`, ([check, verb], { ask }) =>
        new Decision(ask({ ...(check as ResourceCheck).question, verb: verb as string, isResourceRequest: true, path: '' }))),
    ],
  },
  accessor('allowed', 'decision_allowed', 'bool', ({ allowed }) => allowed),
  accessor('reason', 'decision_reason', 'string', ({ reason }) => reason),
  accessor('errored', 'decision_errored', 'bool', ({ error }) => error !== undefined),
  accessor('error', 'decision_error', 'string', ({ error }) => error ?? ''),
];
