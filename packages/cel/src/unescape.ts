/** The value of a string or bytes literal's text; undefined where an escape is none. */
export function unescape(literal: string, isBytes: boolean): string | undefined {
  let text = literal.replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  const raw = text.startsWith('r') || text.startsWith('R');
  if (raw) text = text.slice(1);
  const quotes = text.length >= 6 && (text.startsWith('\'\'\'') || text.startsWith('"""')) ? 3 : 1;
  const body = text.slice(quotes, -quotes);
  if (raw || !body.includes('\\')) return isBytes ? utf8Binary(body) : body;
  return decode(body, isBytes);
}

const simple: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '\'': '\'', '"': '"', '`': '`', '?': '?' };
const escapes = /\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7][0-7])|([^]))/g;

function decode(body: string, isBytes: boolean): string | undefined {
  let out = '';
  let last = 0;
  for (const found of body.matchAll(escapes)) {
    const between = body.slice(last, found.index);
    out += isBytes ? utf8Binary(between) : between;
    last = found.index + found[0].length;
    const [, hex, short, long, octal, character] = found;
    if (character !== undefined) {
      const value = simple[character];
      if (value === undefined) return undefined;
      out += value;
      continue;
    }
    if (isBytes && (short ?? long) !== undefined) return undefined;
    const code = octal === undefined ? Number.parseInt(hex ?? short ?? long ?? '', 16) : Number.parseInt(octal, 8);
    if (code > 0x10ffff) return undefined;
    // Go writes surrogates as the replacement character.
    out += code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code);
  }
  return out + (isBytes ? utf8Binary(body.slice(last)) : body.slice(last));
}

/** Each byte of the text's UTF-8 as one character. */
function utf8Binary(text: string): string {
  let out = '';
  for (const byte of new TextEncoder().encode(text)) out += String.fromCharCode(byte);
  return out;
}

export const bytesOfBinary = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
