import { operators, type Expr, type FieldEntry, type MapEntry } from './ast.ts';
import { tokenize, type Token } from './lexer.ts';
import { literalValue } from './literal.ts';
import { expandMacro, type MacroSet } from './macros.ts';
import type { SourceError } from './source-error.ts';
import { GaveUp, TokenReader, maxDepth, products, relations, start, sums } from './token-reader.ts';
import { stringSize } from './values.ts';

const maxSourceSize = 100_000;
const reserved = new Set(['as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop', 'package', 'namespace', 'null', 'return', 'true', 'var', 'void', 'while']);

export type ParseResult = { readonly expr: Expr } | { readonly errors: readonly SourceError[] };

export function parse(source: string, macros: MacroSet): ParseResult {
  const size = stringSize(source);
  if (size > maxSourceSize) return { errors: [{ offset: -1, message: `expression code point size exceeds limit: size: ${size}, limit ${maxSourceSize}` }] };
  const errors: SourceError[] = [];
  const parser = new Parser(new TokenReader(tokenize(source, errors), errors), macros);
  const expr = parser.whole();
  return expr === undefined || errors.length > 0 ? { errors } : { expr };
}

class Parser {
  readonly #in: TokenReader;
  readonly #macros: MacroSet;
  #depth = 0;

  constructor(input: TokenReader, macros: MacroSet) {
    this.#in = input;
    this.#macros = macros;
  }

