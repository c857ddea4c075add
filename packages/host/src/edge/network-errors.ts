import { NetworkError, type NetworkErrorKind } from '../network.ts';

const kindOfCode: Readonly<Record<string, NetworkErrorKind>> = {
  ECONNREFUSED: 'refused', ENOENT: 'refused', EHOSTUNREACH: 'unreachable', ENETUNREACH: 'unreachable', ECONNRESET: 'reset', EPIPE: 'reset', ECONNABORTED: 'reset',
  ERR_STREAM_PREMATURE_CLOSE: 'reset', ERR_HTTP2_STREAM_CANCEL: 'reset', ERR_HTTP2_SESSION_ERROR: 'reset', ERR_HTTP2_STREAM_ERROR: 'reset', ERR_HTTP2_GOAWAY_SESSION: 'reset', ERR_HTTP2_INVALID_SESSION: 'reset',
  ETIMEDOUT: 'timeout', EADDRINUSE: 'address-in-use', ENOTFOUND: 'name-not-found', EAI_AGAIN: 'name-not-found', ABORT_ERR: 'aborted',
};

export function toNetworkError(error: unknown): NetworkError {
  if (error instanceof NetworkError) return error;
  const failure = error as NodeJS.ErrnoException;
  const code = failure.code ?? '';
  const known = kindOfCode[code];
  if (known !== undefined) return new NetworkError(known, failure.message);
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code)) return new NetworkError('tls', `${failure.message} (${code})`);
  if (code.startsWith('HPE_') || code.startsWith('ERR_HTTP')) return new NetworkError('protocol', failure.message);
  return new NetworkError('reset', failure.message);
}
