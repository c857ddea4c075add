/** CRC-32C (Castagnoli), sixteen bytes a step. */
const polynomial = 0x82f63b78;

const tables: readonly Int32Array[] = makeTables();

/** Signed, as the results of operators on bits are. */
function makeTables(): Int32Array[] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    first[byte] = crc;
  }
  const out = [first];
  for (let step = 1; step < 16; step += 1) {
    const before = out[step - 1] as Int32Array;
    out.push(before.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] as number)));
  }
  return out;
}

type Table = Int32Array;
type Tables = [Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table];
const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables as Tables;

/** Continues from `seed`, the CRC of what came before; 0 at the start. */
export function crc32c(data: Uint8Array, seed = 0): number {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  let crc = ~seed;
  let at = 0;
  for (const end = data.length - 15; at < end; at += 16) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    crc = (t15[a & 0xff] as number) ^ (t14[(a >>> 8) & 0xff] as number) ^ (t13[(a >>> 16) & 0xff] as number) ^ (t12[a >>> 24] as number)
      ^ (t11[b & 0xff] as number) ^ (t10[(b >>> 8) & 0xff] as number) ^ (t9[(b >>> 16) & 0xff] as number) ^ (t8[b >>> 24] as number)
      ^ (t7[c & 0xff] as number) ^ (t6[(c >>> 8) & 0xff] as number) ^ (t5[(c >>> 16) & 0xff] as number) ^ (t4[c >>> 24] as number)
      ^ (t3[d & 0xff] as number) ^ (t2[(d >>> 8) & 0xff] as number) ^ (t1[(d >>> 16) & 0xff] as number) ^ (t0[d >>> 24] as number);
  }
  for (; at < data.length; at += 1) crc = (crc >>> 8) ^ (t0[(crc ^ (data[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
