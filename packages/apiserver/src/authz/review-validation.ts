import { append } from '@coxswain/host';
import { badRequest, invalid, type FieldError } from '@coxswain/api';
import type { NonResourceAttributes, SubjectAccessReview } from 'kubernetes-types/authorization/v1';
import { selectorErrors } from './review-selectors.ts';

/** As Go prints it. */
function pathText({ path = '', verb = '' }: NonResourceAttributes): string {
  return `authorization.NonResourceAttributes{Path:${JSON.stringify(path)}, Verb:${JSON.stringify(verb)}}`;
}

function wrong(field: string, value: string, why: string): FieldError {
  return { type: 'Invalid', field, message: `Invalid value: ${value}: ${why}` };
}

function localErrors({ spec }: Pick<SubjectAccessReview, 'spec'>, namespace: string): FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  const errors: FieldError[] = [];
  if (resource !== undefined && (resource.namespace ?? '') !== namespace) errors.push(wrong('spec.resourceAttributes.namespace', JSON.stringify(resource.namespace ?? ''), 'must match metadata.namespace'));
  if (path !== undefined) errors.push(wrong('spec.nonResourceAttributes', pathText(path), 'disallowed on this kind of request'));
  return errors;
}

/** `namespace`: of the path, for local reviews; `self`: it is about whoever asks. Throws 400 or 422, which here say no kind. */
export function invalidReview(review: Pick<SubjectAccessReview, 'spec' | 'metadata'>, options: { readonly namespace?: string; readonly self?: boolean } = {}): void {
  const { spec, metadata } = review;
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  const errors: FieldError[] = [];
  if (resource !== undefined && path !== undefined) errors.push(wrong('spec.nonResourceAttributes', pathText(path), 'cannot be specified in combination with resourceAttributes'));
  if (resource === undefined && path === undefined) errors.push(wrong('spec.resourceAttributes', '"null"', 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  if (options.self !== true && !spec.user && (spec.groups ?? []).length === 0) errors.push(wrong('spec.user', '""', 'at least one of user or group must be specified'));
  append(errors, selectorErrors(resource));
  const { namespace: _namespace, managedFields: _managed, creationTimestamp: _created, ...rest } = metadata ?? {};
  if (Object.keys(rest).length > 0) errors.push(wrong('metadata', `v1.ObjectMeta${JSON.stringify(rest)}`, options.namespace === undefined ? 'must be empty' : 'must be empty except for namespace'));
  if (options.namespace !== undefined) append(errors, localErrors(review, options.namespace));
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', kind: '' }, '', errors);
  if (options.namespace !== undefined && metadata?.namespace !== undefined && metadata.namespace !== options.namespace) throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${options.namespace}`);
}
