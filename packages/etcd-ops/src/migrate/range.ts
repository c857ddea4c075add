export interface ByteRange {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

const zero = new Uint8Array([0]);

/** All keys that begin with `prefix`, in etcd's way of naming a range; an empty prefix: all keys there are. */
export function rangeOf(prefix: Uint8Array): ByteRange {
  if (prefix.length === 0) return { key: zero, rangeEnd: zero };
  return { key: prefix, rangeEnd: prefixEnd(prefix) };
}

/** The first key after all with this prefix; after 0xff… there is none, and the range is open. */
function prefixEnd(prefix: Uint8Array): Uint8Array {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return zero;
  const end = prefix.slice(0, length);
  end[length - 1] = (end[length - 1] as number) + 1;
  return end;
}

/** The smallest key after `key`. */
export function successor(key: Uint8Array): Uint8Array {
  const out = new Uint8Array(key.length + 1);
  out.set(key);
  return out;
}
