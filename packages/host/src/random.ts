export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1). */
  float(): number;
  /** Unpredictable on the real host, from the seed in simulation. */
  bytes(lengthBytes: number): Uint8Array;
  /** RFC 4122 version 4. */
  uuid(): string;
}

/** Uniform integer in [0, bound). */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random.float() * bound);
}
