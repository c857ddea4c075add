/** CRC-32C (Castagnoli), eight bytes a step. */
const polynomial = 0x82f63b78;

const tables: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    first[byte] = crc >>> 0;
  }
  const out = [first];
  for (let step = 1; step < 8; step += 1) {
    const before = out[step - 1] as Uint32Array;
    out.push(before.map((crc) => ((crc >>> 8) ^ (first[crc & 0xff] as number)) >>> 0));
  }
  return out;
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/** Continues from `seed`, the CRC of what came before; 0 at the start. */
export function crc32c(data: Uint8Array, seed = 0): number {
  let crc = ~seed;
  let at = 0;
  for (const end = data.length - 7; at < end; at += 8) {
    const low = crc ^ ((data[at] as number) | (data[at + 1] as number) << 8 | (data[at + 2] as number) << 16 | (data[at + 3] as number) << 24);
    crc = (t7[low & 0xff] as number) ^ (t6[(low >>> 8) & 0xff] as number) ^ (t5[(low >>> 16) & 0xff] as number) ^ (t4[low >>> 24] as number)
      ^ (t3[data[at + 4] as number] as number) ^ (t2[data[at + 5] as number] as number) ^ (t1[data[at + 6] as number] as number) ^ (t0[data[at + 7] as number] as number);
  }
  for (; at < data.length; at += 1) crc = (crc >>> 8) ^ (t0[(crc ^ (data[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
