import type { UserInfo } from '../types.ts';

export const authenticatedGroup = 'system:authenticated';
export const unauthenticatedGroup = 'system:unauthenticated';
export const anonymousName = 'system:anonymous';
export const mastersGroup = 'system:masters';
export const nodesGroup = 'system:nodes';
export const credentialIdKey = 'authentication.kubernetes.io/credential-id';

const serviceAccountPrefix = 'system:serviceaccount:';
const nodePrefix = 'system:node:';

export function user(name: string, uid: string, groups: readonly string[], extra: UserInfo['extra'] = {}): UserInfo {
  return { name, uid, groups, extra };
}

export function withAuthenticatedGroup(who: UserInfo): UserInfo {
  const known = who.groups.includes(authenticatedGroup) || who.groups.includes(unauthenticatedGroup) || who.name === anonymousName;
  return known ? who : { ...who, groups: [...who.groups, authenticatedGroup] };
}

export function serviceAccountName(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

function isLabel(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text);
}

function isSubdomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every((part) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(part));
}

/** Undefined if the user name is not a service account's. */
export function parseServiceAccountName(userName: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!userName.startsWith(serviceAccountPrefix)) return undefined;
  const parts = userName.slice(serviceAccountPrefix.length).split(':');
  const [namespace, name] = parts;
  if (parts.length !== 2 || !namespace || !name || !isLabel(namespace) || !isSubdomain(name)) return undefined;
  return { namespace, name };
}

/** The node that a kubelet speaks for; undefined for everybody else. */
export function nodeOfUser(who: UserInfo): string | undefined {
  if (!who.name.startsWith(nodePrefix) || !who.groups.includes(nodesGroup)) return undefined;
  return who.name.slice(nodePrefix.length) || undefined;
}
