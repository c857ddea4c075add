import { median, number } from '@coxswain/etcd-lite/bench';
import type { Reach, Sample, Unit } from './experiments.ts';

export interface Row {
  readonly name: string;
  readonly unit: Unit;
  readonly reach: Reach;
  /** By the target's name. */
  readonly samples: Record<string, Sample[]>;
}

const spread = (samples: readonly Sample[]): string => {
  const values = samples.map(({ value }) => value);
  return values.length < 2 ? '' : ` (${number(Math.min(...values))} to ${number(Math.max(...values))})`;
};

/** Processor time of all the server's processes for one request or event: what a busy machine distorts least. */
function cpuMs({ count, cpuSeconds }: Sample): number | undefined {
  if (count === undefined || cpuSeconds === undefined) return undefined;
  return Object.entries(cpuSeconds).reduce((sum, [name, seconds]) => (name === 'client' ? sum : sum + seconds), 0) * 1000 / count;
}

function cell(samples: readonly Sample[] | undefined): string {
  if (samples === undefined) return '-';
  const cpu = median(samples.flatMap((one) => cpuMs(one) ?? []));
  const p99 = median(samples.flatMap((one) => one.p99Ms ?? []));
  return `${number(median(samples.map(({ value }) => value)))}${spread(samples)}${p99 === undefined ? '' : `, p99 ${number(p99)} ms`}${cpu === undefined ? '' : `, cpu ${cpu < 0.1 ? cpu.toFixed(4) : number(cpu)} ms`}`;
}

function verdict(reach: Reach, ratio: number | undefined): string {
  if (reach === undefined || ratio === undefined) return '';
  if ('atLeast' in reach) return `${ratio >= reach.atLeast ? 'reach' : 'not'} (≥ ${reach.atLeast} ×)`;
  return `${ratio <= reach.atMost ? 'reach' : 'not'} (≤ ${reach.atMost} ×)`;
}

/** Markdown, medians with their spread; with two servers also the first one's ratio to the second. */
export function table(rows: readonly Row[]): string {
  const targets = [...new Set(rows.flatMap((row) => Object.keys(row.samples)))];
  const lines = [['work', 'unit', ...targets, ...(targets.length === 2 ? ['ratio', 'goal'] : [])], ...rows.map((row) => {
    const of = targets.map((target) => median((row.samples[target] ?? []).map(({ value }) => value)));
    const ratio = of[0] === undefined || of[1] === undefined || of[1] === 0 ? undefined : of[0] / of[1];
    return [row.name, row.unit, ...targets.map((target) => cell(row.samples[target])), ...(targets.length === 2 ? [number(ratio), verdict(row.reach, ratio)] : [])];
  })];
  const widths = (lines[0] as string[]).map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  const text = lines.map((line) => `| ${line.map((one, column) => one.padEnd(widths[column] as number)).join(' | ')} |`);
  return [text[0], `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...text.slice(1)].join('\n');
}
