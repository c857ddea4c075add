import type { Command } from './command.ts';
import { formatGoDuration } from './duration.ts';
import type { FlagSet, FlagSpec } from './flags.ts';

function defaultText(spec: FlagSpec): string {
  if (spec.kind === 'unbuilt' || spec.kind === 'ignored' || spec.default === undefined) return '';
  if (spec.kind === 'duration') return ` (default ${formatGoDuration(spec.default)})`;
  const text = spec.kind === 'map' ? Object.entries(spec.default).map(([key, value]) => `${key}=${value}`).join(',') : String(spec.default);
  return text === '' ? '' : ` (default ${text})`;
}

/** The flags that can be used, each with its meaning and default, by name. */
export function flagLines(flags: FlagSet): readonly string[] {
  const built = Object.entries(flags).filter(([, spec]) => spec.kind !== 'unbuilt' && spec.kind !== 'ignored').toSorted(([a], [b]) => (a < b ? -1 : 1));
  return built.flatMap(([name, spec]) => [`  --${name} ${spec.kind === 'bool' ? '' : spec.kind}`.trimEnd(), `        ${spec.help}${defaultText(spec)}`]);
}

const lineWidth = 120;

/** Words on lines of a readable width. */
function wrap(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > lineWidth && line.trim() !== '') { lines.push(line.trimEnd()); line = indent; }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

/** What `cox NAME --help` prints. */
export function helpText(command: Command): string {
  const ignored = Object.keys(command.flags).filter((name) => command.flags[name]?.kind === 'ignored').toSorted();
  const unbuilt = Object.keys(command.flags).filter((name) => command.flags[name]?.kind === 'unbuilt').toSorted();
  const lines = [`cox ${command.name}: ${command.summary}`, '', 'Flags:', ...flagLines(command.flags)];
  if (!Object.hasOwn(command.flags, 'config')) lines.push('  --config string', '        YAML file: flag names and values; the command line wins');
  lines.push('  --v int', '        log verbosity; 4 and above is debug (default 2)');
  if (ignored.length > 0) lines.push('', 'Flags of the original that mean nothing here (accepted):', ...wrap(ignored.join(', '), '  '));
  if (unbuilt.length > 0) lines.push('', 'Known flags of the original that are not built yet (refused):', ...wrap(unbuilt.join(', '), '  '));
  return `${lines.join('\n')}\n`;
}
