/** Kubernetes' field.ErrorType and the texts it prints; `cause` is the StatusCause reason on the wire. */
export type FieldErrorType =
  | 'Required' | 'Invalid' | 'NotSupported' | 'Duplicate' | 'Forbidden' | 'TooLong' | 'TooMany' | 'TypeInvalid' | 'NotFound' | 'InternalError';

export const causeOfFieldError: Readonly<Record<FieldErrorType, string>> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  NotSupported: 'FieldValueNotSupported',
  Duplicate: 'FieldValueDuplicate',
  Forbidden: 'FieldValueForbidden',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  TypeInvalid: 'FieldValueTypeInvalid',
  NotFound: 'FieldValueNotFound',
  InternalError: 'InternalError',
};

export interface FieldError {
  readonly type: FieldErrorType;
  /** As kubectl users know it: `spec.containers[0].ports[1].name`. */
  readonly field: string;
  /** What stands after the field: `Invalid value: "x": must be …`, `Required value`, … — without the field. */
  readonly message: string;
}
