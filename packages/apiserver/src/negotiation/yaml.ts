import { scanJson } from '@coxswain/api';
import { utf8 } from '@coxswain/host';
import { escaped, styleOf, type ScalarStyle } from './yaml-scalar.ts';

const width = 80;
const longestSimpleKey = 128;
const letter = /\p{L}/u;
const lineBreak = /[\n\r\u0085\u2028\u2029]/;
const digit = /\p{Nd}/u;

function digitsFrom(text: readonly string[], at: number, carry: number): { readonly value: number; readonly end: number } {
  let value = carry;
  let end = at;
  for (; end < text.length && digit.test(text[end] as string); end += 1) value = value * 10 + Number(text[end]);
  return { value, end };
}

/** Go's YAML sorts keys as people do: numbers in them by value, letters after everything else. */
export function compareKeys(left: string, right: string): number {
  const a = Array.from(left);
  const b = Array.from(right);
  for (let at = 0; at < a.length && at < b.length; at += 1) {
    const x = a[at] as string;
    const y = b[at] as string;
    if (x === y) continue;
    const order = (x.codePointAt(0) as number) - (y.codePointAt(0) as number);
    if (letter.test(x) && letter.test(y)) return order;
    if (letter.test(x)) return 1;
    if (letter.test(y)) return -1;
    let carry = 0;
    if (x === '0' || y === '0') for (let back = at - 1; back >= 0 && digit.test(a[back] as string); back -= 1) if (a[back] !== '0') carry = 1;
    const p = digitsFrom(a, at, carry);
    const q = digitsFrom(b, at, carry);
    return p.value - q.value || p.end - q.end || order;
  }
  return a.length - b.length;
}

type InLine = Exclude<ScalarStyle, 'literal'>;

/** What a style writes in another way. */
const rewritten: Readonly<Record<InLine, RegExp>> = { plain: /(?!)/gu, single: /'/gu, double: /[^ !#-[\]-~\u00a1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/gu };

function written(style: InLine, character: string): string {
  return style === 'double' ? escaped(character) : '\'\'';
}

/** Writes what JSON can say, as sigs.k8s.io/yaml does: sorted keys, lists not indented, long text folded at spaces. */
class Writer {
  readonly #parts: string[] = [];
  #column = 0;

  get text(): string {
    return this.#parts.join('');
  }

  #put(text: string): void {
    this.#parts.push(text);
    this.#column += text.length;
  }

  #line(indent: number): void {
    this.#parts.push(`\n${' '.repeat(indent)}`);
    this.#column = indent;
  }

  /** `indent`: of what this value belongs to; `inLine`: something stands before it on this line. */
  value(value: unknown, indent: number, inSequence: boolean): void {
    if (Array.isArray(value) && value.length > 0) this.#sequence(value, inSequence ? indent + 2 : indent, inSequence);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) this.#mapping(value as Record<string, unknown>, indent, inSequence);
    else {
      this.#put(' ');
      if (typeof value === 'string') this.#string(value, indent + 2, false);
      else this.#put(Array.isArray(value) ? '[]' : value === null ? 'null' : typeof value === 'object' ? '{}' : numberText(value));
    }
  }

  #sequence(items: readonly unknown[], indent: number, compact: boolean): void {
    items.forEach((item, at) => {
      if (at === 0 && compact) this.#put(' ');
      else this.#line(indent);
      this.#put('-');
      this.value(item, indent, true);
    });
  }

  #mapping(value: Record<string, unknown>, indent: number, compact: boolean): void {
    const inner = indent + 2;
    this.#members(value, inner, compact);
  }

  #members(value: Record<string, unknown>, indent: number, compact: boolean): void {
    Object.keys(value).sort(compareKeys).forEach((key, at) => {
      if (at === 0 && compact) this.#put(' ');
      else if (at > 0 || this.#parts.length > 0) this.#line(indent);
      const simple = utf8(key).length <= longestSimpleKey && !lineBreak.test(key);
      if (!simple) this.#put('? ');
      this.#string(key, indent + 2, simple);
      if (!simple) this.#line(indent);
      this.#put(':');
      this.value(value[key], indent, !simple);
    });
  }

  document(value: unknown): void {
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) this.#members(value as Record<string, unknown>, 0, false);
    else this.value(value, -2, false);
  }

  #string(text: string, indent: number, key: boolean): void {
    const style = styleOf(text, key);
    if (style === 'literal') return this.#literal(text, indent);
    const quote = { plain: '', single: '\'', double: '"' }[style];
    this.#put(quote);
    if (key) this.#put(text.replaceAll(rewritten[style], (character) => written(style, character)));
    else this.#folded(text, indent, style);
    this.#put(quote);
  }

  /** A space past the width becomes a line break. Goes from space to space, as texts may be long. */
  #folded(text: string, indent: number, style: InLine): void {
    const doubled = style === 'double';
    const [first, last] = style === 'plain' ? [0, text.length - 1] : [1, text.length - 2];
    let from = 0;
    const stops = new RegExp(` |${rewritten[style].source}`, 'gu');
    for (let stop = stops.exec(text); stop !== null; stop = stops.exec(text)) {
      const at = stop.index;
      if (stop[0] !== ' ') {
        this.#put(text.slice(from, at) + written(style, stop[0]));
        from = at + stop[0].length;
        continue;
      }
      const isFoldable = at >= first && at <= last && text[at - 1] !== ' ' && (doubled || text[at + 1] !== ' ');
      if (!isFoldable || this.#column + at - from <= width) continue;
      this.#put(text.slice(from, at));
      this.#line(indent);
      if (doubled && text[at + 1] === ' ') this.#put('\\');
      from = at + 1;
    }
    this.#put(text.slice(from));
  }

  #literal(text: string, indent: number): void {
    const hint = text.startsWith(' ') || text.startsWith('\n') ? '2' : '';
    const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
    this.#put(`|${hint}${chomp}`);
    const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
    for (const line of lines) this.#parts.push(line === '' ? '\n' : `\n${' '.repeat(indent)}${line}`);
    this.#column = 0;
  }
}

function numberText(value: unknown): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value);
  return value.toString().replace(/e([+-])(\d)$/, 'e$10$2');
}

export function jsonToYaml(json: string): string {
  const writer = new Writer();
  writer.document(scanJson(utf8(json)).value);
  return `${writer.text.replace(/^ /, '')}\n`;
}
