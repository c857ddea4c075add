import type { FlagSet } from '@coxswain/service';

/** TLS beyond the certificates themselves. */
export const tlsFlags: FlagSet = {
  'client-cert-file': { kind: 'string', help: 'Accepted for etcd\'s sake: no member calls its own clients\' port.' },
  'client-key-file': { kind: 'string', help: 'As --client-cert-file.' },
  'peer-client-cert-file': { kind: 'string', help: 'Certificate towards peers as client, if not --peer-cert-file.' },
  'peer-client-key-file': { kind: 'string', help: 'Key of --peer-client-cert-file.' },
  'client-crl-file': { kind: 'string', help: 'Revoked client certificates (PEM or DER).' },
  'peer-crl-file': { kind: 'string', help: 'Revoked peer certificates (PEM or DER).' },
  'client-cert-allowed-hostname': { kind: 'strings', help: 'One of these names must stand in a client\'s certificate.' },
  'peer-cert-allowed-cn': { kind: 'strings', help: 'One of these common names must stand in a peer\'s certificate.' },
  'peer-cert-allowed-hostname': { kind: 'strings', help: 'One of these names must stand in a peer\'s certificate.' },
  'peer-skip-client-san-verification': { kind: 'ignored', of: 'bool', help: 'The address of a peer is not compared with its certificate.' },
  'experimental-peer-skip-client-san-verification': { kind: 'ignored', of: 'bool', help: 'As above.' },
  'cipher-suites': { kind: 'strings', help: 'TLS 1.2 suites by their IANA names; empty: the usual ones.' },
  'tls-min-version': { kind: 'string', default: 'TLS1.2', help: 'TLS1.2 or TLS1.3.' },
  'tls-max-version': { kind: 'string', default: '', help: 'TLS1.2 or TLS1.3; empty: the newest.' },
  'auto-tls': { kind: 'bool', help: 'Client TLS with a certificate that this member makes for itself.' },
  'peer-auto-tls': { kind: 'bool', help: 'Peer TLS with a certificate that this member makes for itself.' },
  'self-signed-cert-validity': { kind: 'int', default: 1, min: 1, help: 'Years that such a certificate is good for.' },
};
