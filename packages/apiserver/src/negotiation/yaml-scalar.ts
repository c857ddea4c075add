/** How Go's YAML encoder writes a string: plain if it can be read back as one, else quoted or as a block. */
export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal';

const words = new Set([
  'y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON', 'n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF',
  '', '~', 'null', 'Null', 'NULL', '.nan', '.NaN', '.NAN', '.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF', '-.inf', '-.Inf', '-.INF',
]);
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const integer = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9]\d*|0)$/;
const base60 = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/;
const date = /^\d{4}-(\d{1,2})-(\d{1,2})(?:[Tt ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?)?$/;

function isTimestamp(text: string): boolean {
  const found = date.exec(text);
  if (found === null) return false;
  const [month, day, hour, minute, second] = found.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number, number];
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 60;
}

/** Read back without quotes it would be something else. */
function needsQuotes(text: string): boolean {
  if (words.has(text)) return true;
  const first = text.charCodeAt(0);
  const numberLike = (first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46;
  if (!numberLike) return false;
  const digits = first === 46 ? text : text.replaceAll('_', '');
  return integer.test(digits) || float.test(digits) || base60.test(text) || isTimestamp(text);
}

/** What the encoder prints as it is; everything else is escaped. Four-byte characters are not among it. */
function isPrintable(code: number): boolean {
  if (code === 0x0a || (code >= 0x20 && code <= 0x7e)) return true;
  return code >= 0xa0 && code <= 0xfffd && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfeff;
}

function isBreak(code: number): boolean {
  return code === 0x0a || code === 0x0d || code === 0x85 || code === 0x2028 || code === 0x2029;
}

interface Allowed {
  readonly plain: boolean;
  readonly single: boolean;
  readonly block: boolean;
}

/** Regular expressions, since a text may have any length: going through its characters one by one takes twenty times as long. */
const anyBreak = /[\n\r\x85\u2028\u2029]/;
/** What `isPrintable` denies; halves of pairs are among it. */
const unprintable = /[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const breakThenSpace = /[\n\r\x85\u2028\u2029] /;
const spaceThenBreak = / [\n\r\x85\u2028\u2029]/;
const outerBlank = /^[ \n\r\x85\u2028\u2029]|[ \n\r\x85\u2028\u2029]$/;
const inlineIndicator = /[^]:(?:[ \t\n\r\x85\u2028\u2029]|$)|[ \t\n\r\x85\u2028\u2029]#/;
const leadingIndicator = /^(?:---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-](?:[ \t\n\r\x85\u2028\u2029]|$))/;

function allowedStyles(text: string): Allowed {
  if (text === '') return { plain: true, single: true, block: false };
  const special = unprintable.test(text);
  const spaceBreak = spaceThenBreak.test(text);
  const bare = !special && !anyBreak.test(text) && !outerBlank.test(text) && !leadingIndicator.test(text) && !inlineIndicator.test(text);
  return { plain: bare, single: !spaceBreak && !special && !breakThenSpace.test(text), block: !text.endsWith(' ') && !spaceBreak && !special };
}

/** `key`: before a colon, on one line. */
export function styleOf(text: string, key: boolean): ScalarStyle {
  const allowed = allowedStyles(text);
  if (text.includes('\n')) return allowed.block && !key ? 'literal' : 'double';
  if (needsQuotes(text)) return 'double';
  if (allowed.plain && !(text === '' && key)) return 'plain';
  return allowed.single ? 'single' : 'double';
}

const named: Readonly<Record<number, string>> = {
  0: '0', 7: 'a', 8: 'b', 9: 't', 10: 'n', 11: 'v', 12: 'f', 13: 'r', 27: 'e', 34: '"', 92: '\\', 0x85: 'N', 0xa0: '_', 0x2028: 'L', 0x2029: 'P',
};

/** A character inside double quotes. */
export function escaped(character: string): string {
  const point = character.codePointAt(0) as number;
  if (isPrintable(point) && point !== 34 && point !== 92 && !isBreak(point)) return character;
  const name = named[point];
  if (name !== undefined) return `\\${name}`;
  const hex = point.toString(16).toUpperCase();
  if (point <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return point <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
