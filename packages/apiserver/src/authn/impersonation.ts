import { badRequest } from '@coxswain/api';
import { header, type HttpRequest } from '@coxswain/host';
import type { AuthorizationAttributes, UserInfo } from '../types.ts';
import { anonymousName, authenticatedGroup, parseServiceAccountName, serviceAccountGroups, unauthenticatedGroup, user } from './users.ts';

const extraPrefix = 'impersonate-extra-';

interface Asked {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function values(request: HttpRequest, name: string): readonly string[] {
  const value = request.headers[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

function asked(request: HttpRequest): Asked | undefined {
  const name = header(request.headers, 'impersonate-user') ?? '';
  const uid = header(request.headers, 'impersonate-uid') ?? '';
  const groups = values(request, 'impersonate-group');
  const extra: Record<string, readonly string[]> = {};
  for (const key of Object.keys(request.headers)) {
    if (key.startsWith(extraPrefix)) extra[decodeExtraKey(key.slice(extraPrefix.length))] = values(request, key);
  }
  if (name === '' && uid === '' && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  // Upstream takes this mistake of a client for one of its own, and answers 500.
  if (name === '') throw badRequest(`requested [${claims({ name, uid, groups, extra }).join(' ')}] without impersonating a user`);
  return { name, uid, groups, extra };
}

/** As Go prints references: kind, namespace, name, uid, apiVersion, resourceVersion and fieldPath. */
function claims({ uid, groups, extra }: Asked): string[] {
  return [
    ...groups.map((name) => `{Group  ${name}    }`),
    ...Object.entries(extra).flatMap(([key, all]) => all.map((value) => `{UserExtra  ${value}  authentication.k8s.io/v1  ${key}}`)),
    ...(uid === '' ? [] : [`{UID  ${uid}  authentication.k8s.io/v1  }`]),
  ];
}

/** What is no encoding stands for itself. */
export function decodeExtraKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** One check for each thing claimed: `impersonate` on users, serviceaccounts, groups, uids and userextras/KEY. */
function* checks(who: UserInfo, claim: Asked): Generator<AuthorizationAttributes> {
  const base = { user: who, verb: 'impersonate', isResourceRequest: true, path: '', group: '', version: '', subresource: '', namespace: '' };
  const account = parseServiceAccountName(claim.name);
  yield account === undefined ? { ...base, resource: 'users', name: claim.name } : { ...base, resource: 'serviceaccounts', namespace: account.namespace, name: account.name };
  for (const group of claim.groups) yield { ...base, resource: 'groups', name: group };
  for (const [key, all] of Object.entries(claim.extra)) {
    for (const value of all) yield { ...base, group: 'authentication.k8s.io', version: 'v1', resource: 'userextras', subresource: key, name: value };
  }
  if (claim.uid !== '') yield { ...base, group: 'authentication.k8s.io', version: 'v1', resource: 'uids', name: claim.uid };
}

function claimedUser(claim: Asked): UserInfo {
  const account = parseServiceAccountName(claim.name);
  const groups = claim.groups.length === 0 && account !== undefined ? [...serviceAccountGroups(account.namespace)] : [...claim.groups];
  const known = groups.includes(unauthenticatedGroup) || (claim.name !== anonymousName && groups.includes(authenticatedGroup));
  if (!known) groups.push(claim.name === anonymousName ? unauthenticatedGroup : authenticatedGroup);
  return user(claim.name, claim.uid, groups, claim.extra);
}

export function impersonation(require: (attributes: AuthorizationAttributes) => Promise<void>): (request: HttpRequest, who: UserInfo) => Promise<UserInfo> {
  return async (request, who) => {
    const claim = asked(request);
    if (claim === undefined) return who;
    for (const check of checks(who, claim)) await require(check);
    return claimedUser(claim);
  };
}
