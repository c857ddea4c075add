import type { AuthorizerAttributes, AuthorizerDecision, DecisionSource } from '@coxswain/cel';
import type { Authorizer, UserInfo } from '../../types.ts';

export interface AskedDecisions extends DecisionSource {
  ask(attributes: AuthorizerAttributes): Promise<void>;
}

function keyOf(attributes: AuthorizerAttributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function userOf(attributes: AuthorizerAttributes, user: UserInfo): UserInfo {
  const { serviceAccount } = attributes;
  if (serviceAccount === undefined) return user;
  const { namespace, name } = serviceAccount;
  return { name: `system:serviceaccount:${namespace}:${name}`, uid: '', groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'], extra: {} };
}

/** What expressions ask the authorizer, each question once. */
export function decisionsOf(authorizer: Authorizer, user: UserInfo): AskedDecisions {
  const known = new Map<string, AuthorizerDecision>();
  return {
    decide: (attributes) => known.get(keyOf(attributes)),
    async ask(attributes) {
      const { verb, isResourceRequest, path, group, resource, subresource, namespace, name } = attributes;
      const decision = await authorizer.authorize({ user: userOf(attributes, user), verb, isResourceRequest, path, group, version: '*', resource, subresource, namespace, name });
      known.set(keyOf(attributes), { allowed: decision.decision === 'allow', reason: decision.reason });
    },
  };
}
