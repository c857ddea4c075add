// Only what every encoder writes as it stands: no quotes, backslashes, control or non-ASCII characters, and not <, > or &.
const plain = /^[\x20\x21\x23-\x25\x27-\x3b\x3d\x3f-\x5b\x5d-\x7e]*$/;
const special = /[<>&\u2028\u2029]/g;
const escapes: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };

/** A JSON string as Go's encoder writes it: safe inside HTML, well-formed Unicode. */
export function quoteJson(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return JSON.stringify(wellFormed).replace(special, (found) => escapes[found] as string);
}
