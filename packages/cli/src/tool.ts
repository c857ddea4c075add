import { flagLines, parseFlags, UsageError, type FlagSet, type FlagValues } from '@coxswain/service';

/** A command that does its work and ends; components are `Command`s. */
export interface Tool {
  /** After `cox`: `logs COMPONENT [--follow]`. */
  readonly usage: string;
  readonly summary: string;
  readonly flags: FlagSet;
  /** One-letter flags by letter. */
  readonly letters?: Readonly<Record<string, string>>;
  /** How many words it takes beside its flags. */
  readonly wordsMax?: number;
  run(flags: FlagValues, words: readonly string[]): Promise<void>;
}

export const dataFlag = { data: { kind: 'string', default: '/var/lib/coxswain', help: 'directory of the cluster' } } as const satisfies FlagSet;

export interface ToolArguments {
  readonly flags: FlagValues;
  readonly words: readonly string[];
}

function longFlag(tool: Tool, argument: string): string {
  const letter = /^-([A-Za-z])(=.*)?$/.exec(argument);
  const name = letter === null ? undefined : tool.letters?.[letter[1] as string];
  return name === undefined ? argument : `--${name}${letter?.[2] ?? ''}`;
}

/** True if the flag's value is the next argument. */
function takesNext(tool: Tool, flag: string): boolean {
  const spec = tool.flags[flag.replace(/^--?/, '')];
  return !flag.includes('=') && spec !== undefined && spec.kind !== 'bool';
}

/** Words may stand before, between and after flags. */
export function parseTool(tool: Tool, args: readonly string[]): ToolArguments {
  const flagArgs: string[] = [];
  const words: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const argument = longFlag(tool, args[at] as string);
    if (!argument.startsWith('-')) { words.push(argument); continue; }
    flagArgs.push(argument);
    if (takesNext(tool, argument) && at + 1 < args.length) { at += 1; flagArgs.push(args[at] as string); }
  }
  const flags = parseFlags(tool.flags, flagArgs);
  if (words.length > (tool.wordsMax ?? 0)) throw new UsageError(`unexpected argument ${JSON.stringify(words[tool.wordsMax ?? 0])}; usage: cox ${tool.usage}`);
  return { flags, words };
}

export function toolHelp(tool: Tool): string {
  return `cox ${tool.usage}\n\n${tool.summary}\n\nFlags:\n${flagLines(tool.flags).join('\n')}\n`;
}
