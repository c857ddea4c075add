export type HashAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'md5';
/** JWA names. RS* and EdDSA are deterministic; ES* and PS* are not. */
export type SignatureAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA';

/** Synchronous where every use is short; the real one stands on node:crypto. */
export interface Crypto {
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  hmac(algorithm: HashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** `privateKeyPem`: PKCS#8, PKCS#1 or SEC1. An ES* signature is in JOSE form (r‖s). */
  sign(algorithm: SignatureAlgorithm, privateKeyPem: string, data: Uint8Array): Uint8Array;
  /** `publicKeyPem` may also be a private key or a certificate. False on any malformed input. */
  verify(algorithm: SignatureAlgorithm, publicKeyPem: string, data: Uint8Array, signature: Uint8Array): boolean;
  /** The public half as a JWK without `kid`. */
  publicJwk(keyPem: string): Record<string, string>;
  timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
  /** Bcrypt's text (`$2a$…`). Takes long on purpose: the real one works on a thread of its own. At most 72 bytes of the password count. */
  bcryptHash(password: string, cost: number): Promise<string>;
  /** False also if `hash` is no bcrypt text. */
  bcryptVerify(password: string, hash: string): Promise<boolean>;
  /** AES by the key's length (16, 24 or 32 bytes), 12 bytes of nonce. The answer ends with the tag of 16 bytes. */
  aesGcmSeal(key: Uint8Array, nonce: Uint8Array, text: Uint8Array, additional: Uint8Array): Uint8Array;
  /** undefined: it was not sealed with this key, nonce and additional data. */
  aesGcmOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, additional: Uint8Array): Uint8Array | undefined;
  /** Whole blocks of 16 bytes: padding is the caller's. */
  aesCbc(direction: 'encrypt' | 'decrypt', key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array;
}
