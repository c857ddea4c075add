import { lexLabelSelector, type Token, type TokenKind } from './label-lexer.ts';
import { checkKey, makeRequirement, SelectorError, type LabelOperator, type LabelRequirement } from './label-requirement.ts';

const binaryOperators = 'in, notin, =, ==, !=, gt, lt';
const operatorOf: Readonly<Partial<Record<TokenKind, LabelOperator>>> = { in: 'in', notin: 'notin', '=': '=', '==': '==', '!=': '!=', '>': 'gt', '<': 'lt' };

/** `in` and `notin` are words like others where a key or value stands. */
function asValue(token: Token): Token {
  return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier', text: token.text } : token;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = lexLabelSelector(text);
  }

  #peek(): Token {
    return asValue(this.#tokens[this.#at] as Token);
  }

  #raw(): Token {
    const token = this.#tokens[this.#at] as Token;
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  #take(): Token {
    return asValue(this.#raw());
  }

  requirements(): LabelRequirement[] {
    const found: LabelRequirement[] = [];
    for (;;) {
      const next = this.#peek();
      if (next.kind === 'end') return found;
      if (next.kind !== 'identifier' && next.kind !== '!') throw new SelectorError(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      found.push(this.#requirement());
      const after = this.#take();
      if (after.kind === 'end') return found;
      if (after.kind !== ',') throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following.kind !== 'identifier' && following.kind !== '!') throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
    }
  }

  #requirement(): LabelRequirement {
    try {
      return this.#readRequirement();
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  }

  #readRequirement(): LabelRequirement {
    let token = this.#take();
    const negated = token.kind === '!';
    if (negated) token = this.#take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    checkKey(token.text);
    if (negated) return makeRequirement(token.text, '!', []);
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return makeRequirement(token.text, 'exists', []);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#exactValue()];
    return makeRequirement(token.text, operator, [...new Set(values)].sort());
  }

  #operator(): LabelOperator {
    const token = this.#raw();
    const operator = operatorOf[token.kind];
    if (operator === undefined) throw new SelectorError(`found '${token.text}', expected: ${binaryOperators}`);
    return operator;
  }

  #exactValue(): string {
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return '';
    const token = this.#take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  #values(): string[] {
    const open = this.#take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const next = this.#peek();
    if (next.kind === ')') {
      this.#take();
      return [''];
    }
    if (next.kind !== 'identifier' && next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',', ')' or identifier`);
    const values = this.#list();
    const close = this.#take();
    if (close.kind !== ')') throw new SelectorError(`found '${close.text}', expected: ')'`);
    return values;
  }

  /** An empty place between commas is the empty value. */
  #list(): string[] {
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token.kind === 'identifier') {
        values.push(token.text);
        const next = this.#peek();
        if (next.kind === ')') return values;
        if (next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.kind === ',') {
        if (values.length === 0) values.push('');
        const next = this.#peek();
        if (next.kind === ')') return [...values, ''];
        if (next.kind === ',') {
          this.#take();
          values.push('');
        }
      } else throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
    }
  }
}

/** Over HTTP/2 none can be longer; one that is would be read for half a second. */
const maxTextLength = 65_536;

/** Throws SelectorError with Kubernetes' words. */
export function parseRequirements(text: string): LabelRequirement[] {
  if (text.length > maxTextLength) throw new SelectorError(`the selector is longer than ${maxTextLength} characters`);
  return new Parser(text).requirements();
}
