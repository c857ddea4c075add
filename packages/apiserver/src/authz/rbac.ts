import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../types.ts';
import { because, notFound, type RoleIndex } from './role-index.ts';
import { ruleAllows } from './rules.ts';

function decide(index: RoleIndex, attributes: AuthorizationAttributes): AuthorizationDecision {
  const missing: string[] = [];
  let reason: string | undefined;
  index.visit(attributes.user, attributes.isResourceRequest ? attributes.namespace : '', (rules, bound, namespace) => {
    if (rules === undefined) missing.push(notFound(bound));
    else if (rules.some((rule) => ruleAllows(rule, attributes))) reason = `RBAC: allowed by ${because(bound, namespace)}`;
    return reason === undefined;
  });
  if (reason !== undefined) return { decision: 'allow', reason };
  return { decision: 'no-opinion', reason: missing.length === 0 ? '' : `RBAC: ${missing.length === 1 ? (missing[0] as string) : `[${missing.join(', ')}]`}` };
}

/** A request that comes before the roles are read waits for them: controllers that reconnect are not told that they are forbidden. */
export function rbacAuthorizer(index: RoleIndex): Authorizer {
  return {
    name: 'RBAC',
    async authorize(attributes): Promise<AuthorizationDecision> {
      const first = decide(index, attributes);
      if (first.decision === 'allow' || index.isKnown) return first;
      await index.whenKnown();
      return decide(index, attributes);
    },
  };
}
