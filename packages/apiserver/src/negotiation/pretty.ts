/** JSON text with two spaces of indentation; what stands between quotes stays as it is, byte by byte. */
export function indentJson(json: string): string {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  const line = (): string => `\n${'  '.repeat(depth)}`;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (code === 34) {
      at = endOfString(json, at);
    } else if (code === 123 || code === 91) {
      const empty = json.charCodeAt(at + 1) === code + 2;
      if (empty) {
        at += 1;
        continue;
      }
      depth += 1;
      parts.push(json.slice(start, at + 1), line());
      start = at + 1;
    } else if (code === 125 || code === 93) {
      depth -= 1;
      parts.push(json.slice(start, at), line());
      start = at;
    } else if (code === 44) {
      parts.push(json.slice(start, at + 1), line());
      start = at + 1;
    } else if (code === 58) {
      parts.push(json.slice(start, at + 1), ' ');
      start = at + 1;
    }
  }
  parts.push(json.slice(start));
  return parts.join('');
}

/** Of the closing quote. */
function endOfString(json: string, open: number): number {
  let at = open + 1;
  while (json.charCodeAt(at) !== 34) at += json.charCodeAt(at) === 92 ? 2 : 1;
  return at;
}
