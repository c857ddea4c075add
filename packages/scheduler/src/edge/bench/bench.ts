import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { number } from '@coxswain/etcd-lite/bench';
import { UsageError } from '@coxswain/service';
import { decisionsNote } from './decisions.ts';
import { html } from './html.ts';
import { DecisionsProcess } from './in-process.ts';
import { plan, type Planned, type TargetName } from './plan.ts';
import { startReal } from './real.ts';
import { compare, isUsable, lineOf, rowName, table, type Report, type Row } from './report.ts';
import { runWorkload } from './run.ts';
import type { Sample } from './sample.ts';
import { countOf, hasGangs, leftOut, watchesAttempts } from './workloads.ts';

export interface SchedulingBenchOptions {
  /** `both`: every workload in process, and on the real path all (`quick`) or those of its goals. */
  readonly target: TargetName | 'both';
  readonly quick: boolean;
  readonly kubeconfig: string;
  readonly schedulerCommand: string;
  readonly schedulerName: string;
  /** Measured pods wait for the scheduler, instead of being made before its eyes. In process they always do, where they can. */
  readonly drain: boolean;
  /** Sizes are so many 5,000ths of upstream's. */
  readonly nodes: number;
  readonly repeats: number;
  /** What has not begun by then is not measured. */
  readonly minutes: number;
  readonly only: string;
  readonly members: 1 | 3;
  readonly directory: string;
  readonly json: string;
  readonly html: string;
  readonly nodeArguments: readonly string[];
  readonly print: (line: string) => void;
}

const idleMs = 60_000;
const smokeNodes = 100;
/** Of one run, with all that comes before its measured pods. */
const maxRunMs = 300_000;

function heading(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}, Node ${process.version}`;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => { reject(new Error(`the run was not over after ${number(ms / 1000)} s`)); }, ms); });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Measures rows one after the other; what fails is a row's, and never the whole's. */
class Bench {
  readonly #options: SchedulingBenchOptions;
  readonly #untilMs: number;
  readonly notes: Set<string>;
  #decisions: DecisionsProcess | undefined;

  constructor(options: SchedulingBenchOptions, notes: readonly string[]) {
    this.#options = options;
    this.#untilMs = performance.now() + options.minutes * 60_000;
    this.notes = new Set(notes);
  }

  /** A server, a store and a scheduler of its own for each run, in the run's own directory. */
  async #real({ workload, drain }: Planned, row: { target: string }): Promise<Sample> {
    const options = this.#options;
    const directory = join(options.directory, `cox-bench-scheduling-${process.pid}`);
    const starting = startReal({ ...options, directory, gangs: hasGangs(workload), attempts: watchesAttempts(workload) });
    // Its processes would stay.
    const ended = (): void => { void starting.then((target) => target.close()).finally(() => { rmSync(directory, { recursive: true, force: true }); process.exit(1); }); };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ended);
    try {
      const target = await starting;
      row.target = target.name;
      const sample = await within(maxRunMs, runWorkload(target, workload, { drain, idleMs }));
      for (const note of target.notes) this.notes.add(note);
      return sample;
    } finally {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, ended);
      await starting.then((target) => target.close(), () => undefined);
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async #inProcess({ workload }: Planned, first: boolean): Promise<Sample> {
    this.#decisions ??= new DecisionsProcess(this.#options.nodeArguments);
    this.notes.add(decisionsNote);
    // So small that there is nothing to learn but that it works.
    if (this.#options.nodes < smokeNodes) return await within(maxRunMs, this.#decisions.do({ kind: 'pass', workload, idleMs })) as Sample;
    if (first) await within(maxRunMs, this.#decisions.do({ kind: 'warm-up', workload, idleMs }));
    return await within(maxRunMs, this.#decisions.do({ kind: 'repetition', workload, idleMs })) as Sample;
  }

  async row(planned: Planned): Promise<Row> {
    const { repeats, print } = this.#options;
    const { workload, drain, target } = planned;
    const samples: Sample[] = [];
    const nodes = workload.ops.reduce((sum, op) => (op.opcode === 'createNodes' ? sum + countOf(workload, op.count) : sum), 0);
    const row = { workload: workload.name, target: target as string, drained: drain, nodes, line: workload.line, samples };
    for (let round = 1; round <= repeats; round += 1) {
      if (performance.now() > this.#untilMs) return { ...row, failure: `the ${this.#options.minutes} minutes were over (--minutes)` };
      try {
        const sample = target === 'decisions' ? await this.#inProcess(planned, round === 1) : await this.#real(planned, row);
        samples.push(sample);
        print(`  run ${round} of ${repeats}: ${number(sample.podsPerSecond)} pods/s; by second ${sample.bySecond.join(' ')}; load ${number(loadavg()[0])}`);
      } catch (error) {
        this.close();
        return { ...row, failure: (error as Error).message };
      }
    }
    // Of several runs the spread is asked for: no row finds what another one left.
    if (repeats > 1) this.close();
    return row;
  }

  close(): void {
    this.#decisions?.end();
    this.#decisions = undefined;
  }
}

function written(options: SchedulingBenchOptions, report: Report): Report {
  if (options.json !== '') writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (options.html !== '') writeFileSync(options.html, html(report));
  return report;
}

/** The files are written after each row, so that a run that is broken off has told what it knew. */
export async function benchScheduling(options: SchedulingBenchOptions): Promise<Report> {
  const { print } = options;
  const startedMs = performance.now();
  const planned = plan({ ...options, foreign: options.kubeconfig !== '' || options.schedulerCommand !== '', short: !options.quick });
  const bench = new Bench(options, planned.notes);
  const rows: Row[] = [];
  const head = { kind: 'cox-bench-scheduling', machine: heading(), atIso: new Date().toISOString(), load: loadavg()[0] ?? 0, leftOut } as const;
  const report = (): Report => written(options, { ...head, notes: [...bench.notes], rows });
  print(`${head.machine}; load before ${number(head.load)}; ${planned.rows.length} rows, ${options.repeats} runs each, ${options.minutes} minutes at most`);
  try {
    for (const [at, one] of planned.rows.entries()) {
      print(`${at + 1}/${planned.rows.length} ${rowName({ workload: one.workload.name, drained: one.drain })}, ${one.target === 'real' ? 'real path' : 'in process'}, ${Math.round((performance.now() - startedMs) / 60_000)} min`);
      const row = await bench.row(one);
      rows.push(row);
      print(`  ${lineOf(row).filter((cell) => cell !== '').join(' | ')}`);
      report();
    }
  } finally {
    bench.close();
  }
  const done = report();
  const [failed, unusable] = [rows.filter(({ failure }) => failure !== undefined), rows.filter((row) => row.failure === undefined && !isUsable(row))];
  print(['', table(rows), ...done.notes, `${rows.length} rows in ${number((performance.now() - startedMs) / 60_000)} minutes, ${failed.length} failed, ${unusable.length} unusable${options.repeats === 1 ? ' (one run tells no spread)' : ''}`].join('\n'));
  return done;
}

function readReport(path: string): Report {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
  if (report.kind !== 'cox-bench-scheduling') throw new UsageError(`${path} is no result of cox bench scheduling`);
  return report;
}

export function compareSchedulingReports(a: string, b: string): string {
  return compare(readReport(a), readReport(b));
}
