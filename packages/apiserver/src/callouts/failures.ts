import { NetworkError, type NetworkErrorKind } from '@coxswain/host';
import { CalloutError, type CalloutFailureKind } from './types.ts';

interface Dialled {
  readonly hostname: string;
  readonly port: number;
}

/** What our TLS says, in the words that users of the original search for. */
const certificateTexts: readonly (readonly [RegExp, string])[] = [
  [/ERR_TLS_CERT_ALTNAME_INVALID/, ''],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'x509: certificate has expired or is not yet valid'],
  [/SELF_SIGNED|UNABLE_TO|DEPTH_|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE/, 'x509: certificate signed by unknown authority'],
];

/** `Hostname/IP does not match certificate's altnames: Host: a. is not in the cert's altnames: DNS:b, DNS:c` */
function wrongNameText(message: string): string {
  const wanted = /(?:Host|IP): (\S+?)\.? is not/.exec(message)?.[1] ?? '';
  const names = [...message.matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map((match) => match[1]);
  if (names.length === 0) return 'x509: certificate relies on legacy Common Name field, use SANs instead';
  return `x509: certificate is valid for ${names.join(', ')}, not ${wanted}`;
}

function tlsText(message: string): string {
  if (message.includes('wrong version number') || message.includes('packet length too long')) return 'http: server gave HTTP response to HTTPS client';
  const found = certificateTexts.find(([pattern]) => pattern.test(message));
  if (found === undefined) return `remote error: tls: ${message}`;
  return `tls: failed to verify certificate: ${found[1] === '' ? wrongNameText(message) : found[1]}`;
}

const failureKind: Readonly<Record<NetworkErrorKind, CalloutFailureKind>> = {
  refused: 'connect', unreachable: 'connect', reset: 'connect', timeout: 'timeout', tls: 'tls', aborted: 'timeout', 'name-not-found': 'resolve', 'address-in-use': 'connect', protocol: 'connect',
};

export function networkText(error: unknown, { hostname, port }: Dialled): string {
  if (!(error instanceof NetworkError)) return error instanceof Error ? error.message : String(error);
  const address = hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  switch (error.kind) {
    case 'refused': return `dial tcp ${address}: connect: connection refused`;
    case 'unreachable': return error.message.startsWith('no connection within') ? `dial tcp ${address}: i/o timeout` : `dial tcp ${address}: connect: no route to host`;
    case 'name-not-found': return `dial tcp: lookup ${hostname}: no such host`;
    case 'reset': return error.message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer';
    case 'aborted': return 'context canceled';
    case 'timeout': return 'context deadline exceeded';
    case 'tls': return tlsText(error.message);
    default: return error.message;
  }
}

/** `url` is what the caller asked for, `dialled` where that led. */
export function callFailure(error: unknown, method: string, url: string, dialled: Dialled): CalloutError {
  const prefix = `${method} ${JSON.stringify(url)}: `;
  if (!(error instanceof NetworkError)) return new CalloutError('tls', prefix + (error instanceof Error ? error.message : String(error)));
  if (error.kind === 'tls' && /wrong version number|packet length too long/.test(error.message)) return new CalloutError('connect', prefix + tlsText(error.message));
  return new CalloutError(failureKind[error.kind], prefix + networkText(error, dialled), undefined, { retriable: error.kind === 'reset' });
}

const textOfStatus: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason', 401: 'the server has asked for the client to provide credentials', 404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource', 409: 'the server reported a conflict', 422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later', 503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};

/** A refusal in the words of upstream's REST client. */
export function statusText(status: number, body: string): string {
  const known = textOfStatus[status];
  if (known !== undefined) return known;
  if (status === 403 || status === 415) return body;
  if (status === 406) return body === '' || body === 'unknown' ? 'the server was unable to respond with a content type that the client supports' : body;
  if (status >= 500) return `an error on the server (${JSON.stringify(body)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${status} but did not return more information`;
}
