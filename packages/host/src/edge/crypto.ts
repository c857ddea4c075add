import * as node from 'node:crypto';
import type { Crypto, HashAlgorithm, SignatureAlgorithm } from '../crypto.ts';
import type { Random } from '../random.ts';
import { bcryptHash, bcryptVerify } from './bcrypt.ts';

/** Ed25519 hashes by itself. */
function digestOf(algorithm: SignatureAlgorithm): string | undefined {
  return algorithm === 'EdDSA' ? undefined : `sha${algorithm.slice(2)}`;
}

function signingOptions(algorithm: SignatureAlgorithm, key: node.KeyObject): node.SignKeyObjectInput {
  if (algorithm.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' };
  if (algorithm.startsWith('PS')) return { key, padding: node.constants.RSA_PKCS1_PSS_PADDING, saltLength: node.constants.RSA_PSS_SALTLEN_DIGEST };
  return { key };
}

/** Parsing a PEM costs more than a signature check; keys are few and live long. */
const parsedKeys = new Map<string, node.KeyObject>();
const parsedKeysMax = 64;

function remember(id: string, parse: () => node.KeyObject): node.KeyObject {
  const known = parsedKeys.get(id);
  if (known !== undefined) return known;
  if (parsedKeys.size >= parsedKeysMax) parsedKeys.clear();
  const key = parse();
  parsedKeys.set(id, key);
  return key;
}

function publicKey(pem: string): node.KeyObject {
  return remember(`public ${pem}`, () => node.createPublicKey(pem));
}

const gcmTagBytes = 16;

type GcmName = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';

function gcmName(key: Uint8Array): GcmName {
  return `aes-${key.length * 8}-gcm` as GcmName;
}

function aesGcmSeal(key: Uint8Array, nonce: Uint8Array, text: Uint8Array, additional: Uint8Array): Uint8Array {
  const cipher = node.createCipheriv(gcmName(key), key, nonce);
  cipher.setAAD(additional);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

function aesGcmOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, additional: Uint8Array): Uint8Array | undefined {
  if (sealed.length < gcmTagBytes) return undefined;
  const decipher = node.createDecipheriv(gcmName(key), key, nonce, { authTagLength: gcmTagBytes });
  decipher.setAAD(additional);
  decipher.setAuthTag(sealed.subarray(sealed.length - gcmTagBytes));
  const text = decipher.update(sealed.subarray(0, sealed.length - gcmTagBytes));
  try {
    decipher.final();
    return text;
  } catch (error) {
    // Its only failure: the tag is another's.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function aesCbc(direction: 'encrypt' | 'decrypt', key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array {
  const name = `aes-${key.length * 8}-cbc`;
  const cipher = direction === 'encrypt' ? node.createCipheriv(name, key, iv) : node.createDecipheriv(name, key, iv);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}

export const realCrypto: Crypto = {
  hash: (algorithm: HashAlgorithm, data) => node.createHash(algorithm).update(data).digest(),
  hmac: (algorithm, key, data) => node.createHmac(algorithm, key).update(data).digest(),
  sign(algorithm, privateKeyPem, data) {
    const key = remember(`private ${privateKeyPem}`, () => node.createPrivateKey(privateKeyPem));
    return node.sign(digestOf(algorithm), data, signingOptions(algorithm, key));
  },
  verify(algorithm, publicKeyPem, data, signature) {
    try {
      const key = publicKey(publicKeyPem);
      // OpenSSL takes one of PSS whose leading zeros are missing; RFC 8017 (8.1.2) does not.
      if (algorithm.startsWith('PS') && signature.length * 8 !== key.asymmetricKeyDetails?.modulusLength) return false;
      return node.verify(digestOf(algorithm), data, signingOptions(algorithm, key), signature);
    } catch (error) {
      // A malformed signature or key is an answer ("does not verify"), not a failure of ours.
      if (error instanceof Error) return false;
      throw error;
    }
  },
  publicJwk: (keyPem) => publicKey(keyPem).export({ format: 'jwk' }) as Record<string, string>,
  timingSafeEqual: (a, b) => a.length === b.length && node.timingSafeEqual(a, b),
  bcryptHash, bcryptVerify, aesGcmSeal, aesGcmOpen, aesCbc,
};

/** A call for four bytes costs as much as one for four thousand. */
const pool = node.randomBytes(4096);
let poolAt = 0;

function pooledUint32(): number {
  if (poolAt === pool.length) { node.randomFillSync(pool); poolAt = 0; }
  poolAt += 4;
  return pool.readUInt32LE(poolAt - 4);
}

export const realRandom: Random = {
  uint32: pooledUint32,
  float: () => Math.random(),
  bytes: (lengthBytes) => node.randomBytes(lengthBytes),
  uuid: () => node.randomUUID(),
};
