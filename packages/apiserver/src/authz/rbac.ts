import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../types.ts';
import type { RoleIndex } from './role-index.ts';
import { ruleAllows } from './rules.ts';

function decide(index: RoleIndex, attributes: AuthorizationAttributes): AuthorizationDecision {
  const missing: string[] = [];
  const namespace = attributes.isResourceRequest ? attributes.namespace : '';
  for (const grant of index.grants(attributes.user, namespace, (text) => missing.push(text))) {
    if (grant.rules.some((rule) => ruleAllows(rule, attributes))) return { decision: 'allow', reason: `RBAC: allowed by ${grant.because()}` };
  }
  const reason = missing.length === 0 ? '' : `RBAC: ${missing.length === 1 ? (missing[0] as string) : `[${missing.join(', ')}]`}`;
  return { decision: 'no-opinion', reason };
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
