/** Text that is no JSON (or YAML). The message is what Go's decoder says. */
export class JsonSyntaxError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.offset = offset;
  }
}

/** Said of YAML, and so without what Go says in front of JSON errors. */
export class YamlSyntaxError extends JsonSyntaxError {
  constructor(message: string, offset: number) {
    super(message, offset);
    this.name = 'YamlSyntaxError';
  }
}

/** A character as Go quotes it in JSON errors. */
export function quoteCharacter(point: number): string {
  if (point === 39) return String.raw`'\''`;
  if (point === 34) return `'"'`;
  const quoted = JSON.stringify(String.fromCodePoint(point)).slice(1, -1);
  const escaped = point < 32 || point === 127 ? quoted.replace(/^\\u00(..)$/, String.raw`\x$1`) : quoted;
  return `'${escaped}'`;
}
