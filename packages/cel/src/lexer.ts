import type { SourceError } from './source-error.ts';
import { stringSize } from './values.ts';

export type TokenType = 'punctuation' | 'identifier' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'end';

export interface Token {
  readonly type: TokenType;
  readonly text: string;
  /** In code points. */
  readonly offset: number;
}

const identifier = /[A-Za-z_][A-Za-z0-9_]*/y;
const space = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
const number = /(?:(\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|(0x[0-9a-fA-F]+[uU]|\d+[uU])|(0x[0-9a-fA-F]+|\d+))/y;
const escape = String.raw`\\(?:[abfnrtv"'\\?\x60]|[0-3][0-7][0-7]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})`;
const text = new RegExp([
  String.raw`[bB]?(?:[rR](?:"""[^]*?"""|'''[^]*?'''|"[^"\n\r]*"|'[^'\n\r]*')`,
  String.raw`"""(?:${escape}|[^\\])*?"""|'''(?:${escape}|[^\\])*?'''`,
  String.raw`"(?:${escape}|[^\\"\n\r])*"|'(?:${escape}|[^\\'\n\r])*')`,
].join('|'), 'yu');
/** How far an unfinished string could be read. */
const brokenText = new RegExp(String.raw`[bB]?(?:[rR]["'][^\n\r]*|"(?:${escape}|[^\\"\n\r])*|'(?:${escape}|[^\\'\n\r])*)(?:\\(?:[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7}|[0-3][0-7]?)?)?`, 'yu');
const punctuation = /==|!=|<=|>=|&&|\|\||[[\]{}().,\-!?:+*/%<>]/y;
/** `true`, `in` and their like are tokens of their own. */
const keywords: ReadonlySet<string> = new Set(['in', 'true', 'false', 'null']);

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function numberType(source: string, at: number): TokenType {
  number.lastIndex = at;
  const found = number.exec(source);
  return found?.[1] !== undefined ? 'double' : found?.[2] !== undefined ? 'uint' : 'int';
}

function next(source: string, at: number): { readonly type: TokenType; readonly text: string } | undefined {
  const string = match(text, source, at);
  if (string !== undefined) return { type: /^[bB]/.test(string) ? 'bytes' : 'string', text: string };
  const name = match(identifier, source, at);
  if (name !== undefined) return { type: keywords.has(name) ? 'punctuation' : 'identifier', text: name };
  const digits = match(number, source, at);
  if (digits !== undefined) return { type: numberType(source, at), text: digits };
  const sign = match(punctuation, source, at);
  return sign === undefined ? undefined : { type: 'punctuation', text: sign };
}

/** What upstream's lexer has read when it gives up: up to and with the character that does not fit. */
function unreadable(source: string, at: number): string {
  const broken = match(brokenText, source, at);
  const prefix = broken ?? (/[=&|]/.test(source[at] as string) ? source[at] as string : '');
  const bad = source.codePointAt(at + prefix.length);
  return bad === undefined ? prefix : prefix + String.fromCodePoint(bad);
}

const shown = (read: string): string => read.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');

/** Tokens, the last of type `end`. */
export function tokenize(source: string, errors: SourceError[]): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let offset = 0;
  const advance = (read: string): void => {
    at += read.length;
    offset += stringSize(read);
  };
  while (at < source.length) {
    const blank = match(space, source, at);
    if (blank !== undefined) {
      advance(blank);
      continue;
    }
    const token = next(source, at);
    if (token === undefined) {
      const read = unreadable(source, at);
      errors.push({ offset, message: `Syntax error: token recognition error at: '${shown(read)}'` });
      advance(read);
      continue;
    }
    tokens.push({ ...token, offset });
    advance(token.text);
  }
  tokens.push({ type: 'end', text: '<EOF>', offset });
  return tokens;
}
