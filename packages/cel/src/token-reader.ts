import { operators } from './ast.ts';
import type { Token } from './lexer.ts';
import type { SourceError } from './source-error.ts';

export const maxDepth = 250;

/** What may begin an expression, as upstream's parser lists it. */
export const start = ['[', '{', '(', '.', '-', '!', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER'];
const order = ['[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER'];
export const relations: Readonly<Record<string, string>> = {
  '<': operators.less, '<=': operators.lessEquals, '>': operators.greater, '>=': operators.greaterEquals, '==': operators.equals, '!=': operators.notEquals, in: operators.in,
};
export const sums: Readonly<Record<string, string>> = { '+': operators.add, '-': operators.subtract };
export const products: Readonly<Record<string, string>> = { '*': operators.multiply, '/': operators.divide, '%': operators.modulo };


const classOf: Readonly<Record<Token['type'], string | undefined>> = { identifier: 'IDENTIFIER', int: 'NUM_INT', uint: 'NUM_UINT', double: 'NUM_FLOAT', string: 'STRING', bytes: 'BYTES', punctuation: undefined, end: '<EOF>' };
const quoted = (name: string): string => (/^[A-Z<]{2}/.test(name) ? name : `'${name}'`);
const setText = (names: readonly string[]): string => (names.length === 1 ? quoted(names[0] as string) : `{${names.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)).map(quoted).join(', ')}}`);

/** The text cannot be read any further; what is wrong has been noted. */
export class GaveUp extends Error {}

/** The tokens of an expression in order, and what is said of those that do not fit, in the words of upstream's generated parser. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #errors: SourceError[];
  #at = 0;
  /** The closers that are waited for, innermost last. */
  readonly open: string[] = [];

  constructor(tokens: readonly Token[], errors: SourceError[]) {
    this.#tokens = tokens;
    this.#errors = errors;
  }

  get token(): Token {
    return this.#tokens[this.#at] as Token;
  }

  peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token;
  }

  is(text: string): boolean {
    return this.token.type === 'punctuation' && this.token.text === text;
  }

  skip(count: number): void {
    this.#at += count;
  }

  take(): Token {
    const token = this.token;
    if (token.type !== 'end') this.#at++;
    return token;
  }

  accept(text: string): Token | undefined {
    return this.is(text) ? this.take() : undefined;
  }

  /** What is wrong with it; the reading goes on. */
  error(token: { readonly offset: number }, message: string): void {
    this.#errors.push({ offset: token.offset, message });
  }

  syntax(token: Token, message: string): void {
    this.error(token, `Syntax error: ${message}`);
  }

  tooDeep(): never {
    this.#errors.push({ offset: -1, message: `expression recursion limit exceeded: ${maxDepth}` });
    throw new GaveUp();
  }

  /** One wrong token that stands before the right one is skipped; everything else ends the reading. */
  unwanted(expected: readonly string[]): void {
    const token = this.token;
    const following = this.peek(1);
    const fits = (other: Token): boolean => expected.includes(classOf[other.type] ?? other.text);
    if (token.type !== 'end' && fits(following)) {
      this.syntax(token, `extraneous input '${token.text}' expecting ${setText(expected)}`);
      this.#at++;
      return;
    }
    this.syntax(token, `mismatched input '${token.text}' expecting ${setText(expected)}`);
    throw new GaveUp();
  }

  expect(text: string, canFollow: (token: Token) => boolean): Token {
    if (this.is(text)) return this.take();
    const token = this.token;
    if (!(token.type !== 'end' && this.peek(1).text === text) && canFollow(token)) {
      this.syntax(token, `missing '${text}' at '${token.text}'`);
      return token;
    }
    this.unwanted([text]);
    return this.take();
  }

  /** After a closing bracket: operators, or what the brackets around it wait for. */
  readonly afterOperand = (token: Token): boolean => {
    if (token.type === 'end') return this.open.length === 0;
    if (token.type !== 'punctuation') return false;
    const innermost = this.open.at(-1);
    return token.text === innermost || (token.text === ',' && innermost !== undefined) || token.text in relations || token.text in sums || token.text in products
      || ['&&', '||', '?', '.', '['].includes(token.text);
  };

  readonly begins = (token: Token): boolean => start.includes(classOf[token.type] ?? token.text);
}
