import { operators, type Expr, type FieldEntry, type MapEntry } from './ast.ts';
import { tokenize, type Token } from './lexer.ts';
import { expandMacro, type MacroSet } from './macros.ts';
import type { SourceError } from './source-error.ts';
import { bytesOfBinary, unescape } from './unescape.ts';
import { Uint, stringSize, type CelValue } from './values.ts';

const maxSourceSize = 100_000;
const maxDepth = 250;
const reserved = new Set(['as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop', 'package', 'namespace', 'null', 'return', 'true', 'var', 'void', 'while']);

/** What may begin an expression, as upstream's parser lists it. */
const start = ['[', '{', '(', '.', '-', '!', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER'];
const order = ['[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER'];
const relations: Readonly<Record<string, string>> = {
  '<': operators.less, '<=': operators.lessEquals, '>': operators.greater, '>=': operators.greaterEquals, '==': operators.equals, '!=': operators.notEquals, in: operators.in,
};
const sums: Readonly<Record<string, string>> = { '+': operators.add, '-': operators.subtract };
const products: Readonly<Record<string, string>> = { '*': operators.multiply, '/': operators.divide, '%': operators.modulo };

const classOf: Readonly<Record<Token['type'], string | undefined>> = { identifier: 'IDENTIFIER', int: 'NUM_INT', uint: 'NUM_UINT', double: 'NUM_FLOAT', string: 'STRING', bytes: 'BYTES', punctuation: undefined, end: '<EOF>' };
const quoted = (name: string): string => (/^[A-Z<]{2}/.test(name) ? name : `'${name}'`);
const setText = (names: readonly string[]): string => (names.length === 1 ? quoted(names[0] as string) : `{${names.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)).map(quoted).join(', ')}}`);

/** The text cannot be read any further; what is wrong has been noted. */
class GaveUp extends Error {}

export type ParseResult = { readonly expr: Expr } | { readonly errors: readonly SourceError[] };

export function parse(source: string, macros: MacroSet): ParseResult {
  const size = stringSize(source);
  if (size > maxSourceSize) return { errors: [{ offset: -1, message: `expression code point size exceeds limit: size: ${size}, limit ${maxSourceSize}` }] };
  const errors: SourceError[] = [];
  const parser = new Parser(tokenize(source, errors), errors, macros);
  const expr = parser.whole();
  return expr === undefined || errors.length > 0 ? { errors } : { expr };
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #errors: SourceError[];
  readonly #macros: MacroSet;
  #at = 0;
  #depth = 0;
  /** The closers that are waited for, innermost last. */
  readonly #open: string[] = [];

  constructor(tokens: readonly Token[], errors: SourceError[], macros: MacroSet) {
    this.#tokens = tokens;
    this.#errors = errors;
    this.#macros = macros;
  }

  whole(): Expr | undefined {
    try {
      const expr = this.#expr();
      if (this.#token.type !== 'end') this.#unwanted(['<EOF>']);
      return expr;
    } catch (error) {
      if (error instanceof GaveUp) return undefined;
      throw error;
    }
  }

  get #token(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token;
  }

  #is(text: string): boolean {
    return this.#token.type === 'punctuation' && this.#token.text === text;
  }

  #take(): Token {
    const token = this.#token;
    if (token.type !== 'end') this.#at++;
    return token;
  }

  #accept(text: string): Token | undefined {
    return this.#is(text) ? this.#take() : undefined;
  }

  #error(token: { readonly offset: number }, message: string): void {
    this.#errors.push({ offset: token.offset, message });
  }

  #syntax(token: Token, message: string): void {
    this.#error(token, `Syntax error: ${message}`);
  }

  /** One wrong token that stands before the right one is skipped; everything else ends the reading. */
  #unwanted(expected: readonly string[]): void {
    const token = this.#token;
    const following = this.#peek(1);
    const fits = (other: Token): boolean => expected.includes(classOf[other.type] ?? other.text);
    if (token.type !== 'end' && fits(following)) {
      this.#syntax(token, `extraneous input '${token.text}' expecting ${setText(expected)}`);
      this.#at++;
      return;
    }
    this.#syntax(token, `mismatched input '${token.text}' expecting ${setText(expected)}`);
    throw new GaveUp();
  }

  #expect(text: string, canFollow: (token: Token) => boolean): Token {
    if (this.#is(text)) return this.#take();
    const token = this.#token;
    if (!(token.type !== 'end' && this.#peek(1).text === text) && canFollow(token)) {
      this.#syntax(token, `missing '${text}' at '${token.text}'`);
      return token;
    }
    this.#unwanted([text]);
    return this.#take();
  }

  /** After a closing bracket: operators, or what the brackets around it wait for. */
  readonly #afterOperand = (token: Token): boolean => {
    if (token.type === 'end') return this.#open.length === 0;
    if (token.type !== 'punctuation') return false;
    const innermost = this.#open.at(-1);
    return token.text === innermost || (token.text === ',' && innermost !== undefined) || token.text in relations || token.text in sums || token.text in products
      || ['&&', '||', '?', '.', '['].includes(token.text);
  };

  readonly #begins = (token: Token): boolean => start.includes(classOf[token.type] ?? token.text);

  #enter<T>(read: () => T): T {
    if (++this.#depth > maxDepth) {
      this.#errors.push({ offset: -1, message: `expression recursion limit exceeded: ${maxDepth}` });
      throw new GaveUp();
    }
    const result = read();
    this.#depth--;
    return result;
  }

  #expr(extra: readonly string[] = []): Expr {
    return this.#enter(() => {
      if (!this.#begins(this.#token)) this.#unwanted([...start, ...extra]);
      const condition = this.#logical('||');
      const mark = this.#accept('?');
      if (mark === undefined) return condition;
      this.#open.push(':');
      const whenTrue = this.#logical('||');
      this.#open.pop();
      this.#expect(':', this.#begins);
      return this.#call(mark, operators.conditional, [condition, whenTrue, this.#expr()]);
    });
  }

  /** Chains become balanced trees, as upstream builds them (the cost estimate depends on it). */
  #logical(sign: '||' | '&&'): Expr {
    const operand = (): Expr => (sign === '||' ? this.#logical('&&') : this.#relation());
    const terms = [operand()];
    const signs: Token[] = [];
    for (let token = this.#accept(sign); token !== undefined; token = this.#accept(sign)) {
      signs.push(token);
      terms.push(operand());
    }
    const name = sign === '||' ? operators.or : operators.and;
    const balanced = (low: number, high: number): Expr => {
      const middle = Math.floor((low + high + 1) / 2);
      const left = middle === low ? terms[middle] as Expr : balanced(low, middle - 1);
      const right = middle === high ? terms[middle + 1] as Expr : balanced(middle + 1, high);
      return { kind: 'call', offset: (signs[middle] as Token).offset, name, args: [left, right] };
    };
    return signs.length === 0 ? terms[0] as Expr : balanced(0, signs.length - 1);
  }

  #relation(): Expr {
    return this.#binary(relations, () => this.#binary(sums, () => this.#binary(products, () => this.#unary())));
  }

  #binary(names: Readonly<Record<string, string>>, operand: () => Expr): Expr {
    let left = operand();
    while (this.#token.type === 'punctuation' && Object.hasOwn(names, this.#token.text)) {
      const token = this.#take();
      left = this.#call(token, names[token.text] as string, [left, operand()]);
      // A left-leaning chain is as deep a tree as a right-leaning one.
      if (depthAtLeast(left, maxDepth)) {
        this.#errors.push({ offset: -1, message: `expression recursion limit exceeded: ${maxDepth}` });
        throw new GaveUp();
      }
    }
    return left;
  }

  #unary(): Expr {
    const token = this.#token;
    if (!this.#begins(token)) this.#unwanted(start);
    const sign = this.#is('!') ? '!' : this.#is('-') ? '-' : undefined;
    if (sign === undefined || (sign === '-' && ['int', 'double'].includes(this.#peek(1).type))) return this.#member();
    const first = this.#take();
    let count = 1;
    while (this.#accept(sign) !== undefined) count++;
    if (!this.#begins(this.#token)) this.#unwanted(start.filter((name) => name !== (sign === '!' ? '' : '!')));
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.#call(first, sign === '!' ? operators.not : operators.negate, [operand]);
  }

  #member(): Expr {
    let expr = this.#primary();
    for (let links = 0; ; links++) {
      if (links > maxDepth) {
        this.#errors.push({ offset: -1, message: `expression recursion limit exceeded: ${maxDepth}` });
        throw new GaveUp();
      }
      const dot = this.#accept('.');
      if (dot !== undefined) {
        expr = this.#selection(expr, dot);
        continue;
      }
      const bracket = this.#accept('[');
      if (bracket === undefined) return expr;
      this.#open.push(']');
      const optional = this.#accept('?') !== undefined;
      const index = this.#expr(optional ? [] : ['?']);
      this.#open.pop();
      this.#expect(']', this.#afterOperand);
      expr = this.#call(bracket, optional ? operators.optionalIndex : operators.index, [expr, index]);
    }
  }

  #selection(operand: Expr, dot: Token): Expr {
    const optional = this.#accept('?') !== undefined;
    const name = this.#token;
    if (name.type !== 'identifier') {
      const read = name.type === 'end' ? '' : name.text;
      this.#syntax(name, ['true', 'false', 'null'].includes(read) ? `mismatched input '${read}' expecting IDENTIFIER` : `no viable alternative at input '.${optional ? '?' : ''}${read}'`);
      // Upstream reads on where an operator follows, and tells what is wrong after it.
      if (!(read in relations || read in sums || read in products || read === '&&' || read === '||')) throw new GaveUp();
      return operand;
    }
    this.#take();
    if (optional) return { kind: 'call', offset: dot.offset, name: operators.optionalSelect, args: [operand, { kind: 'literal', offset: name.offset, value: name.text }] };
    const bracket = this.#accept('(');
    if (bracket === undefined) return { kind: 'select', offset: dot.offset, operand, field: name.text, testOnly: false };
    return this.#call(bracket, name.text, this.#arguments(), operand);
  }

  #arguments(): Expr[] {
    const args: Expr[] = [];
    this.#open.push(')');
    if (!this.#is(')')) {
      do args.push(this.#expr(args.length === 0 ? [')'] : [])); while (this.#accept(',') !== undefined);
    }
    this.#open.pop();
    this.#expect(')', this.#afterOperand);
    return args;
  }

  #call(token: Token, name: string, args: readonly Expr[], target?: Expr): Expr {
    const expanded = expandMacro(this.#macros, name, token.offset, target, args);
    if (expanded === undefined) return { kind: 'call', offset: token.offset, name, target, args };
    if ('kind' in expanded) return expanded;
    this.#errors.push(expanded);
    return { kind: 'literal', offset: token.offset, value: null };
  }

  #primary(): Expr {
    const token = this.#token;
    if (!this.#begins(token) || this.#is('!')) this.#unwanted(start);
    if (this.#is('-') || ['int', 'uint', 'double', 'string', 'bytes'].includes(token.type)) return this.#literal();
    if (token.type === 'identifier') return this.#name('');
    this.#take();
    switch (token.text) {
      case 'true': case 'false': return { kind: 'literal', offset: token.offset, value: token.text === 'true' };
      case 'null': return { kind: 'literal', offset: token.offset, value: null };
      case '(': return this.#nested();
      case '[': return this.#list(token);
      case '{': return this.#map(token);
      default: return this.#afterLeadingDot();
    }
  }

  #afterLeadingDot(): Expr {
    if (this.#token.type !== 'identifier') this.#unwanted(['IDENTIFIER']);
    return this.#name('.');
  }

  #nested(): Expr {
    this.#open.push(')');
    const expr = this.#expr();
    this.#open.pop();
    this.#expect(')', this.#afterOperand);
    return expr;
  }

  #name(dot: '' | '.'): Expr {
    const typeName = this.#structName();
    if (typeName !== undefined) return this.#struct(dot + typeName);
    const token = this.#take();
    if (reserved.has(token.text)) {
      this.#error(token, `reserved identifier: ${token.text}`);
    }
    const bracket = this.#accept('(');
    if (bracket === undefined) return { kind: 'ident', offset: token.offset, name: dot + token.text };
    return this.#call(bracket, dot + token.text, this.#arguments());
  }

  /** `a.b.C` before a `{`. */
  #structName(): string | undefined {
    let ahead = 0;
    let name = this.#token.text;
    while (this.#peek(ahead + 1).text === '.' && this.#peek(ahead + 2).type === 'identifier') {
      ahead += 2;
      name += `.${this.#peek(ahead).text}`;
    }
    if (this.#peek(ahead + 1).text !== '{' || this.#peek(ahead + 1).type !== 'punctuation') return undefined;
    this.#at += ahead + 1;
    return name;
  }

  #struct(type: string): Expr {
    const brace = this.#take();
    const fields: FieldEntry[] = [];
    this.#entries('}', () => {
      const optional = this.#accept('?') !== undefined;
      if (this.#token.type !== 'identifier') this.#unwanted(['IDENTIFIER']);
      const field = this.#take();
      const colon = this.#expect(':', this.#begins);
      fields.push({ offset: colon.offset, field: field.text, value: this.#expr(), optional });
    });
    return { kind: 'struct', offset: brace.offset, type, fields };
  }

  #list(bracket: Token): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    this.#entries(']', () => {
      if (this.#accept('?') !== undefined) optional.add(elements.length);
      elements.push(this.#expr());
    });
    return { kind: 'list', offset: bracket.offset, elements, optional };
  }

  #map(brace: Token): Expr {
    const entries: MapEntry[] = [];
    this.#entries('}', () => {
      const optional = this.#accept('?') !== undefined;
      this.#open.push(':');
      const key = this.#expr();
      this.#open.pop();
      this.#expect(':', this.#begins);
      entries.push({ key, value: this.#expr(), optional });
    });
    return { kind: 'map', offset: brace.offset, entries };
  }

  /** Entries with commas between them and perhaps after the last. */
  #entries(close: ']' | '}', entry: () => void): void {
    this.#open.push(close);
    if (this.#is(',')) this.#take();
    else {
      while (!this.#is(close)) {
        entry();
        if (this.#accept(',') === undefined) break;
      }
    }
    this.#open.pop();
    if (this.#is(close)) this.#take();
    else {
      this.#unwanted([close, ',']);
      this.#take();
    }
  }

  #literal(): Expr {
    const first = this.#token;
    const sign = this.#accept('-') === undefined ? '' : '-';
    const token = this.#token;
    if (sign !== '' && token.type !== 'int' && token.type !== 'double') this.#unwanted(['NUM_FLOAT', 'NUM_INT']);
    this.#take();
    const value = literalValue(token, sign);
    if (typeof value === 'object' && value !== null && 'wrong' in value) {
      this.#error(first, value.wrong);
      return { kind: 'literal', offset: first.offset, value: null };
    }
    return { kind: 'literal', offset: first.offset, value };
  }
}

function depthAtLeast(expr: Expr, limit: number): boolean {
  let depth = 0;
  for (let node: Expr | undefined = expr; node?.kind === 'call' && node.target === undefined; node = node.args[0]) if (++depth >= limit) return true;
  return false;
}

function literalValue(token: Token, sign: string): CelValue | { readonly wrong: string } {
  switch (token.type) {
    case 'int': {
      const value = BigInt(token.text) * (sign === '-' ? -1n : 1n);
      return BigInt.asIntN(64, value) === value ? value : { wrong: 'invalid int literal' };
    }
    case 'uint': {
      const value = BigInt(token.text.slice(0, -1));
      return BigInt.asUintN(64, value) === value ? new Uint(value) : { wrong: 'invalid uint literal' };
    }
    case 'double': {
      const value = Number(sign + token.text);
      return Number.isFinite(value) ? value : { wrong: 'invalid double literal' };
    }
    case 'bytes': {
      const text = unescape(token.text.slice(1), true);
      return text === undefined ? { wrong: 'unable to unescape string' } : bytesOfBinary(text);
    }
    default: return unescape(token.text, false) ?? { wrong: 'unable to unescape string' };
  }
}
