import { badRequest, invalid, type FieldError } from '@coxswain/api';
import type { SubjectAccessReview } from 'kubernetes-types/authorization/v1';

/** `namespace`: of the path, for local reviews. Throws 400 or 422. */
export function invalidReview(review: Pick<SubjectAccessReview, 'spec'>, namespace: string | undefined, kind: string): void {
  const { spec } = review;
  if (namespace !== undefined && spec.resourceAttributes?.namespace !== namespace) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
  const errors: FieldError[] = [];
  const add = (field: string, message: string): void => { errors.push({ type: message.startsWith('Required') ? 'Required' : 'Invalid', field, message }); };
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource !== undefined && path !== undefined) add('spec.nonResourceAttributes', 'Invalid value: cannot be specified in combination with resourceAttributes');
  if (resource === undefined && path === undefined) add('spec.resourceAttributes', `Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified`);
  if (!spec.user && (spec.groups ?? []).length === 0) add('spec.user', `Invalid value: "": at least one of user or group must be specified`);
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', kind }, '', errors);
}
