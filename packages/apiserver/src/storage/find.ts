import { fromUtf8, utf8 } from '@coxswain/host';

/** Looks into JSON as we write it, which has no space between its parts, without parsing what is not asked for. */

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBrace = 0x7d;
const closeBracket = 0x5d;
const lastAscii = 0x7f;

/** Behind the quote that ends the text whose first quote is at `at`. */
function behindText(json: Uint8Array, at: number): number {
  let index = at + 1;
  for (; index < json.length && json[index] !== quote; index += 1) if (json[index] === backslash) index += 1;
  return index + 1;
}

function behindValue(json: Uint8Array, at: number): number {
  if (json[at] === quote) return behindText(json, at);
  let depth = 0;
  for (let index = at; index < json.length; index += 1) {
    const byte = json[index];
    if (byte === quote) index = behindText(json, index) - 1;
    else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      if (depth <= 1) return depth === 1 ? index + 1 : index;
      depth -= 1;
    } else if (byte === comma && depth === 0) return index;
  }
  return json.length;
}

function isKey(json: Uint8Array, at: number, end: number, key: Uint8Array): boolean {
  if (end - at !== key.length) return false;
  for (let index = 0; index < key.length; index += 1) if (json[at + index] !== key[index]) return false;
  return true;
}

/** As `isKey`, without encoding the name: one that is not ASCII is not found. */
function isNamed(json: Uint8Array, at: number, end: number, name: string): boolean {
  if (end - at !== name.length) return false;
  for (let index = 0; index < name.length; index += 1) {
    const code = name.charCodeAt(index);
    if (code > lastAscii || json[at + index] !== code) return false;
  }
  return true;
}

/** Where the value of the member begins; -1: the object at `at` has none of that name. */
function memberAt(json: Uint8Array, at: number, key: Uint8Array): number {
  if (json[at] !== openBrace) return -1;
  for (let index = at + 1; json[index] === quote; index += 1) {
    const end = behindText(json, index);
    if (isKey(json, index + 1, end - 1, key)) return end + 1;
    index = behindValue(json, end + 1);
    if (json[index] !== comma) return -1;
  }
  return -1;
}

/** The values of these members of the outermost object, as they stand there; none of members whose name is not ASCII. */
export function memberTexts(json: Uint8Array, names: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (json[0] !== openBrace) return found;
  for (let index = 1; json[index] === quote; index += 1) {
    const end = behindText(json, index);
    const name = names.find((one) => isNamed(json, index + 1, end - 1, one));
    index = behindValue(json, end + 1);
    if (name !== undefined) found.set(name, fromUtf8(json.subarray(end + 1, index)));
    if (json[index] !== comma || found.size === names.length) break;
  }
  return found;
}

/** Finds the text at that path; '' where there is none, or something else. */
export function textFinder(...path: readonly string[]): (json: Uint8Array) => string {
  const keys = path.map(utf8);
  return (json) => {
    let at = 0;
    for (const key of keys) {
      at = memberAt(json, at, key);
      if (at < 0) return '';
    }
    if (json[at] !== quote) return '';
    const raw = fromUtf8(json.subarray(at, behindText(json, at)));
    return raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  };
}
