/** Most connections have little to say at once; a few have much. */
const sizesBytes = [16 * 1024, 64 * 1024, 288 * 1024] as const;
/** Of each size no more than this is kept for the next one. */
const keptBytes = 4 * 1024 * 1024;

/** Memory in which connections put frames together, used again and again: fresh memory costs more than what is written to it. */
export class Slabs {
  readonly #free: readonly Uint8Array[][] = sizesBytes.map(() => []);

  /** The smallest that holds so much; undefined: none does. */
  take(sizeBytes: number): Uint8Array | undefined {
    const at = sizesBytes.findIndex((size) => size >= sizeBytes);
    return at < 0 ? undefined : (this.#free[at]?.pop() ?? new Uint8Array(sizesBytes[at] as number));
  }

  /** Nobody may have any of it any more. */
  give(slab: Uint8Array): void {
    const free = this.#free[sizesBytes.findIndex((size) => size === slab.length)];
    if (free !== undefined && (free.length + 1) * slab.length <= keptBytes) free.push(slab);
  }
}
