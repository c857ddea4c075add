import { concatBytes, fromUtf8, type ByteSource } from '@coxswain/host';

/** Splits a stream at newlines, whatever the chunks; JSON escapes a newline inside a text, so each line is a whole value. */
export async function* jsonLines(source: ByteSource): AsyncGenerator<unknown, void, undefined> {
  let pending: Uint8Array[] = [];
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      const line = fromUtf8(concatBytes(pending));
      pending = [];
      start = end + 1;
      if (line.trim() !== '') yield JSON.parse(line);
    }
    // A copy, since a transport may use its buffer again.
    if (start < chunk.length) pending.push(chunk.slice(start));
  }
  const rest = fromUtf8(concatBytes(pending));
  // What was cut off in the middle of an event is told again by the next watch.
  if (rest.trim() !== '' && isWhole(rest)) yield JSON.parse(rest);
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
