import type { Random } from '@coxswain/host';

/** Positive and never 0, which on the wire means none. */
export function randomLeaseId(random: Random): bigint {
  const id = (BigInt(random.uint32() & 0x7fffffff) << 32n) | BigInt(random.uint32());
  return id === 0n ? 1n : id;
}
