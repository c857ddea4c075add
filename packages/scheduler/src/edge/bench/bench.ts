import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { number } from '@coxswain/etcd-lite/bench';
import { startDecisions } from './decisions.ts';
import { html } from './html.ts';
import { startReal } from './real.ts';
import { compare, lineOf, table, type Report, type Row } from './report.ts';
import { runWorkload } from './run.ts';
import type { Sample } from './sample.ts';
import { canDrain, countOf, hasGangs, leftOut, scaled, watchesAttempts, workloads, type Workload } from './workloads.ts';

export interface SchedulingBenchOptions {
  readonly target: 'decisions' | 'real';
  readonly kubeconfig: string;
  readonly schedulerCommand: string;
  readonly schedulerName: string;
  /** Measured pods wait for the scheduler, instead of being made before its eyes. `decisions` always drains. */
  readonly drain: boolean;
  /** Sizes are so many 5,000ths of upstream's. */
  readonly nodes: number;
  readonly repeats: number;
  readonly only: string;
  readonly members: 1 | 3;
  readonly directory: string;
  readonly json: string;
  readonly html: string;
  readonly nodeArguments: readonly string[];
  readonly print: (line: string) => void;
}

const idleMs = 60_000;

function heading(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}, Node ${process.version}`;
}

function drained(options: SchedulingBenchOptions, workload: Workload): boolean {
  return canDrain(workload) && (options.drain || options.target === 'decisions');
}

/** The run's own directory, and what is told of how the target was asked. */
async function once(options: SchedulingBenchOptions, workload: Workload, notes: Set<string>): Promise<{ readonly sample: Sample; readonly name: string }> {
  const directory = join(options.directory, `cox-bench-scheduling-${process.pid}`);
  const starting = options.target === 'decisions' ? startDecisions(hasGangs(workload)) : startReal({ ...options, directory, gangs: hasGangs(workload), attempts: watchesAttempts(workload) });
  // Its processes would stay.
  const ended = (): void => { void starting.then((target) => target.close()).finally(() => { rmSync(directory, { recursive: true, force: true }); process.exit(1); }); };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ended);
  try {
    const target = await starting;
    const sample = await runWorkload(target, workload, { drain: drained(options, workload), idleMs });
    for (const note of target.notes) notes.add(note);
    return { name: target.name, sample };
  } finally {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, ended);
    await starting.then((target) => target.close(), () => undefined);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Made anew for each repetition, so that none inherits another's heap or state. */
async function measure(options: SchedulingBenchOptions, workload: Workload, notes: Set<string>): Promise<Row> {
  const samples: Sample[] = [];
  const nodes = workload.ops.reduce((sum, op) => (op.opcode === 'createNodes' ? sum + countOf(workload, op.count) : sum), 0);
  const row = { workload: workload.name, target: options.target as string, drained: drained(options, workload), nodes, line: workload.line, samples };
  for (let round = 1; round <= options.repeats; round += 1) {
    options.print(`${workload.name}: run ${round} of ${options.repeats}; load ${number(loadavg()[0])}`);
    try {
      const { sample, name } = await once(options, workload, notes);
      samples.push(sample);
      row.target = name;
      options.print(`${workload.name}: ${number(sample.podsPerSecond)} pods/s; by second ${sample.bySecond.join(' ')}`);
    } catch (error) {
      return { ...row, failure: (error as Error).message };
    }
  }
  return row;
}

/** A whole name means that one alone. */
function chosenBy(only: string): readonly Workload[] {
  const exact = workloads.filter(({ name }) => name === only);
  return exact.length > 0 ? exact : workloads.filter(({ name }) => name.includes(only));
}

export async function benchScheduling(options: SchedulingBenchOptions): Promise<Report> {
  const machine = heading();
  options.print(`${machine}; load before ${number(loadavg()[0])}`);
  const chosen = chosenBy(options.only).map((workload) => scaled(workload, options.nodes));
  if (chosen.length === 0) throw new Error(`no workload has ${JSON.stringify(options.only)} in its name; there are ${workloads.map(({ name }) => name).join(', ')}`);
  const notes = new Set<string>();
  const rows: Row[] = [];
  for (const workload of chosen) {
    const row = await measure(options, workload, notes);
    options.print(lineOf(row).filter((cell) => cell !== '').join(' | '));
    rows.push(row);
  }
  const report: Report = { kind: 'cox-bench-scheduling', machine, atIso: new Date().toISOString(), notes: [...notes], rows, leftOut };
  options.print(['', table(rows), ...report.notes].join('\n'));
  if (options.json !== '') writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (options.html !== '') writeFileSync(options.html, html(report));
  return report;
}

function readReport(path: string): Report {
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  if (report.kind !== 'cox-bench-scheduling') throw new Error(`${path} is no result of cox bench scheduling`);
  return report;
}

export function compareSchedulingReports(a: string, b: string): string {
  return compare(readReport(a), readReport(b));
}
