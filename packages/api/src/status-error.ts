import type { Status, StatusCause, StatusDetails } from 'kubernetes-types/meta/v1';
import { causeOfFieldError, type FieldError } from './field-error.ts';

/** Every refusal with the code and reason Kubernetes gives it. */
export type StatusReason =
  | 'BadRequest' | 'Unauthorized' | 'Forbidden' | 'NotFound' | 'MethodNotAllowed' | 'NotAcceptable' | 'AlreadyExists' | 'Conflict'
  | 'Gone' | 'Expired' | 'RequestEntityTooLarge' | 'UnsupportedMediaType' | 'Invalid' | 'TooManyRequests' | 'InternalError'
  | 'ServerTimeout' | 'ServiceUnavailable' | 'Timeout' | '';

const codeOfReason: Readonly<Record<StatusReason, number>> = {
  BadRequest: 400, Unauthorized: 401, Forbidden: 403, NotFound: 404, MethodNotAllowed: 405, NotAcceptable: 406, AlreadyExists: 409,
  Conflict: 409, Gone: 410, Expired: 410, RequestEntityTooLarge: 413, UnsupportedMediaType: 415, Invalid: 422, TooManyRequests: 429,
  InternalError: 500, ServerTimeout: 500, ServiceUnavailable: 503, Timeout: 504, '': 500,
};

/** Group and plural resource (or, for Invalid, the kind) that an error speaks of. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** Thrown by every stage of the API server; carried by the client's ApiError. */
export class StatusError extends Error {
  readonly status: Status;
  readonly code: number;
  readonly reason: StatusReason;
  /** Sent as Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  constructor(reason: StatusReason, message: string, details?: StatusDetails, code: number = codeOfReason[reason]) {
    super(message);
    this.name = 'StatusError';
    this.reason = reason;
    this.code = code;
    this.retryAfterSeconds = details?.retryAfterSeconds;
    this.status = {
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message,
      ...(reason === '' ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

/** `deployments.apps`, or `pods` for the core group. */
export function qualifiedName(what: GroupResource): string {
  return what.group === '' ? what.resource : `${what.resource}.${what.group}`;
}

function details(what: GroupResource, name: string, extra: Partial<StatusDetails> = {}): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(what.group === '' ? {} : { group: what.group }),
    ...(what.resource === '' ? {} : { kind: what.resource }),
    ...extra,
  };
}

export function notFound(what: GroupResource, name: string): StatusError {
  return new StatusError('NotFound', `${qualifiedName(what)} ${JSON.stringify(name)} not found`, details(what, name));
}

export function alreadyExists(what: GroupResource, name: string): StatusError {
  return new StatusError('AlreadyExists', `${qualifiedName(what)} ${JSON.stringify(name)} already exists`, details(what, name));
}

export function conflict(what: GroupResource, name: string, why: string): StatusError {
  return new StatusError('Conflict', `Operation cannot be fulfilled on ${qualifiedName(what)} ${JSON.stringify(name)}: ${why}`, details(what, name));
}

export function forbidden(what: GroupResource, name: string, why: string): StatusError {
  const subject = qualifiedName(what);
  const message = name === '' ? `${subject} is forbidden: ${why}` : `${subject} ${JSON.stringify(name)} is forbidden: ${why}`;
  return new StatusError('Forbidden', message, details(what, name));
}

export function badRequest(message: string): StatusError {
  return new StatusError('BadRequest', message);
}

export function internalError(message: string): StatusError {
  return new StatusError('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** Kubernetes' errors.NewInvalid: one cause a field error, and their texts joined in the message. */
export function invalid(kind: { readonly group: string; readonly kind: string }, name: string, errors: readonly FieldError[]): StatusError {
  const what = { group: kind.group, resource: kind.kind };
  const causes: StatusCause[] = errors.map((error) => ({ reason: causeOfFieldError[error.type], message: error.message, field: error.field }));
  const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const joined = texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
  return new StatusError('Invalid', `${qualifiedName(what)} ${JSON.stringify(name)} is invalid: ${joined}`, details(what, name, { causes }));
}