  whole(): Expr | undefined {
    try {
      const expr = this.#expr();
      if (this.#in.token.type !== 'end') this.#in.unwanted(['<EOF>']);
      return expr;
    } catch (error) {
      if (error instanceof GaveUp) return undefined;
      throw error;
    }
  }

  #enter<T>(read: () => T): T {
    if (++this.#depth > maxDepth) this.#in.tooDeep();
    const result = read();
    this.#depth--;
    return result;
  }

  #expr(extra: readonly string[] = []): Expr {
    return this.#enter(() => {
      if (!this.#in.begins(this.#in.token)) this.#in.unwanted([...start, ...extra]);
      const condition = this.#logical('||');
      const mark = this.#in.accept('?');
      if (mark === undefined) return condition;
      this.#in.open.push(':');
      const whenTrue = this.#logical('||');
      this.#in.open.pop();
      this.#in.expect(':', this.#in.begins);
      return this.#call(mark, operators.conditional, [condition, whenTrue, this.#expr()]);
    });
  }

  /** Chains become balanced trees, as upstream builds them (the cost estimate depends on it). */
  #logical(sign: '||' | '&&'): Expr {
    const operand = (): Expr => (sign === '||' ? this.#logical('&&') : this.#relation());
    const terms = [operand()];
    const signs: Token[] = [];
    for (let token = this.#in.accept(sign); token !== undefined; token = this.#in.accept(sign)) {
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
    while (this.#in.token.type === 'punctuation' && Object.hasOwn(names, this.#in.token.text)) {
      const token = this.#in.take();
      left = this.#call(token, names[token.text] as string, [left, operand()]);
      // A left-leaning chain is as deep a tree as a right-leaning one.
      if (depthAtLeast(left, maxDepth)) this.#in.tooDeep();
    }
    return left;
  }

  #unary(): Expr {
    const token = this.#in.token;
    if (!this.#in.begins(token)) this.#in.unwanted(start);
    const sign = this.#in.is('!') ? '!' : this.#in.is('-') ? '-' : undefined;
    if (sign === undefined || (sign === '-' && ['int', 'double'].includes(this.#in.peek(1).type))) return this.#member();
    const first = this.#in.take();
    let count = 1;
    while (this.#in.accept(sign) !== undefined) count++;
    if (!this.#in.begins(this.#in.token)) this.#in.unwanted(start.filter((name) => name !== (sign === '!' ? '' : '!')));
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.#call(first, sign === '!' ? operators.not : operators.negate, [operand]);
  }

  #member(): Expr {
    let expr = this.#primary();
    for (let links = 0; ; links++) {
      if (links > maxDepth) this.#in.tooDeep();
      const dot = this.#in.accept('.');
      if (dot !== undefined) {
        expr = this.#selection(expr, dot);
        continue;
      }
      const bracket = this.#in.accept('[');
      if (bracket === undefined) return expr;
      this.#in.open.push(']');
      const optional = this.#in.accept('?') !== undefined;
      const index = this.#expr(optional ? [] : ['?']);
      this.#in.open.pop();
      this.#in.expect(']', this.#in.afterOperand);
      expr = this.#call(bracket, optional ? operators.optionalIndex : operators.index, [expr, index]);
    }
  }

  #selection(operand: Expr, dot: Token): Expr {
    const optional = this.#in.accept('?') !== undefined;
    const name = this.#in.token;
    if (name.type !== 'identifier') {
      const read = name.type === 'end' ? '' : name.text;
      this.#in.syntax(name, ['true', 'false', 'null'].includes(read) ? `mismatched input '${read}' expecting IDENTIFIER` : `no viable alternative at input '.${optional ? '?' : ''}${read}'`);
      // Upstream reads on where an operator follows, and tells what is wrong after it.
      if (!(read in relations || read in sums || read in products || read === '&&' || read === '||')) throw new GaveUp();
      return operand;
    }
    this.#in.take();
    if (optional) return { kind: 'call', offset: dot.offset, name: operators.optionalSelect, args: [operand, { kind: 'literal', offset: name.offset, value: name.text }] };
    const bracket = this.#in.accept('(');
    if (bracket === undefined) return { kind: 'select', offset: dot.offset, operand, field: name.text, testOnly: false };
    return this.#call(bracket, name.text, this.#arguments(), operand);
  }

  #arguments(): Expr[] {
    const args: Expr[] = [];
    this.#in.open.push(')');
    if (!this.#in.is(')')) {
      do args.push(this.#expr(args.length === 0 ? [')'] : [])); while (this.#in.accept(',') !== undefined);
    }
    this.#in.open.pop();
    this.#in.expect(')', this.#in.afterOperand);
    return args;
  }

  #call(token: Token, name: string, args: readonly Expr[], target?: Expr): Expr {
    const expanded = expandMacro(this.#macros, name, token.offset, target, args);
    if (expanded === undefined) return { kind: 'call', offset: token.offset, name, target, args };
    if ('kind' in expanded) return expanded;
    this.#in.error(expanded, expanded.message);
    return { kind: 'literal', offset: token.offset, value: null };
  }

  #primary(): Expr {
    const token = this.#in.token;
    if (!this.#in.begins(token) || this.#in.is('!')) this.#in.unwanted(start);
    if (this.#in.is('-') || ['int', 'uint', 'double', 'string', 'bytes'].includes(token.type)) return this.#literal();
    if (token.type === 'identifier') return this.#name('');
    this.#in.take();
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
    if (this.#in.token.type !== 'identifier') this.#in.unwanted(['IDENTIFIER']);
    return this.#name('.');
  }

  #nested(): Expr {
    this.#in.open.push(')');
    const expr = this.#expr();
    this.#in.open.pop();
    this.#in.expect(')', this.#in.afterOperand);
    return expr;
  }

  #name(dot: '' | '.'): Expr {
    const typeName = this.#structName();
    if (typeName !== undefined) return this.#struct(dot + typeName);
    const token = this.#in.take();
    if (reserved.has(token.text)) {
      this.#in.error(token, `reserved identifier: ${token.text}`);
    }
    const bracket = this.#in.accept('(');
    if (bracket === undefined) return { kind: 'ident', offset: token.offset, name: dot + token.text };
    return this.#call(bracket, dot + token.text, this.#arguments());
  }

  /** `a.b.C` before a `{`. */
  #structName(): string | undefined {
    let ahead = 0;
    let name = this.#in.token.text;
    while (this.#in.peek(ahead + 1).text === '.' && this.#in.peek(ahead + 2).type === 'identifier') {
      ahead += 2;
      name += `.${this.#in.peek(ahead).text}`;
    }
    if (this.#in.peek(ahead + 1).text !== '{' || this.#in.peek(ahead + 1).type !== 'punctuation') return undefined;
    this.#in.skip(ahead + 1);
    return name;
  }

  #struct(type: string): Expr {
    const brace = this.#in.take();
    const fields: FieldEntry[] = [];
    this.#entries('}', () => {
      const optional = this.#in.accept('?') !== undefined;
      if (this.#in.token.type !== 'identifier') this.#in.unwanted(['IDENTIFIER']);
      const field = this.#in.take();
      const colon = this.#in.expect(':', this.#in.begins);
      fields.push({ offset: colon.offset, field: field.text, value: this.#expr(), optional });
    });
    return { kind: 'struct', offset: brace.offset, type, fields };
  }

  #list(bracket: Token): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    this.#entries(']', () => {
      if (this.#in.accept('?') !== undefined) optional.add(elements.length);
      elements.push(this.#expr());
    });
    return { kind: 'list', offset: bracket.offset, elements, optional };
  }

  #map(brace: Token): Expr {
    const entries: MapEntry[] = [];
    this.#entries('}', () => {
      const optional = this.#in.accept('?') !== undefined;
      this.#in.open.push(':');
      const key = this.#expr();
      this.#in.open.pop();
      this.#in.expect(':', this.#in.begins);
      entries.push({ key, value: this.#expr(), optional });
    });
    return { kind: 'map', offset: brace.offset, entries };
  }

  /** Entries with commas between them and perhaps after the last. */
  #entries(close: ']' | '}', entry: () => void): void {
    this.#in.open.push(close);
    if (this.#in.is(',')) this.#in.take();
    else {
      while (!this.#in.is(close)) {
        entry();
        if (this.#in.accept(',') === undefined) break;
      }
    }
    this.#in.open.pop();
    if (this.#in.is(close)) this.#in.take();
    else {
      this.#in.unwanted([close, ',']);
      this.#in.take();
    }
  }

  #literal(): Expr {
    const first = this.#in.token;
    const sign = this.#in.accept('-') === undefined ? '' : '-';
    const token = this.#in.token;
    if (sign !== '' && token.type !== 'int' && token.type !== 'double') this.#in.unwanted(['NUM_FLOAT', 'NUM_INT']);
    this.#in.take();
    const value = literalValue(token, sign);
    if (typeof value === 'object' && value !== null && 'wrong' in value) {
      this.#in.error(first, value.wrong);
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
