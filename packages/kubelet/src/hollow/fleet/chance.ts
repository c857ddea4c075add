/** 32 bits of a text: FNV-1a, then mixed so that texts that differ in their last letter differ everywhere. */
function hash32(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** In [0, 1): the same for the same seed and text, on every machine. */
export function chance(seed: number, text: string): number {
  return hash32(text, seed) / 2 ** 32;
}

const idWords = 8;

/** As runtimes write them: 64 hexadecimal digits. */
export function containerId(text: string): string {
  return Array.from({ length: idWords }, (_, word) => hash32(text, word + 1).toString(16).padStart(8, '0')).join('');
}
