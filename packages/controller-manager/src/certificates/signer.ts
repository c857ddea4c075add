/** What a PKCS#10 request asks for. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

export interface SignOptions {
  /** `digital signature`, `client auth`, … as in the CSR's spec.usages. */
  readonly usages: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** X.509 as an interface, so that the controllers run where there is none (in simulation). */
export interface CertificateSigner {
  /** Rejects if it is no PEM of a request or its own signature is wrong. */
  parse(requestPem: string): Promise<CertificateRequest>;
  /** The PEM certificate, never valid past the authority's own. */
  sign(requestPem: string, options: SignOptions): Promise<string>;
}
