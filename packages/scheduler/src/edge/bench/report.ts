import { median, number } from '@coxswain/etcd-lite/bench';
import { eventsIn } from './requests.ts';
import type { Sample } from './sample.ts';
import { maxSpread, spreadOf, type Percentiles } from './statistics.ts';

export interface Row {
  readonly workload: string;
  readonly target: string;
  /** Or, instead, created and bound at once. */
  readonly drained: boolean;
  readonly nodes: number;
  /** Upstream's pass line at 5,000 nodes. */
  readonly line: number | undefined;
  readonly samples: readonly Sample[];
  /** Why it was not measured. */
  readonly failure?: string;
  /** All its runs, with what comes before and after that which is measured. */
  readonly tookSeconds?: number;
}

export interface Report {
  readonly kind: 'cox-bench-scheduling';
  readonly machine: string;
  /** What was asked, beside the rows themselves: which cluster and scheduler. */
  readonly setting?: string;
  readonly atIso: string;
  /** Of the machine before the first row: a busy one has no rates to tell. */
  readonly load?: number;
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
  /** Workloads of upstream that are not measured, with why. */
  readonly leftOut: Readonly<Record<string, string>>;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Of repetitions. One alone tells nothing of it. */
function spreadOfRow(row: Row): number | undefined {
  return row.samples.length < 2 ? undefined : spreadOf(row.samples.map(({ podsPerSecond }) => podsPerSecond));
}

export function isUsable(row: Row): boolean {
  return row.failure === undefined && row.samples.length > 0 && (spreadOfRow(row) ?? 0) <= maxSpread;
}

export function rateOf(row: Row): number | undefined {
  return median(row.samples.map(({ podsPerSecond }) => podsPerSecond));
}

const reasonMax = 160;

/** One line, whatever it was. */
function failureText({ failure, samples }: Row): string | undefined {
  if (failure === undefined) return undefined;
  const reason = failure.replace(/\s+/g, ' ').replaceAll('|', '/');
  return `failed${samples.length === 0 ? '' : ` in run ${samples.length + 1}`}: ${reason.length > reasonMax ? `${reason.slice(0, reasonMax)}…` : reason}`;
}

function spreadText(row: Row): string {
  const failure = failureText(row);
  if (failure !== undefined) return failure;
  const spread = spreadOfRow(row);
  if (spread === undefined) return 'one run';
  return spread > maxSpread ? `${percent(spread)}, unusable` : percent(spread);
}

function times(samples: readonly Sample[], of: (sample: Sample) => Percentiles | undefined): string {
  const all = samples.map(of).filter((one) => one !== undefined);
  if (all.length === 0) return '-';
  return (['p50', 'p90', 'p99'] as const).map((name) => { const value = median(all.map((one) => one[name])) ?? 0; return value < 0.1 ? value.toFixed(3) : number(value); }).join(' · ');
}

/** Members of a store are one thing to the reader. */
function usesOf(samples: readonly Sample[]): readonly { readonly name: string; readonly cpuMsPerPod: number; readonly residentMb: number }[] {
  const group = (name: string): string => (/^store\d+$/.test(name) ? 'store' : name);
  const names = [...new Set(samples.flatMap(({ processes }) => processes.map(({ name }) => group(name))))];
  return names.map((name) => {
    const sum = (of: 'cpuMsPerPod' | 'residentMb'): number => median(samples.map(({ processes }) => processes.filter((one) => group(one.name) === name).reduce((total, one) => total + one[of], 0))) ?? 0;
    return { name, cpuMsPerPod: sum('cpuMsPerPod'), residentMb: sum('residentMb') };
  });
}

function placementText({ placement }: Sample): string {
  const { cpuUtilisation, cpuDeviation, podsDeviation, zoneSkew, fragmentation } = placement;
  return `cpu ${percent(cpuUtilisation)} ± ${percent(cpuDeviation)}, pods ± ${number(podsDeviation)}${zoneSkew === undefined ? '' : `, zones ± ${zoneSkew}`}, lost ${percent(fragmentation)}`;
}

/** Of the first run. */
function writtenText({ written, pods }: Sample): string {
  if (written === undefined) return '-';
  const { requests, lateEvents } = written;
  const events = eventsIn(requests);
  const others = Object.entries(requests).filter(([name]) => !name.endsWith(' events') && name !== 'POST pods').map(([name, count]) => `${name} ${count}`);
  return [`events ${events}${lateEvents === 0 ? '' : ` (${lateEvents} late)`}, ${(events / pods).toFixed(2)} a pod`, ...others].join(', ');
}

/** Of the first run: how often pods were tried in vain is what a queue does. */
function attemptsText({ attempts, pods }: Sample): string {
  if (attempts === undefined) return '-';
  const all = Object.values(attempts).reduce((sum, count) => sum + count, 0);
  return [`${(all / pods).toFixed(2)} a pod`, ...Object.entries(attempts).map(([how, count]) => `${how} ${count}`)].join(', ');
}

/** What is not counted, and what the rate would be if it were. */
export function warmUpText({ warmUp = 0, coldPodsPerSecond }: Sample): string {
  return warmUp === 0 ? '' : ` (${number(coldPodsPerSecond)} with the ${warmUp} of the warm-up)`;
}

export function rowName({ workload, drained }: Pick<Row, 'workload' | 'drained'>): string {
  return `${workload}${drained ? ', drained' : ''}`;
}

function podsText({ pods, warmUp = 0 }: Sample): string {
  return warmUp === 0 ? String(pods) : `${pods}, ${warmUp} of them warm-up`;
}

function rateText(row: Row): string {
  const cold = median(row.samples.map(({ coldPodsPerSecond }) => coldPodsPerSecond).filter((rate) => rate !== undefined));
  return `${number(rateOf(row))}${cold === undefined ? '' : ` (${number(cold)} with the warm-up)`}`;
}

export function lineOf(row: Row): readonly string[] {
  const [first] = row.samples;
  const head = [rowName(row), row.target === 'decisions' ? 'process' : 'real', String(row.nodes), first === undefined ? '-' : podsText(first)];
  if (first === undefined) return [...head, '-', failureText(row) ?? 'not measured', '', '', '', '', '', '', ''];
  const uses = usesOf(row.samples);
  return [
    ...head, rateText(row), spreadText(row), row.line === undefined ? '' : number(row.line), times(row.samples, (one) => one.createToBoundMs), times(row.samples, (one) => one.decisionMs), attemptsText(first),
    uses.map(({ name, cpuMsPerPod, residentMb }) => `${name} ${cpuMsPerPod.toFixed(cpuMsPerPod < 0.1 ? 3 : 2)} ms ${Math.round(residentMb)} MB`).join(', '), writtenText(first), placementText(first),
  ];
}

export const columns = ['workload', 'path', 'nodes', 'pods', 'pods/s', 'spread', 'upstream\'s line', 'create to bound p50 · p90 · p99 ms', 'decision p50 · p90 · p99 ms', 'attempts', 'processor a pod, memory', 'written', 'placement'] as const;

function markdown(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] as readonly string[]).map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  const text = lines.map((line) => `| ${line.map((one, column) => one.padEnd(widths[column] as number)).join(' | ')} |`);
  return [text[0], `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...text.slice(1)].join('\n');
}

export function table(rows: readonly Row[]): string {
  return markdown([columns, ...rows.map(lineOf)]);
}

function leavesWarmUpOut({ samples }: Row): boolean {
  return samples.some(({ warmUp = 0 }) => warmUp > 0);
}

/** '': the two may be compared. */
function whyNotCompared(a: Row, b: Row): string {
  if (leavesWarmUpOut(a) !== leavesWarmUpOut(b)) return `unlike: only ${leavesWarmUpOut(a) ? 'A' : 'B'} leaves the warm-up out`;
  return isUsable(a) && isUsable(b) ? '' : 'unusable: repetitions differ or fail';
}

/** One report beside another; `b` is what is asked about. */
export function compare(a: Report, b: Report): string {
  const key = (row: Row): string => `${rowName(row)}\0${row.nodes}\0${row.target === 'decisions'}`;
  const before = new Map(a.rows.map((row) => [key(row), row]));
  const lines = b.rows.flatMap((row) => {
    const other = before.get(key(row));
    const [was, is] = [other === undefined ? undefined : rateOf(other), rateOf(row)];
    if (other === undefined || was === undefined || is === undefined) return [];
    const cpu = (of: Row): number => usesOf(of.samples).reduce((sum, { cpuMsPerPod }) => sum + cpuMsPerPod, 0);
    return [[rowName(row), row.target === 'decisions' ? 'process' : 'real', String(row.nodes), number(was), number(is), number(is / was), cpu(other).toFixed(3), cpu(row).toFixed(3), number(cpu(row) / cpu(other)), whyNotCompared(other, row)]];
  });
  const head = ['workload', 'path', 'nodes', 'A pods/s', 'B pods/s', 'B/A', 'A cpu ms a pod', 'B cpu ms a pod', 'B/A', ''];
  const machines = a.machine === b.machine ? [] : [`A was measured on ${a.machine}`, `B was measured on ${b.machine}`];
  return [...machines, lines.length === 0 ? 'no workload is in both' : markdown([head, ...lines])].join('\n');
}
