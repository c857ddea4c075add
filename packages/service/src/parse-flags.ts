import { assert } from '@coxswain/host';
import { UsageError } from './command.ts';
import type { FlagSet, FlagSpec, FlagValues } from './flags.ts';
import { parseGoDuration } from './duration.ts';
import { nearestName } from './nearest.ts';

type Value = string | number | boolean | readonly string[] | Readonly<Record<string, string>>;

function mistake(name: string, text: string, expected: string): UsageError {
  return new UsageError(`invalid argument ${JSON.stringify(text)} for --${name}: ${expected}`);
}

function parseInteger(name: string, text: string, spec: Extract<FlagSpec, { kind: 'int' }>): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw mistake(name, text, 'expected a whole number');
  if (spec.min !== undefined && value < spec.min) throw mistake(name, text, `must be at least ${spec.min}`);
  if (spec.max !== undefined && value > spec.max) throw mistake(name, text, `must be at most ${spec.max}`);
  return value;
}

function parseBool(name: string, text: string): boolean {
  if (/^(true|1|t|TRUE|True|T)$/.test(text)) return true;
  if (/^(false|0|f|FALSE|False|F)$/.test(text)) return false;
  throw mistake(name, text, 'expected true or false');
}

function parseDurationFlag(name: string, text: string, spec: Extract<FlagSpec, { kind: 'duration' }>): number {
  if (spec.bareUnitMs !== undefined && /^\d+$/.test(text)) return Number(text) * spec.bareUnitMs;
  const valueMs = parseGoDuration(text);
  if (valueMs === undefined) throw mistake(name, text, 'expected a duration such as 1m30s or 500ms');
  return valueMs;
}

function parseMap(name: string, text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const part of text.split(',')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    if (at < 1) throw mistake(name, text, 'expected key=value,key=value');
    out[part.slice(0, at)] = part.slice(at + 1);
  }
  return out;
}

function parseValue(name: string, spec: FlagSpec, text: string, before: Value | undefined): Value {
  switch (spec.kind) {
    case 'string': return text;
    case 'int': return parseInteger(name, text, spec);
    case 'bool': return parseBool(name, text);
    case 'duration': return parseDurationFlag(name, text, spec);
    // As pflag's StringSlice: repeated flags append, commas separate.
    case 'strings': return [...((before as readonly string[] | undefined) ?? []), ...text.split(',').filter((part) => part !== '')];
    case 'map': return { ...(before as Record<string, string> | undefined), ...parseMap(name, text) };
    case 'ignored': return text;
    case 'unbuilt':
      if (!/^(false|0|off)?$/i.test(text)) throw unbuilt(name);
      return text;
  }
}

function unbuilt(name: string): UsageError {
  return new UsageError(`--${name} is a flag of the original that is not built yet; leave it out`);
}

function specOf(flags: FlagSet, name: string): FlagSpec {
  const spec = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (spec !== undefined) return spec;
  const nearest = nearestName(name, Object.keys(flags));
  throw new UsageError(`unknown flag --${name}${nearest === undefined ? '' : `; did you mean --${nearest}?`}`);
}

function defaultOf(spec: FlagSpec): Value | undefined {
  if (spec.kind === 'unbuilt' || spec.kind === 'ignored') return undefined;
  if (spec.default !== undefined) return spec.default;
  const empty: Readonly<Record<Exclude<FlagSpec['kind'], 'unbuilt' | 'ignored'>, Value>> = { string: '', strings: [], int: 0, bool: false, duration: 0, map: {} };
  return empty[spec.kind];
}

class ParsedFlags implements FlagValues {
  readonly #flags: FlagSet;
  readonly #given: ReadonlyMap<string, Value>;

  constructor(flags: FlagSet, given: ReadonlyMap<string, Value>) {
    this.#flags = flags;
    this.#given = given;
  }

  #value(name: string, kind: FlagSpec['kind']): Value {
    const spec = this.#flags[name];
    assert(spec?.kind === kind, 'flag is not declared with this kind', { name, kind, declared: spec?.kind });
    return (this.#given.get(name) ?? defaultOf(spec)) as Value;
  }

  string(name: string): string { return this.#value(name, 'string') as string; }
  strings(name: string): readonly string[] { return this.#value(name, 'strings') as readonly string[]; }
  int(name: string): number { return this.#value(name, 'int') as number; }
  bool(name: string): boolean { return this.#value(name, 'bool') as boolean; }
  durationMs(name: string): number { return this.#value(name, 'duration') as number; }
  map(name: string): Readonly<Record<string, string>> { return this.#value(name, 'map') as Record<string, string>; }
  isSet(name: string): boolean { return this.#given.has(name); }
  ignored(): readonly string[] { return [...this.#given.keys()].filter((name) => this.#flags[name]?.kind === 'ignored'); }
}

/** Name and inline value of `--name=value` or `-name=value`; undefined if it is no flag. */
function splitFlag(argument: string): { readonly name: string; readonly text: string | undefined } | undefined {
  const match = /^--?([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(argument);
  // Underscores are accepted as the originals do.
  return match === null ? undefined : { name: (match[1] as string).replaceAll('_', '-'), text: match[2] };
}

/** Names of the flags that stand on a command line; a mistake in it is found by `parseFlags`. */
export function flagNames(args: readonly string[]): readonly string[] {
  return args.flatMap((argument) => splitFlag(argument)?.name ?? []);
}

/** Values of a config file by flag name; command-line flags win over them. */
export type FlagFile = Readonly<Record<string, unknown>>;

function fileText(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(',');
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, item]) => `${key}=${String(item)}`).join(',');
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new UsageError(`${name} has no usable value`);
}

function fileValue(flags: FlagSet, name: string, value: unknown): Value {
  try {
    return parseValue(name, specOf(flags, name), fileText(name, value), undefined);
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`config file: ${error.message}`);
    throw error;
  }
}

/**
 * Throws UsageError with one line on the first mistake. `file` may come from `--config` (the caller reads it).
 * `-h`/`--help` is the caller's.
 */
export function parseFlags(flags: FlagSet, args: readonly string[], file: FlagFile = {}): FlagValues {
  const given = new Map<string, Value>();
  for (const [name, value] of Object.entries(file)) given.set(name, fileValue(flags, name, value));
  const fromArgs = new Map<string, Value>();
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] as string;
    const flag = splitFlag(argument);
    if (flag === undefined) throw new UsageError(`unexpected argument ${JSON.stringify(argument)}; flags are written --name=value`);
    const spec = specOf(flags, flag.name);
    let text = flag.text;
    if (text === undefined && spec.kind === 'unbuilt') throw unbuilt(flag.name);
    if (text === undefined && (spec.kind === 'bool' || (spec.kind === 'ignored' && spec.of === 'bool'))) text = 'true';
    if (text === undefined) {
      at += 1;
      text = args[at];
      if (text === undefined) throw new UsageError(`--${flag.name} needs a value`);
    }
    fromArgs.set(flag.name, parseValue(flag.name, spec, text, fromArgs.get(flag.name)));
  }
  for (const [name, value] of fromArgs) given.set(name, value);
  for (const [name, spec] of Object.entries(flags)) {
    if (spec.kind === 'string' && spec.required === true && !given.has(name)) throw new UsageError(`--${name} is required: ${spec.help}`);
  }
  return new ParsedFlags(flags, given);
}
