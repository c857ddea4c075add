const simple: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const hex = /^[0-9a-fA-F]{4}$/;

function firstNotHex(text: string, at: number): number {
  let end = at;
  while (end < at + 4 && /[0-9a-fA-F]/.test(text[end] ?? '')) end++;
  return end;
}

/** Go writes U+FFFD for half a surrogate pair. */
function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

/**
 * The rest of a string literal from `at` on, where plain scanning stopped. Answers the whole string from `start` and the offset after the
 * closing quote, or the offset of the character that does not belong.
 */
export function scanEscaped(text: string, start: number, from: number): { readonly value: string; readonly end: number } | number {
  const parts = [text.slice(start, from)];
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === 34) return { value: wellFormed(parts.join('')), end: at + 1 };
    if (Number.isNaN(code)) return -1;
    if (code < 32) return at;
    if (code !== 92) {
      const plain = at;
      for (let next = code; next !== 34 && next !== 92 && next >= 32; next = text.charCodeAt(at)) at++;
      parts.push(text.slice(plain, at));
      continue;
    }
    const letter = text[at + 1] ?? '';
    const known = simple[letter];
    if (known !== undefined) {
      parts.push(known);
      at += 2;
    } else if (letter === 'u') {
      const digits = text.slice(at + 2, at + 6);
      if (!hex.test(digits)) return firstNotHex(text, at + 2);
      parts.push(String.fromCharCode(Number.parseInt(digits, 16)));
      at += 6;
    } else return at + 1;
  }
}
