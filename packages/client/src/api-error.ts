import type { Status } from 'kubernetes-types/meta/v1';

/** A refusal by the server, with its Status as it came. */
export class ApiError extends Error {
  readonly status: Status;
  readonly code: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: Status, retryAfterSeconds?: number) {
    super(status.message ?? `the server answered ${status.code ?? 'without a code'}`);
    this.name = 'ApiError';
    this.status = status;
    this.code = status.code ?? 0;
    this.reason = status.reason ?? '';
    this.retryAfterSeconds = retryAfterSeconds ?? status.details?.retryAfterSeconds;
  }
}

const reasonOfCode: Readonly<Record<number, string>> = {
  400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 406: 'NotAcceptable', 409: 'Conflict',
  410: 'Gone', 413: 'RequestEntityTooLarge', 415: 'UnsupportedMediaType', 422: 'Invalid', 429: 'TooManyRequests', 500: 'InternalError',
  503: 'ServiceUnavailable', 504: 'Timeout',
};

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
}

function decodeStatus(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isStatus(value) ? value : undefined;
  } catch {
    // A proxy's page or a plain text: its code alone has to do.
    return undefined;
  }
}

/** From a response whose body may or may not be a Status. */
export function apiErrorOf(code: number, body: string, retryAfter: string | undefined): ApiError {
  const status = decodeStatus(body) ?? {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason: reasonOfCode[code] ?? '',
    message: body === '' ? `the server answered ${code}` : body.slice(0, 1024),
  };
  const seconds = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  return new ApiError({ ...status, code: status.code ?? code }, Number.isFinite(seconds) ? seconds : undefined);
}

function hasReason(error: unknown, ...reasons: readonly string[]): boolean {
  return error instanceof ApiError && reasons.includes(error.reason);
}

export function isNotFound(error: unknown): boolean { return hasReason(error, 'NotFound'); }
export function isAlreadyExists(error: unknown): boolean { return hasReason(error, 'AlreadyExists'); }
export function isConflict(error: unknown): boolean { return hasReason(error, 'Conflict'); }
/** The resourceVersion or continue token is too old: list again. */
export function isGone(error: unknown): boolean { return hasReason(error, 'Gone', 'Expired'); }
export function isForbidden(error: unknown): boolean { return hasReason(error, 'Forbidden'); }
export function isInvalid(error: unknown): boolean { return hasReason(error, 'Invalid'); }
/** A create in a namespace that is being deleted: trying again is pointless. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isForbidden(error) && (error as ApiError).status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true;
}
