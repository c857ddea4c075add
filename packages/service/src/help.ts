import type { Command } from './command.ts';
import { formatGoDuration } from './duration.ts';
import type { FlagSpec } from './flags.ts';

function defaultText(spec: FlagSpec): string {
  if (spec.kind === 'unbuilt' || spec.default === undefined) return '';
  if (spec.kind === 'duration') return ` (default ${formatGoDuration(spec.default)})`;
  if (spec.kind === 'map') return ` (default ${Object.entries(spec.default).map(([key, value]) => `${key}=${value}`).join(',')})`;
  return spec.default === '' ? '' : ` (default ${String(spec.default)})`;
}

/** What `cox NAME --help` prints. */
export function helpText(command: Command): string {
  const built = Object.entries(command.flags).filter(([, spec]) => spec.kind !== 'unbuilt').toSorted(([a], [b]) => (a < b ? -1 : 1));
  const unbuilt = Object.keys(command.flags).filter((name) => command.flags[name]?.kind === 'unbuilt').toSorted();
  const lines = [`cox ${command.name}: ${command.summary}`, '', 'Flags:'];
  for (const [name, spec] of built) lines.push(`  --${name} ${spec.kind === 'bool' ? '' : spec.kind}`.trimEnd(), `        ${spec.help}${defaultText(spec)}`);
  lines.push('  --config string', '        YAML file: flag names and values; the command line wins (where the original has a --config of its own, it is that one)');
  lines.push('  --v int', '        log verbosity; 4 and above is debug (default 2)');
  if (unbuilt.length > 0) lines.push('', `Known flags of the original that are not built yet (refused): ${unbuilt.join(', ')}`);
  return `${lines.join('\n')}\n`;
}
