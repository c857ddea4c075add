function capacityFor(length: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2(length)));
}

/** A larger copy, at least `length` long; what is new holds `fill`. */
export function grownInts(from: Int32Array, length: number, fill = 0): Int32Array {
  const out = new Int32Array(capacityFor(length)).fill(fill);
  out.set(from);
  return out;
}

export function grownFloats(from: Float64Array, length: number): Float64Array {
  const out = new Float64Array(capacityFor(length));
  out.set(from);
  return out;
}

export function grownBytes(from: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(capacityFor(length));
  out.set(from);
  return out;
}
