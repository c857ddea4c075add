import { badRequest, forbidden, type JsonObject } from '@coxswain/api';
import { rfc3339Seconds, type Clock } from '@coxswain/host';
import type { NonResourceAttributes, SelfSubjectRulesReview, SubjectAccessReview } from 'kubernetes-types/authorization/v1';
import type { TokenReview } from 'kubernetes-types/authentication/v1';
import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import type { TokenAuthenticator } from '../authn/bearer.ts';
import { user, withAuthenticatedGroup } from '../authn/users.ts';
import { typed, untyped } from '../typed.ts';
import type { AuthorizationAttributes, Authorizer, CreateHandler, ResourceRequest, UserInfo } from '../types.ts';
import type { RoleIndex } from './role-index.ts';
import { reviewedSelectors, type ReviewedResource } from './review-selectors.ts';
import { invalidReview } from './review-validation.ts';

export interface ReviewParts {
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly tokens: TokenAuthenticator;
  readonly apiAudiences: readonly string[];
  readonly index: RoleIndex;
  /** Of the kubelets, if the Node authorizer is on. */
  readonly rulesOfUser: (who: UserInfo) => readonly PolicyRule[];
}

type Create = (request: ResourceRequest, body: JsonObject) => Promise<JsonObject>;

function handler(group: string, resource: string, create: Create): CreateHandler {
  return { group, resource, subresource: '', create: async (request, body) => ({ status: 201, object: await create(request, body) }) };
}

/** Reviews are answered, never stored: metadata comes back as it was sent, with the empty creation time that Go writes. */
function answer(body: JsonObject, status: object, namespace = ''): JsonObject {
  const { namespace: _sent, ...metadata } = (typeof body['metadata'] === 'object' && body['metadata'] !== null && !Array.isArray(body['metadata']) ? body['metadata'] : {});
  return { ...body, metadata: { ...metadata, ...(namespace === '' ? {} : { namespace }), creationTimestamp: null }, status: untyped(status) };
}

interface AccessQuestion {
  readonly resourceAttributes?: ReviewedResource;
  readonly nonResourceAttributes?: NonResourceAttributes;
}

/** Attributes and what is wrong with their selectors. */
function attributesOf(spec: AccessQuestion, who: UserInfo): { readonly attributes: AuthorizationAttributes; readonly problems: readonly string[] } {
  const { resourceAttributes: r, nonResourceAttributes: n } = spec;
  const { selectors, problems } = reviewedSelectors(r);
  return {
    problems,
    attributes: {
      user: who, verb: (r ?? n)?.verb ?? '', isResourceRequest: r !== undefined, path: n?.path ?? '',
      group: r?.group ?? '', version: r?.version ?? '', resource: r?.resource ?? '', subresource: r?.subresource ?? '', namespace: r?.namespace ?? '', name: r?.name ?? '', ...selectors,
    },
  };
}

async function accessStatus(authorizer: Authorizer, spec: AccessQuestion, who: UserInfo): Promise<object> {
  const { attributes, problems } = attributesOf(spec, who);
  const { decision, reason, error } = await authorizer.authorize(attributes);
  const errors = [...(error === undefined ? [] : [error]), ...problems];
  const evaluationError = errors.length > 1 ? `[${errors.join(', ')}]` : errors[0];
  return { allowed: decision === 'allow', ...(decision === 'deny' ? { denied: true } : {}), ...(reason === '' ? {} : { reason }), ...(evaluationError === undefined ? {} : { evaluationError }) };
}

function subjectAccess(parts: ReviewParts, resource: 'subjectaccessreviews' | 'localsubjectaccessreviews'): CreateHandler {
  return handler('authorization.k8s.io', resource, async (request, body) => {
    const review = typed<SubjectAccessReview>(body);
    const local = resource === 'localsubjectaccessreviews';
    invalidReview(review, local ? { namespace: request.info.namespace } : {});
    const extra = Object.fromEntries(Object.entries(review.spec.extra ?? {}).map(([key, values]) => [key.toLowerCase(), values as unknown as string[]]));
    const who = user(review.spec.user ?? '', review.spec.uid ?? '', review.spec.groups ?? [], extra);
    return answer(body, await accessStatus(parts.authorizer, review.spec, who), local ? request.info.namespace : '');
  });
}

