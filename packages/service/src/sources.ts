import { UsageError, type ValueSources } from './command.ts';
import type { FlagSet, FlagValues } from './flags.ts';
import { flagNames, parseFlags, type FlagFile } from './parse-flags.ts';

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The content of a YAML file; throws UsageError. */
  readYaml(flag: string, path: string): unknown;
}

/** The command line, completed or replaced by a command's other sources. Throws UsageError with one line. */
export function valuesFrom(flags: FlagSet, sources: ValueSources, args: readonly string[], environment: Environment): FlagValues {
  const fromEnvironment = environmentValues(flags, sources, args, environment.variables);
  const given = parseFlags(flags, args, fromEnvironment);
  const file = sources.configFile;
  if (file === undefined || !given.isSet(file.flag)) return given;
  return parseFlags(flags, [], file.toFlags(environment.readYaml(file.flag, given.string(file.flag))));
}

function environmentValues(flags: FlagSet, { environmentPrefix: prefix }: ValueSources, args: readonly string[], variables: Environment['variables']): FlagFile {
  if (prefix === undefined) return {};
  const onCommandLine = new Set(flagNames(args));
  const values: Record<string, string> = {};
  for (const name of Object.keys(flags)) {
    const variable = `${prefix}_${name.toUpperCase().replaceAll('-', '_')}`;
    const value = variables[variable];
    if (value === undefined || value === '') continue;
    if (onCommandLine.has(name)) throw new UsageError(`conflicting environment variable ${variable} is shadowed by --${name} (either unset environment variable or disable flag)`);
    values[name] = value;
  }
  return values;
}

/** Variables with the command's prefix that are none of its flags: likely a slip of the pen. */
export function unknownVariables(flags: FlagSet, prefix: string, variables: Environment['variables']): readonly string[] {
  const known = new Set(Object.keys(flags).map((name) => `${prefix}_${name.toUpperCase().replaceAll('-', '_')}`));
  return Object.keys(variables).filter((variable) => variable.startsWith(`${prefix}_`) && !known.has(variable)).toSorted();
}
