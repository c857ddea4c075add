import { randomBelow, type Random } from '@coxswain/host';

/** No vowels and no 0, 1, 3: generated names spell nothing. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

export function randomSuffix(random: Random, length: number): string {
  let out = '';
  for (let i = 0; i < length; i += 1) out += alphabet.charAt(randomBelow(random, alphabet.length));
  return out;
}