function selfSubjectAccess(parts: ReviewParts): CreateHandler {
  return handler('authorization.k8s.io', 'selfsubjectaccessreviews', async (request, body) => {
    const review = typed<SubjectAccessReview>(body);
    invalidReview(review, { self: true });
    return answer(body, await accessStatus(parts.authorizer, review.spec, request.user));
  });
}

function selfSubjectRules(parts: ReviewParts): CreateHandler {
  return handler('authorization.k8s.io', 'selfsubjectrulesreviews', (request, body) => {
    const { namespace = '' } = typed<SelfSubjectRulesReview>(body).spec;
    if (namespace === '') throw badRequest('no namespace on request');
    const missing: string[] = [];
    const rules = [...parts.rulesOfUser(request.user), ...parts.index.rulesFor(request.user, namespace, (text) => missing.push(text))];
    const status = {
      resourceRules: rules.filter((rule) => (rule.resources ?? []).length > 0).map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, ...(resourceNames === undefined ? {} : { resourceNames }) })),
      nonResourceRules: rules.filter((rule) => (rule.nonResourceURLs ?? []).length > 0).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: missing.length > 0,
      ...(missing.length > 0 ? { evaluationError: missing.join(', ') } : {}),
    };
    const { metadata: _sent, ...whole } = body;
    return Promise.resolve({ ...answer(whole, status), spec: {} });
  });
}

function userStatus(who: UserInfo): object {
  return {
    username: who.name,
    ...(who.uid === '' ? {} : { uid: who.uid }),
    ...(who.groups.length === 0 ? {} : { groups: who.groups }),
    ...(Object.keys(who.extra).length === 0 ? {} : { extra: who.extra }),
  };
}

function selfSubject(parts: ReviewParts): CreateHandler {
  return handler('authentication.k8s.io', 'selfsubjectreviews', (request, body) => {
    if (request.user.name === '') throw forbidden({ group: 'authentication.k8s.io', resource: 'selfsubjectreviews' }, '', 'no user');
    const reviewed = { ...answer(body, { userInfo: userStatus(request.user) }), metadata: { creationTimestamp: rfc3339Seconds(parts.clock.nowMs()) } };
    return Promise.resolve(reviewed);
  });
}

/** As upstream's chain of authenticators puts it. */
function tokenProblem(reason: string): string {
  return reason === '' ? 'invalid bearer token' : `[invalid bearer token, ${reason}]`;
}

function tokenReview(parts: ReviewParts): CreateHandler {
  return handler('authentication.k8s.io', 'tokenreviews', async (_request, body) => {
    const { token = '', audiences = [] } = typed<TokenReview>(body).spec;
    if (token === '') throw badRequest('token is required for TokenReview in authentication');
    const wanted = audiences.length === 0 ? parts.apiAudiences : audiences;
    const result = await parts.tokens.authenticateToken(token, wanted);
    if (result.kind !== 'user') return answer(body, { user: {}, error: tokenProblem(result.kind === 'none' ? '' : result.reason) });
    return answer(body, { authenticated: true, user: userStatus(withAuthenticatedGroup(result.user)), audiences: result.audiences ?? wanted });
  });
}

export function reviewHandlers(parts: ReviewParts): readonly CreateHandler[] {
  return [
    subjectAccess(parts, 'subjectaccessreviews'), subjectAccess(parts, 'localsubjectaccessreviews'), selfSubjectAccess(parts),
    selfSubjectRules(parts), selfSubject(parts), tokenReview(parts),
  ];
}
