/** Finds places in JSON as we write it, without parsing. */

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

const metadataMark = bytesOf('"metadata":{');
/** They come before the uid, in this order. */
const before: readonly Uint8Array[] = ['"name":"', '"generateName":"', '"namespace":"', '"selfLink":"'].map(bytesOf);
const uidMark = bytesOf('"uid":"');

export function startsWith(value: Uint8Array, mark: Uint8Array, at: number): boolean {
  if (at + mark.length > value.length) return false;
  for (let index = 0; index < mark.length; index += 1) if (value[at + index] !== mark[index]) return false;
  return true;
}

/** Behind the quote that ends a text which begins at `at`; -1 if it has an escape. */
function endOfText(value: Uint8Array, at: number): number {
  for (let index = at; index < value.length; index += 1) {
    const byte = value[index];
    if (byte === quote) return index + 1;
    if (byte === backslash) return -1;
  }
  return -1;
}

/** Where resourceVersion belongs: behind metadata.uid. -1: not of the shape that we write (then it has to be parsed). */
export function behindUid(value: Uint8Array): number {
  // kind and apiVersion, which are texts, stand before metadata: its brace is the second one.
  const brace = value[0] === openBrace ? value.indexOf(openBrace, 1) : -1;
  const mark = brace + 1 - metadataMark.length;
  if (mark < 1 || !startsWith(value, metadataMark, mark)) return -1;
  let at = brace + 1;
  for (const key of before) {
    if (!startsWith(value, key, at)) continue;
    at = endOfText(value, at + key.length);
    if (at < 0) return -1;
    at += 1;
  }
  return startsWith(value, uidMark, at) ? endOfText(value, at + uidMark.length) : -1;
}

/** Where `piece` stands in `whole` if `part` is the rest of it; -1 if it is not. */
export function placeOf(piece: Uint8Array, part: Uint8Array, whole: Uint8Array): number {
  if (whole.length !== part.length + piece.length) return -1;
  let same = 0;
  while (same < part.length && part[same] === whole[same]) same += 1;
  // What follows may begin as the piece does.
  let at = same;
  while (at >= 0 && !startsWith(whole, piece, at)) at -= 1;
  for (let index = at; at >= 0 && index < part.length; index += 1) if (part[index] !== whole[index + piece.length]) return -1;
  return at;
}
