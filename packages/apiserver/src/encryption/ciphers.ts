import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { concatBytes, type Crypto, type Random } from '@coxswain/host';
import { tooShort, type ValueTransformer } from './transformer.ts';

export interface CipherTools {
  readonly crypto: Crypto;
  readonly random: Random;
}

const blockBytes = 16;
const gcmNonceBytes = 12;
const boxNonceBytes = 24;
const boxTagBytes = 16;
const infoBytes = 32;

/** AES-CBC with a new vector a value and padding by PKCS#7. Proves nothing about who wrote it. */
export function aesCbcTransformer({ crypto, random }: CipherTools, key: Uint8Array): ValueTransformer {
  return {
    fromStorage(data) {
      if (data.length < blockBytes) throw new Error(tooShort);
      const blocks = data.subarray(blockBytes);
      if (blocks.length % blockBytes !== 0) throw new Error('the stored data is not a multiple of the block size');
      const padded = crypto.aesCbc('decrypt', key, data.subarray(0, blockBytes), blocks);
      const padding = padded.at(-1) ?? 0;
      if (padding === 0 || padding > padded.length) throw new Error('invalid PKCS7 data (empty or not padded)');
      if (padded.subarray(padded.length - padding).some((byte) => byte !== padding)) throw new Error('invalid padding on input');
      return { data: padded.subarray(0, padded.length - padding), stale: false };
    },
    toStorage(data) {
      const padding = blockBytes - (data.length % blockBytes);
      const iv = random.bytes(blockBytes);
      return concatBytes([iv, crypto.aesCbc('encrypt', key, iv, concatBytes([data, new Uint8Array(padding).fill(padding)]))]);
    },
  };
}

function openGcm(crypto: Crypto, key: Uint8Array, data: Uint8Array, at: Uint8Array): Uint8Array {
  if (data.length < gcmNonceBytes) throw new Error(tooShort);
  const text = crypto.aesGcmOpen(key, data.subarray(0, gcmNonceBytes), data.subarray(gcmNonceBytes), at);
  if (text === undefined) throw new Error('cipher: message authentication failed');
  return text;
}

function sealGcm({ crypto, random }: CipherTools, key: Uint8Array, data: Uint8Array, at: Uint8Array): Uint8Array {
  const nonce = random.bytes(gcmNonceBytes);
  return concatBytes([nonce, crypto.aesGcmSeal(key, nonce, data, at)]);
}

/** AES-GCM, bound to the place in the store. With random nonces a key is good for 2^32 writes. */
export function aesGcmTransformer(tools: CipherTools, key: Uint8Array): ValueTransformer {
  return {
    fromStorage: (data, at) => ({ data: openGcm(tools.crypto, key, data, at), stale: false }),
    toStorage: (data, at) => sealGcm(tools, key, data, at),
  };
}

/** HKDF's expansion to one block of SHA-256. */
function expanded(crypto: Crypto, seed: Uint8Array, info: Uint8Array): Uint8Array {
  return crypto.hmac('sha256', seed, concatBytes([info, new Uint8Array([1])]));
}

/** AES-GCM with a key a value, derived from a seed and 32 random bytes that stand in front. */
export function seededGcmTransformer(tools: CipherTools, seed: Uint8Array): ValueTransformer {
  if (seed.length < 32) throw new Error(`invalid seed length ${seed.length} used for key generation`);
  return {
    fromStorage(data, at) {
      if (data.length < infoBytes) throw new Error(tooShort);
      return { data: openGcm(tools.crypto, expanded(tools.crypto, seed, data.subarray(0, infoBytes)), data.subarray(infoBytes), at), stale: false };
    },
    toStorage(data, at) {
      const info = tools.random.bytes(infoBytes);
      return concatBytes([info, sealGcm(tools, expanded(tools.crypto, seed, info), data, at)]);
    },
  };
}

/** NaCl's secret box. */
export function secretboxTransformer({ random }: CipherTools, key: Uint8Array): ValueTransformer {
  return {
    fromStorage(data) {
      if (data.length < boxNonceBytes + boxTagBytes) throw new Error(tooShort);
      return { data: opened(key, data), stale: false };
    },
    toStorage(data) {
      const nonce = random.bytes(boxNonceBytes);
      return concatBytes([nonce, xsalsa20poly1305(key, nonce).encrypt(data)]);
    },
  };
}

function opened(key: Uint8Array, data: Uint8Array): Uint8Array {
  try {
    return xsalsa20poly1305(key, data.slice(0, boxNonceBytes)).decrypt(data.slice(boxNonceBytes));
  } catch (error) {
    // The original's words, odd as they are.
    throw new Error('output array was not large enough for encryption', { cause: error });
  }
}
