import type { Host } from '@coxswain/host';

export interface KeyAndRequest {
  readonly keyPem: string;
  /** PKCS#10, PEM. */
  readonly requestPem: string;
}

export interface CertificateSubject { readonly commonName: string; readonly organizations: readonly string[]; readonly dnsNames: readonly string[]; readonly ipAddresses: readonly string[] }

export interface CertificateFacts { readonly commonName: string; readonly notBeforeMs: number; readonly notAfterMs: number; readonly ipAddresses: readonly string[]; readonly dnsNames: readonly string[] }

/** Keys and certificates; the real one stands on @peculiar/x509. */
export interface KeyTools {
  newRequest(subject: CertificateSubject): Promise<KeyAndRequest>;
  selfSigned(subject: CertificateSubject, nowMs: number): Promise<{ readonly certPem: string; readonly keyPem: string }>;
  /** Undefined if it is no certificate. */
  read(certPem: string): CertificateFacts | undefined;
}

export interface CertificatePair { readonly certPem: string; readonly keyPem: string }

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const keyBlock = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[\s\S]*?-----END (?:EC |RSA )?PRIVATE KEY-----/;

/** Upstream keeps certificate and key in one file, NAME-current.pem, a link to the newest NAME-TIME.pem. */
export function splitPair(text: string): CertificatePair | undefined {
  const certificates = text.match(certificateBlock);
  const key = keyBlock.exec(text);
  return certificates === null || key === null ? undefined : { certPem: `${certificates.join('\n')}\n`, keyPem: `${key[0]}\n` };
}

/** When to ask for a new certificate: after 70 to 90 % of its life, at random so that nodes do not ask together. */
export function rotationMs(facts: CertificateFacts, host: Pick<Host, 'random'>): number {
  const lifeMs = facts.notAfterMs - facts.notBeforeMs;
  return facts.notBeforeMs + lifeMs * (0.7 + 0.2 * host.random.float());
}
