/** One command of etcdctl and what happens around it; `$NAME` in arguments and input is what an earlier step saved. */
export interface Step {
  /** Names it in the list of known differences; default: its arguments. */
  readonly name?: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  /** Keeps what the first group found in the output; the found text is masked from then on. */
  readonly save?: Readonly<Record<string, RegExp>>;
  /** The answer is protobuf of this type. */
  readonly decode?: 'rangeResponse' | 'putResponse' | 'deleteRangeResponse' | 'txnResponse';
  /** Asked again until it answers so (or 20 s are over): what needs the members to have settled. */
  readonly until?: RegExp;
  /** It runs until it has written this many lines, and is then interrupted. */
  readonly lines?: number;
  /** Done while it runs, once it has written `linesFirst` lines (0). */
  readonly meanwhile?: readonly Step[];
  readonly linesFirst?: number;
  /** Only where there are that many members. */
  readonly size?: 1 | 3;
  /** Sent to one member only. */
  readonly one?: boolean;
  /** Its lines come in whichever order. */
  readonly anyOrder?: boolean;
  /** Compared only by exit code. */
  readonly codeOnly?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Splits at spaces; `''` is an empty argument, and what needs spaces inside is given as a list. */
export function words(line: string): readonly string[] {
  return line.split(' ').map((word) => (word === "''" ? '' : word));
}

export function ctl(line: string, more: Omit<Step, 'args'> = {}): Step {
  return { args: words(line), ...more };
}

export function nameOf(step: Step): string {
  return step.name ?? step.args.map((word) => (word === '' ? "''" : word)).join(' ');
}
