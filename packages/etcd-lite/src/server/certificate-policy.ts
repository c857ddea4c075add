import { utf8, type HttpHandler, type PeerCertificate } from '@coxswain/host';

/** What a certificate must satisfy beyond its signature. Empty lists allow everything. */
export interface CertificatePolicy {
  readonly allowedCommonNames: readonly string[];
  /** One of them must be a name that the certificate is good for. */
  readonly allowedHostNames: readonly string[];
  /** Hex, upper case. */
  readonly revokedSerials: ReadonlySet<string>;
}

/** Why the holder may not connect; undefined: it may. */
export function refusalOf(policy: CertificatePolicy, certificate: PeerCertificate | undefined): string | undefined {
  const { allowedCommonNames, allowedHostNames, revokedSerials } = policy;
  if (allowedCommonNames.length === 0 && allowedHostNames.length === 0 && revokedSerials.size === 0) return undefined;
  if (certificate === undefined) return allowedCommonNames.length > 0 || allowedHostNames.length > 0 ? 'a client certificate is required' : undefined;
  if (revokedSerials.has((certificate.serialNumber ?? '').toUpperCase())) return `the certificate with serial number ${certificate.serialNumber} is revoked`;
  if (allowedCommonNames.length > 0 && !allowedCommonNames.includes(certificate.commonName)) return 'client certificate authentication failed: the common name is not allowed';
  const names = certificate.subjectAltNames ?? [];
  if (allowedHostNames.length > 0 && !allowedHostNames.some((host) => names.some((name) => covers(name, host)))) return 'client certificate authentication failed: the host name is not allowed';
  return undefined;
}

/** A name of a certificate may begin with `*.` for one label. */
function covers(name: string, host: string): boolean {
  const [a, b] = [name.toLowerCase(), host.toLowerCase()];
  if (!a.startsWith('*.')) return a === b;
  const dot = b.indexOf('.');
  return dot > 0 && b.slice(dot) === a.slice(1);
}

/** Refuses every request of a connection whose certificate does not do. The policy is asked each time: lists are reloaded. */
export function guardCertificates(handler: HttpHandler, policy: () => CertificatePolicy | undefined): HttpHandler {
  return (request) => {
    const current = policy();
    const refusal = current === undefined ? undefined : refusalOf(current, request.peer.certificate);
    if (refusal === undefined) return handler(request);
    return Promise.resolve({ status: 403, headers: { 'content-type': 'text/plain' }, body: utf8(`${refusal}\n`) });
  };
}

export function isAllowed(policy: CertificatePolicy | undefined, certificate: PeerCertificate | undefined): boolean {
  return policy === undefined || refusalOf(policy, certificate) === undefined;
}
