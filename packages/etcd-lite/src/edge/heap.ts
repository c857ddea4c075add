import { setFlagsFromString } from 'node:v8';

/**
 * Most of what a member holds stays: an index of all keys. V8 would let the heap grow to a multiple of that before it looks for
 * garbage; a fifth more is enough, and the looking is done beside the program.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString('--heap-growing-percent=20');
}
