export type HashAlgorithm = 'sha1' | 'sha256' | 'sha512' | 'md5';
/** JWA names. RS256 is deterministic; ES256 is not. */
export type SignatureAlgorithm = 'RS256' | 'ES256';

/** Synchronous, because every use is short; the real one stands on node:crypto. */
export interface Crypto {
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  hmac(algorithm: HashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** `privateKeyPem`: PKCS#8, PKCS#1 or SEC1. The ES256 signature is in JOSE form (r‖s). */
  sign(algorithm: SignatureAlgorithm, privateKeyPem: string, data: Uint8Array): Uint8Array;
  /** `publicKeyPem` may also be a private key or a certificate. False on any malformed input. */
  verify(algorithm: SignatureAlgorithm, publicKeyPem: string, data: Uint8Array, signature: Uint8Array): boolean;
  /** The public half as a JWK without `kid`. */
  publicJwk(keyPem: string): Record<string, string>;
  timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
}
