export interface LogLine {
  /** As the runtime wrote it: RFC 3339 with nanoseconds. */
  readonly timestamp: string;
  readonly stream: 'stdout' | 'stderr';
  /** False for a piece of a long line: the next record of the stream goes on with it. */
  readonly complete: boolean;
  /** With the newline if the line is complete. */
  readonly text: string;
}

/** `2016-10-06T00:17:09.669794202Z stdout F log content` */
export function parseLogLine(record: string): LogLine | undefined {
  const first = record.indexOf(' ');
  const second = record.indexOf(' ', first + 1);
  const third = record.indexOf(' ', second + 1);
  if (first === -1 || second === -1 || third === -1) return undefined;
  const stream = record.slice(first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const complete = record.slice(second + 1, third).split(':')[0] !== 'P';
  return { timestamp: record.slice(0, first), stream, complete, text: `${record.slice(third + 1)}${complete ? '\n' : ''}` };
}
