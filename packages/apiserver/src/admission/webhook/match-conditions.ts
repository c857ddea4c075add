import type { MatchCondition } from 'kubernetes-types/admissionregistration/v1';
import type { AdmissionAttributes, AdmissionVersion, Authorizer } from '../../types.ts';

export type ConditionResult =
  | { readonly kind: 'match' }
  | { readonly kind: 'no-match' }
  /** Not to be told, and the failure policy is Fail. */
  | { readonly kind: 'error'; readonly message: string };

/** The conditions of one webhook, compiled once. */
export interface MatchConditions {
  match(a: AdmissionAttributes, version: AdmissionVersion, authorizer: Authorizer): Promise<ConditionResult>;
}

/** undefined: there are none, everything matches. */
export function matchConditions(conditions: readonly MatchCondition[], failOpen: boolean): MatchConditions | undefined {
  if (conditions.length === 0) return undefined;
  // Until the expression language is there nothing can be said of them.
  return { match: () => Promise.resolve(failOpen ? { kind: 'no-match' } : { kind: 'error', message: 'match conditions cannot be evaluated' }) };
}
