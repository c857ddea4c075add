import { invalid, type ApiResource, type FieldError } from '@coxswain/api';
import { resource as resourceType, type KubeObject } from '@coxswain/client';
import type { Lookup } from '../live-lookup.ts';
import { typed, typedOrNone } from '../typed.ts';
import { mastersGroup } from '../authn/users.ts';
import type { AuthorizationAttributes, Authorizer, RegistryWrite, UserInfo, WriteHook } from '../types.ts';

const group = 'admissionregistration.k8s.io';
const done = (): Promise<void> => Promise.resolve();

interface ParamKind { readonly apiVersion?: string; readonly kind?: string }
interface ParamRef { readonly name?: string; readonly namespace?: string }
interface Policy extends KubeObject { readonly spec?: { readonly paramKind?: ParamKind } }
interface Binding extends KubeObject { readonly spec?: { readonly policyName?: string; readonly paramRef?: ParamRef } }

interface Scope { readonly group: string; readonly version: string; readonly resource: string }

export interface ParamRightsTools {
  readonly authorizer: Authorizer;
  readonly lookup: Lookup;
  readonly resourcesNow: () => readonly ApiResource[];
}

/** Go's way of printing a user, as the original's messages have it. */
function goText({ name, uid, groups, extra }: UserInfo): string {
  const extras = Object.entries(extra ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, values]) => `${key}:[${values.join(' ')}]`);
  return `&{${name} ${uid} [${groups.join(' ')}] map[${extras.join(' ')}]}`;
}

function forbiddenAt(field: string, why: string): FieldError {
  return { type: 'Forbidden', field, message: `Forbidden: ${why}` };
}

/** What a kind stands for, as far as it is known: what is not is every group, version or resource. undefined: no such text can be stored. */
function scopeOf({ apiVersion = '', kind = '' }: ParamKind, resources: readonly ApiResource[]): Scope | undefined {
  const [first = '', second, ...more] = apiVersion.split('/');
  if (apiVersion === '' || kind === '' || more.length > 0) return undefined;
  const [apiGroup, version] = second === undefined ? ['', first] : [first, second];
  const found = resources.find((one) => one.group === apiGroup && one.version === version && one.kind === kind);
  return { group: apiGroup, version, resource: found?.resource ?? '*' };
}

async function may(authorizer: Authorizer, user: UserInfo, verb: 'get' | 'list', scope: Scope, at: ParamRef): Promise<boolean> {
  const attributes: AuthorizationAttributes = { ...scope, user, verb, namespace: at.namespace ?? '', name: at.name ?? '', isResourceRequest: true, path: '', subresource: '' };
  return (await authorizer.authorize(attributes)).decision === 'allow';
}

/** Whoever names a kind of parameters must be able to read all of it: a policy's answers would tell what is in them. */
async function checkPolicy(tools: ParamRightsTools, kind: string, write: RegistryWrite): Promise<void> {
  const policy = typed<Policy>(write.object);
  const paramKind = policy.spec?.paramKind;
  const before = typedOrNone<Policy>(write.oldObject)?.spec?.paramKind;
  if (paramKind === undefined || (before !== undefined && before.apiVersion === paramKind.apiVersion && before.kind === paramKind.kind)) return;
  const scope = scopeOf(paramKind, tools.resourcesNow());
  if (scope === undefined || await may(tools.authorizer, write.user, 'get', scope, { name: '*', namespace: '*' })) return;
  const why = `user ${goText(write.user)} must have "get" permission on all objects of the referenced paramKind (kind=${paramKind.kind}, apiVersion=${paramKind.apiVersion})`;
  throw invalid({ group, kind }, policy.metadata?.name ?? '', [forbiddenAt('spec.paramKind', why)]);
}

function sameRef(a: Binding, b: Binding): boolean {
  return a.spec?.policyName === b.spec?.policyName && JSON.stringify(a.spec?.paramRef) === JSON.stringify(b.spec?.paramRef);
}

/** Whoever points a policy at a parameter must be able to read that one. */
async function checkBinding(tools: ParamRightsTools, kind: string, policies: string, write: RegistryWrite, version: string): Promise<void> {
  const binding = typed<Binding>(write.object);
  const before = typedOrNone<Binding>(write.oldObject);
  const { paramRef, policyName = '' } = binding.spec ?? {};
  if (paramRef === undefined || (before !== undefined && sameRef(before, binding))) return;
  const policy = policyName === '' ? undefined : await tools.lookup(resourceType<Policy>(group, version, policies, kind, false), '', policyName);
  const paramKind = policy?.spec?.paramKind;
  const everything: Scope = { group: '*', version: '*', resource: '*' };
  const verb = (paramRef.name ?? '') === '' ? 'list' : 'get';
  const scope = paramKind === undefined ? everything : (scopeOf(paramKind, tools.resourcesNow()) ?? everything);
  if (await may(tools.authorizer, write.user, verb, scope, paramRef)) return;
  const user = goText(write.user);
  const unlimited = `to determine minimum required permissions and user ${user} does not have "${verb}" permission for all groups, versions and resources`;
  let why = `user ${user} does not have "${verb}" permission on the object referenced by paramRef`;
  if (policy === undefined) why = `unable to get policy ${policyName} ${unlimited}`;
  else if (paramKind !== undefined && scope.resource === '*') why = `unable to resolve paramKind &{${paramKind.apiVersion} ${paramKind.kind}} ${unlimited}`;
  throw invalid({ group, kind }, binding.metadata?.name ?? '', [forbiddenAt('spec.paramRef', why)]);
}

function hook(resource: string, check: (write: RegistryWrite) => Promise<void>): WriteHook {
  return {
    group, resource,
    async begin(write) {
      if (write.operation !== 'DELETE' && !write.user.groups.includes(mastersGroup)) await check(write);
      return done;
    },
  };
}

/** Policies of admission read their parameters with the server's rights; so their writers must have those rights themselves. */
export function paramRightsHooks(tools: ParamRightsTools): readonly WriteHook[] {
  return [
    hook('validatingadmissionpolicies', (write) => checkPolicy(tools, 'ValidatingAdmissionPolicy', write)),
    hook('mutatingadmissionpolicies', (write) => checkPolicy(tools, 'MutatingAdmissionPolicy', write)),
    hook('validatingadmissionpolicybindings', (write) => checkBinding(tools, 'ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicies', write, 'v1')),
    hook('mutatingadmissionpolicybindings', (write) => checkBinding(tools, 'MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicies', write, 'v1alpha1')),
  ];
}
