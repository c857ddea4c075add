export type TokenKind = 'identifier' | 'end' | 'error' | '(' | ')' | ',' | '!' | '=' | '==' | '!=' | '>' | '<' | 'in' | 'notin';

export interface Token {
  readonly kind: TokenKind;
  /** As written; error texts quote it. */
  readonly text: string;
}

const symbols = new Set<string>(['(', ')', ',', '!', '=', '==', '!=', '>', '<']);
const specialCharacters = '=!(),><';

function scanSymbol(text: string, start: number): Token {
  let found = '';
  let read = '';
  for (let at = start; at < text.length && specialCharacters.includes(text[at] as string); at++) {
    read += text[at] as string;
    if (symbols.has(read)) found = read;
    else if (found !== '') break;
  }
  return found === '' ? { kind: 'error', text: `error expected: keyword found '${read}'` } : { kind: found as TokenKind, text: found };
}

function scanWord(text: string, start: number): Token {
  let end = start;
  while (end < text.length && !specialCharacters.includes(text[end] as string) && !' \t\r\n'.includes(text[end] as string)) end++;
  const word = text.slice(start, end);
  return { kind: word === 'in' || word === 'notin' ? word : 'identifier', text: word };
}

/** Tokens of a selector's text; always ends with `end`. */
export function lexLabelSelector(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++;
    if (at >= text.length) break;
    const token = specialCharacters.includes(text[at] as string) ? scanSymbol(text, at) : scanWord(text, at);
    tokens.push(token);
    if (token.kind === 'error') break;
    at += token.text.length;
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}
