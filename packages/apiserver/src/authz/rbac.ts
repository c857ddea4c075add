import type { AuthorizationDecision, Authorizer } from '../types.ts';
import type { RoleIndex } from './role-index.ts';
import { ruleAllows } from './rules.ts';

export function rbacAuthorizer(index: RoleIndex): Authorizer {
  return {
    name: 'RBAC',
    authorize(attributes): Promise<AuthorizationDecision> {
      const missing: string[] = [];
      const namespace = attributes.isResourceRequest ? attributes.namespace : '';
      for (const grant of index.grants(attributes.user, namespace, (text) => missing.push(text))) {
        if (grant.rules.some((rule) => ruleAllows(rule, attributes))) return Promise.resolve({ decision: 'allow', reason: `RBAC: allowed by ${grant.because}` });
      }
      const reason = missing.length === 0 ? '' : `RBAC: ${missing.length === 1 ? (missing[0] as string) : `[${missing.join(', ')}]`}`;
      return Promise.resolve({ decision: 'no-opinion', reason });
    },
  };
}
