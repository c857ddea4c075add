import { ValueError } from './time.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const wellFormed = /^[A-Za-z0-9+/]*(?:[AQgw]==|[AEIMQUYcgkosw048]=)?$/;

function corrupt(offset: number): never {
  throw new ValueError(`illegal base64 data at input byte ${offset}`);
}

/** Offset of the first thing that Go's decoder stumbles over. Line breaks are skipped. */
function check(text: string): void {
  let inQuantum = 0;
  let at = 0;
  for (; at < text.length; at++) {
    const letter = text[at] as string;
    if (letter === '\n' || letter === '\r') continue;
    if (letter === '=') break;
    if (!alphabet.includes(letter)) corrupt(at);
    inQuantum = (inQuantum + 1) % 4;
  }
  if (at === text.length) {
    if (inQuantum !== 0) corrupt(at - inQuantum);
    return;
  }
  if (inQuantum < 2) corrupt(at);
  const rest = text.slice(at).replace(/[\r\n]/g, '');
  const padding = 4 - inQuantum;
  if (rest.length < padding) corrupt(text.length);
  if (padding === 2 && rest[1] !== '=') corrupt(at);
  if (rest.length > padding) corrupt(at + padding);
}

/** Base64 as Go would write it again: no line breaks, no stray bits in the last character. Throws ValueError. */
export function canonicalBase64(text: string): string {
  if (text.length % 4 === 0 && wellFormed.test(text)) return text;
  check(text);
  const joined = text.replace(/[\r\n]/g, '');
  const padding = joined.endsWith('==') ? 2 : joined.endsWith('=') ? 1 : 0;
  if (padding === 0) return joined;
  const last = joined.length - padding - 1;
  const value = alphabet.indexOf(joined[last] as string) & (padding === 2 ? 0b110000 : 0b111100);
  return joined.slice(0, last) + (alphabet[value] as string) + joined.slice(last + 1);
}
