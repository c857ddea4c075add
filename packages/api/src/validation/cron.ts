interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const fields: readonly Bounds[] = [
  { min: 0, max: 59 }, { min: 0, max: 23 }, { min: 1, max: 31 }, { min: 1, max: 12, names: ['', ...months] }, { min: 0, max: 6, names: days },
];
const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

function parse(text: string, names: readonly string[] = []): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (text !== '' && named >= 0) return named;
  return /^[0-9]+$/.test(text) ? Number(text) : `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
}

function rangeProblem(expression: string, { min, max, names }: Bounds): string | undefined {
  const [range = '', step, ...rest] = expression.split('/');
  if (rest.length > 0) return `too many slashes: ${expression}`;
  const parts = range.split('-');
  if (parts.length > 2) return `too many hyphens: ${expression}`;
  const star = range === '*' || range === '?';
  const start = star ? min : parse(parts[0] as string, names);
  const end = star ? max : parts.length === 2 ? parse(parts[1] as string, names) : step === undefined ? start : max;
  const every = step === undefined ? 1 : parse(step);
  for (const value of [start, end, every]) {
    if (typeof value === 'string') return value;
  }
  if ((start as number) < min) return `beginning of range (${start}) below minimum (${min}): ${expression}`;
  if ((end as number) > max) return `end of range (${end}) above maximum (${max}): ${expression}`;
  if ((start as number) > (end as number)) return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
  return every === 0 ? `step of range should be a positive number: ${expression}` : undefined;
}

/** What is wrong with a standard cron line of five fields; undefined if nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  const line = schedule.replace(/^(CRON_)?TZ=\S*\s*/, '');
  if (line.startsWith('@')) {
    if (descriptors.includes(line) || /^@every ([0-9.]+(ns|us|µs|ms|s|m|h))+$/.test(line)) return undefined;
    return `unrecognized descriptor: ${line}`;
  }
  const parts = line.trim().split(/\s+/);
  if (parts.length !== 5) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`;
  for (const [index, part] of parts.entries()) {
    for (const expression of part.split(',')) {
      const problem = rangeProblem(expression, fields[index] as Bounds);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}
