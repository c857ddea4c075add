const lengthMax = 300;

interface LogLine {
  readonly msg?: unknown;
  readonly error?: unknown;
}

function readable(line: string): string {
  if (line.startsWith('{')) {
    try {
      const { msg, error } = JSON.parse(line) as LogLine;
      return [msg, error].filter((part): part is string => typeof part === 'string').map((part) => part.split('\n')[0]).join(': ');
    } catch {
      // Cut off in the middle: shown as it is.
      return line;
    }
  }
  // containerd writes time="…" level=… msg="…".
  const message = /\bmsg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  const error = /\berror="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  return message === undefined ? line : error === undefined ? message : `${message}: ${error}`;
}

/** What a process said last, as one line without the clothes of its log format. */
export function lastWords(log: string): string {
  const line = log.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return readable(line).slice(0, lengthMax);
}
