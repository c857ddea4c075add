import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SignatureAlgorithm } from '../crypto.ts';
import { realCrypto as crypto } from './crypto.ts';

const data = new TextEncoder().encode('what is signed');
const pem = { type: 'pkcs8', format: 'pem' } as const;
const spki = { type: 'spki', format: 'pem' } as const;

function keysFor(algorithm: SignatureAlgorithm): { readonly publicKey: string; readonly privateKey: string } {
  const encoding = { publicKeyEncoding: spki, privateKeyEncoding: pem };
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519', encoding);
  if (!algorithm.startsWith('ES')) return generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding });
  return generateKeyPairSync('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm as 'ES256'], ...encoding });
}

describe('signatures', () => {
  it.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const)('%s verifies what it signed, and nothing else', (algorithm) => {
    const { publicKey, privateKey } = keysFor(algorithm);
    const signature = crypto.sign(algorithm, privateKey, data);
    expect(crypto.verify(algorithm, publicKey, data, signature)).toBe(true);
    expect(crypto.verify(algorithm, privateKey, data, signature)).toBe(true);
    expect(crypto.verify(algorithm, publicKey, new Uint8Array(3), signature)).toBe(false);
    expect(crypto.verify(algorithm, publicKey, data, signature.subarray(1))).toBe(false);
  });

  it('a PSS signature is as long as its key, though it begins with a zero', () => {
    const { publicKey, privateKey } = keysFor('PS256');
    let signature = crypto.sign('PS256', privateKey, data);
    while (signature[0] !== 0) signature = crypto.sign('PS256', privateKey, data);
    expect(crypto.verify('PS256', publicKey, data, signature)).toBe(true);
    expect(crypto.verify('PS256', publicKey, data, signature.subarray(1))).toBe(false);
  });

  it('an ES256 signature has the length that JOSE wants', () => {
    expect(crypto.sign('ES256', keysFor('ES256').privateKey, data)).toHaveLength(64);
  });
});

describe('bcrypt', () => {
  // From the test vectors of OpenBSD's crypt_blowfish.
  it.each([
    ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'],
    ['', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy'],
  ])('knows %j', async (password, hash) => {
    expect(await crypto.bcryptVerify(password, hash)).toBe(true);
    expect(await crypto.bcryptVerify(`${password}x`, hash)).toBe(false);
  });

  it('makes a hash of the asked cost with a salt of its own', async () => {
    const [one, two] = await Promise.all([crypto.bcryptHash('secret', 5), crypto.bcryptHash('secret', 5)]);
    expect(one).toMatch(/^\$2a\$05\$/);
    expect(one).not.toBe(two);
    expect(await crypto.bcryptVerify('secret', one)).toBe(true);
    expect(await crypto.bcryptVerify('Secret', one)).toBe(false);
    expect(await crypto.bcryptVerify('secret', 'no hash')).toBe(false);
  });
});
