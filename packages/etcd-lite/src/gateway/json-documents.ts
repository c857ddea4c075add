import type { ByteSource } from '@coxswain/host';

/** The JSON documents of a stream, one after another with or without space between, each as its text. */
export async function* jsonDocuments(source: ByteSource, maxChars: number): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  let scanned = 0;
  let depth = 0;
  let quoted = false;
  for await (const chunk of source) {
    text += decoder.decode(chunk, { stream: true });
    for (; scanned < text.length; scanned += 1) {
      const char = text[scanned] as string;
      if (quoted) {
        if (char === '\\') scanned += 1;
        else if (char === '"') quoted = false;
      } else if (char === '"') {
        quoted = true;
      } else if (char === '{' || char === '[') {
        depth += 1;
      } else if (char === '}' || char === ']') {
        depth -= 1;
        if (depth > 0) continue;
        yield text.slice(0, scanned + 1);
        text = text.slice(scanned + 1);
        scanned = -1;
        depth = 0;
      }
    }
    if (text.length > maxChars) break;
  }
  // What is no whole document is handed on, so that the parser says what is wrong with it.
  if (text.trim() !== '') yield text;
}
