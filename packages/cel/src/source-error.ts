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
  readonly start: number;
  readonly text: readonly string[];
}

function linesOf(source: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const line of source.split('\n')) {
    const text = Array.from(line);
    lines.push({ number: lines.length + 1, start, text });
    start += text.length + 1;
  }
  return lines;
}

const isWide = (character: string | undefined): boolean => character !== undefined && (character.codePointAt(0) as number) > 0x7f;

function show(error: SourceError, lines: readonly Line[]): string {
  const line = error.offset < 0 ? undefined : lines.findLast(({ start }) => start <= error.offset);
  if (line === undefined) return `ERROR: <input>:-1:0: ${error.message}`;
  // Of an empty text upstream knows no place.
  if (lines.length === 1 && line.text.length === 0) return `ERROR: <input>:1:0: ${error.message}`;
  const column = error.offset - line.start;
  const head = `ERROR: <input>:${line.number}:${column + 1}: ${error.message}`;
  if (line.text.length > maxSnippetLength) return head;
  const dots = line.text.slice(0, column).map((character) => (isWide(character) ? '\uff0e' : '.')).join('');
  return `${head}\n | ${line.text.join('').replaceAll('\t', ' ')}\n | ${dots}${isWide(line.text[column]) ? '\uff3e' : '^'}`;
}

/** As upstream joins them. */
export function showErrors(errors: readonly SourceError[], source: string): string {
  const lines = linesOf(source);
  const kept = errors.slice(0, maxErrors);
  const place = ({ offset }: SourceError): number => (offset < 0 ? -1 : offset);
  const texts = kept.toSorted((a, b) => place(a) - place(b)).map((error) => show(error, lines));
  if (errors.length > maxErrors) texts.push(`${errors.length - maxErrors} more errors were truncated`);
  return texts.join('\n');
}
