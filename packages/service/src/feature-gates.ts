import type { FlagValues } from './flags.ts';
import { UsageError } from './command.ts';

const values: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false };

/** Which of the features that can be switched are on, where those of `byDefault` are if nothing is said. `--feature-gates` of anything else is refused by name. */
export function featuresOf(flags: FlagValues, switchable: readonly string[], byDefault: readonly string[] = []): ReadonlySet<string> {
  const on = new Set(byDefault);
  for (const [name, text] of Object.entries(flags.map('feature-gates'))) {
    const value = values[text.toLowerCase()];
    if (value === undefined) throw new UsageError(`--feature-gates: ${name}=${text}: true or false is meant`);
    if (!switchable.includes(name)) throw new UsageError(`--feature-gates: ${name}=${text} is not built; what can be switched is ${switchable.join(', ')}`);
    if (value) on.add(name);
    else on.delete(name);
  }
  return on;
}
