import type { Crypto, PeerCertificate } from '@coxswain/host';

/** Certificates of a PEM bundle, by the fingerprints that peers' chains have. */
export type Authorities = Pick<ReadonlySet<string>, 'has'>;

export function authoritiesOf(crypto: Crypto, pem: string): ReadonlySet<string> {
  const bodies = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)].map(([, body = '']) => body.replaceAll(/\s/g, ''));
  return new Set(bodies.map((body) => crypto.hash('sha256', Uint8Array.fromBase64(body)).toHex()));
}

/** The listener takes certificates of all authorities together: this says whether one of these has vouched. Simulated ones are everybody's. */
export function isVouchedBy(certificate: PeerCertificate, authorities: Authorities | undefined): boolean {
  if (certificate.issuerFingerprints === undefined || authorities === undefined) return true;
  return [certificate.fingerprint, ...certificate.issuerFingerprints].some((fingerprint) => authorities.has(fingerprint));
}

/** Authorities that may become others while the server runs: who was vouched for by a former one is known no more, on old connections too. */
export class LiveAuthorities implements Authorities {
  #now: Authorities;

  constructor(now: Authorities) {
    this.#now = now;
  }

  has(fingerprint: string): boolean {
    return this.#now.has(fingerprint);
  }

  set(now: Authorities): void {
    this.#now = now;
  }
}
