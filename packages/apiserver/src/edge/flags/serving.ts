import type { FlagSet } from '@coxswain/service';

export const servingFlags: FlagSet = {
  'tls-min-version': { kind: 'string', default: '', help: 'Least TLS version: VersionTLS12 (default) or VersionTLS13. Older ones are not spoken.' },
  'tls-cipher-suites': { kind: 'strings', help: 'Suites of TLS 1.2 by their IANA names. Those of TLS 1.3 cannot be chosen.' },
  'tls-sni-cert-key': { kind: 'strings', help: 'CERT,KEY or CERT,KEY:NAME,NAME: a certificate for clients that ask for one of these names (default: the names in it). May be given several times.' },
  'http2-max-streams-per-connection': { kind: 'int', default: 0, min: 0, help: 'Most streams that a client may have open on one HTTP/2 connection; 0: 2000.' },
  'goaway-chance': { kind: 'string', default: '0', help: 'How often (0 to 0.02) a client on HTTP/2 is told to take another connection, so that clients spread over servers.' },
  'strict-transport-security-directives': { kind: 'strings', help: 'Directives of the Strict-Transport-Security header of every answer, such as max-age=31536000,includeSubDomains.' },
  'cors-allowed-origins': { kind: 'strings', help: 'Regular expressions of the origins that browsers may ask from; each must pin the host, by ^ or // and $ or :.' },
  'min-request-timeout': { kind: 'int', default: 1800, min: 1, help: 'Seconds that a watch lasts that names no end; it may last up to twice as long.' },
  'shutdown-send-retry-after': { kind: 'bool', default: false, help: 'After --shutdown-delay-duration new requests are answered 429 with Retry-After, and their connections are closed.' },
  'feature-gates': { kind: 'map', help: 'Features of the original. What is not built stands at its default and is refused otherwise.' },
  'runtime-config': { kind: 'strings', help: 'Which API versions are served: GROUP/VERSION=true|false, api/all, api/ga, api/beta, api/alpha.' },
  'emulated-version': { kind: 'strings', help: 'The version whose behaviour is shown: kube=1.32.' },
  'logging-format': { kind: 'ignored', of: 'text', help: 'Logs are JSON lines on stderr, and text on a terminal.' },
  'log-flush-frequency': { kind: 'ignored', of: 'text', help: 'Log lines are written at once.' },
  'log-json-info-buffer-size': { kind: 'ignored', of: 'text', help: 'Log lines are written at once.' },
  'log-json-split-stream': { kind: 'ignored', of: 'bool', help: 'Logs go to stderr.' },
  'log-text-info-buffer-size': { kind: 'ignored', of: 'text', help: 'Log lines are written at once.' },
  'log-text-split-stream': { kind: 'ignored', of: 'bool', help: 'Logs go to stderr.' },
  vmodule: { kind: 'ignored', of: 'text', help: 'Log verbosity is one for all; see --v.' },
  'debug-socket-path': { kind: 'ignored', of: 'text', help: 'There is no profile to be had.' },
};
