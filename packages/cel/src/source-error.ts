import { stringSize } from './values.ts';

/** An error at a place of the expression's text; all are shown together, in order of place. */
export interface SourceError {
  /** In code points; -1: none. */
  readonly offset: number;
  readonly message: string;
}

const maxErrors = 100;
const maxSnippetLength = 16384;

interface Line {
  readonly number: number;
  /** Both in code points. */
  readonly start: number;
  readonly size: number;
  readonly text: string;
}

function linesOf(source: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const text of source.split('\n')) {
    const size = stringSize(text);
    lines.push({ number: lines.length + 1, start, size, text });
    start += size + 1;
  }
  return lines;
}

const isWide = (character: string | undefined): boolean => character !== undefined && (character.codePointAt(0) as number) > 0x7f;

function show(error: SourceError, lines: () => readonly Line[]): string {
  const line = error.offset < 0 ? undefined : lines().findLast(({ start }) => start <= error.offset);
  if (line === undefined) return `ERROR: <input>:-1:0: ${error.message}`;
  // Of an empty text upstream knows no place.
  if (lines().length === 1 && line.size === 0) return `ERROR: <input>:1:0: ${error.message}`;
  const column = error.offset - line.start;
  const head = `ERROR: <input>:${line.number}:${column + 1}: ${error.message}`;
  if (line.size > maxSnippetLength) return head;
  const characters = Array.from(line.text);
  const dots = characters.slice(0, column).map((character) => (isWide(character) ? '\uff0e' : '.')).join('');
  return `${head}\n | ${line.text.replaceAll('\t', ' ')}\n | ${dots}${isWide(characters[column]) ? '\uff3e' : '^'}`;
}

/** As upstream joins them. */
export function showErrors(errors: readonly SourceError[], source: string): string {
  let known: readonly Line[] | undefined;
  const lines = (): readonly Line[] => (known ??= linesOf(source));
  const kept = errors.slice(0, maxErrors);
  const place = ({ offset }: SourceError): number => (offset < 0 ? -1 : offset);
  const texts = kept.toSorted((a, b) => place(a) - place(b)).map((error) => show(error, lines));
  if (errors.length > maxErrors) texts.push(`${errors.length - maxErrors} more errors were truncated`);
  return texts.join('\n');
}
