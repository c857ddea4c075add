import type { JsonObject } from '@coxswain/api';
import type { AdmissionAttributes, AdmissionVersion } from '../../types.ts';
import { reviewRequest } from './review.ts';

/** `request` in expressions: the review without uid and objects. */
export function requestObject(a: AdmissionAttributes, version: AdmissionVersion): JsonObject {
  const review = reviewRequest('', 'v1', { version }, a, { object: undefined, oldObject: undefined });
  const { uid: _uid, object: _object, oldObject: _oldObject, ...request } = review['request'] as JsonObject;
  return request;
}
