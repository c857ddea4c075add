import { bcryptHashNow, bcryptVerifyNow } from '../bcrypt.ts';
import type { Crypto } from '../crypto.ts';
import { realCrypto } from '../edge/crypto.ts';
import type { Random } from '../random.ts';

/** Bcrypt's least cost: simulated time doesn't pass while it is computed, real time does. */
const cost = 4;

/** The real one, except where it would use a thread or randomness that no seed decides. */
export function simulatedCrypto(random: Random): Crypto {
  return {
    ...realCrypto,
    bcryptHash: async (password) => bcryptHashNow(password, cost, random.bytes(16)),
    bcryptVerify: async (password, hash) => bcryptVerifyNow(password, hash),
  };
}
