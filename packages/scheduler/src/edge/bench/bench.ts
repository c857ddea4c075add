import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { number } from '@coxswain/etcd-lite/bench';
import { UsageError } from '@coxswain/service';
import { decisionsNote } from './decisions.ts';
import { html } from './html.ts';
import { DecisionsProcess } from './in-process.ts';
import { nodesOf, plan, type Planned, type TargetName } from './plan.ts';
import { startReal } from './real.ts';
import { compare, isUsable, lineOf, rowName, table, warmUpText, type Report, type Row } from './report.ts';
import { checkResumable, keptRow, secondsLeft } from './resume.ts';
import { runWorkload } from './run.ts';
import type { Sample } from './sample.ts';
import { leftOut, needsOf, watchesAttempts } from './workloads.ts';

export interface SchedulingBenchOptions {
  /** `both`: every workload in process and on the real path; there, unless `quick`, only those of its goals as often as is asked for. */
  readonly target: TargetName | 'both';
  readonly quick: boolean;
  readonly kubeconfig: string;
  readonly schedulerCommand: string;
  readonly schedulerName: string;
  /** URL of a foreign scheduler's metrics. */
  readonly schedulerMetrics: string;
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
  /** Rows that the `json` of an earlier run has are not measured again. */
  readonly resume: boolean;
  readonly html: string;
  readonly nodeArguments: readonly string[];
  readonly print: (line: string) => void;
}

const idleMs = 60_000;
const smokeNodes = 100;
/** Of one run, with all that comes before its measured pods. */
const maxRunMs = 300_000;
/** A scheduler of two hundred pods a second is not late with fifty thousand. */
const maxForeignRunMs = 1_200_000;

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
    const starting = startReal({ ...options, directory, needs: needsOf(workload), attempts: watchesAttempts(workload) });
    // Its processes would stay.
    const ended = (): void => { void starting.then((target) => target.close()).finally(() => { rmSync(directory, { recursive: true, force: true }); process.exit(1); }); };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ended);
    try {
      const target = await starting;
      row.target = target.name;
      const isForeign = options.kubeconfig !== '' || options.schedulerCommand !== '';
      const sample = await within(isForeign ? maxForeignRunMs : maxRunMs, runWorkload(target, workload, { drain, idleMs }));
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
    const startedMs = performance.now();
    const row = await this.#row(planned);
    return { ...row, tookSeconds: (performance.now() - startedMs) / 1000 };
  }

  async #row(planned: Planned): Promise<Row> {
    const { print } = this.#options;
    const { workload, drain, target, repeats } = planned;
    const samples: Sample[] = [];
    const row = { workload: workload.name, target: target as string, drained: drain, nodes: nodesOf(workload), line: workload.line, samples };
    for (let round = 1; round <= repeats; round += 1) {
      if (performance.now() > this.#untilMs) return { ...row, failure: `the ${this.#options.minutes} minutes were over (--minutes)` };
      try {
        const sample = target === 'decisions' ? await this.#inProcess(planned, round === 1) : await this.#real(planned, row);
        samples.push(sample);
        print(`  run ${round} of ${repeats}: ${number(sample.podsPerSecond)} pods/s${warmUpText(sample)}; by second ${sample.bySecond.join(' ')}; load ${number(loadavg()[0])}`);
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

function settingOf({ kubeconfig, schedulerCommand, schedulerName, members }: SchedulingBenchOptions): string {
  return `${kubeconfig === '' ? `own API server, store of ${members}` : kubeconfig}, ${schedulerCommand === '' ? 'cox scheduler' : schedulerCommand}, schedulerName ${schedulerName}`;
}

const minutes = (seconds: number): string => `${Math.round(seconds / 60)} min`;

function nameOf({ workload, drain, target }: Planned): string {
  return `${rowName({ workload: workload.name, drained: drain })}, ${target === 'real' ? 'real path' : 'in process'}`;
}

/** The files are written after each row, so that a run that is broken off has told what it knew. */
export async function benchScheduling(options: SchedulingBenchOptions): Promise<Report> {
  const { print } = options;
  const startedMs = performance.now();
  const planned = plan({ ...options, foreign: options.kubeconfig !== '' || options.schedulerCommand !== '', short: !options.quick });
  const head = { kind: 'cox-bench-scheduling', machine: heading(), setting: settingOf(options), atIso: new Date().toISOString(), load: loadavg()[0] ?? 0, leftOut } as const;
  const earlier = options.resume && existsSync(options.json) ? readReport(options.json) : undefined;
  if (earlier !== undefined) checkResumable(earlier, head);
  const bench = new Bench(options, [...planned.notes, ...earlier?.notes ?? []]);
  const kept = planned.rows.map((one) => keptRow(one, earlier));
  const rows: (Row | undefined)[] = [...kept];
  const report = (): Report => written(options, { ...head, notes: [...bench.notes], rows: rows.filter((row) => row !== undefined) });
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  const left = (from: number): string => minutes(secondsLeft(planned.rows.filter((_, at) => at >= from && kept[at] === undefined), rows.filter((row) => row !== undefined)));
  print(`${head.machine}; load before ${number(head.load)}; ${planned.rows.length} rows, ${kept.filter((row) => row !== undefined).length} of them from ${options.json === '' ? 'before' : options.json}; about ${left(0)}, ${options.minutes} at most`);
  try {
    for (const [at, one] of planned.rows.entries()) {
      if (kept[at] !== undefined) continue;
      print(`${at + 1}/${planned.rows.length} ${nameOf(one)}; ${minutes(elapsed())} so far, about ${left(at)} to go`);
      const row = await bench.row(one);
      rows[at] = row;
      print(`  ${lineOf(row).filter((cell) => cell !== '').join(' | ')} | ${number(row.tookSeconds)} s`);
      report();
    }
  } finally {
    bench.close();
  }
  const done = report();
  print(ending(done, elapsed() / 60));
  return done;
}

function ending({ rows, notes }: Report, tookMinutes: number): string {
  const [failed, single] = [rows.filter(({ failure }) => failure !== undefined), rows.filter(({ failure, samples }) => failure === undefined && samples.length === 1)];
  const unusable = rows.filter((row) => row.failure === undefined && !isUsable(row));
  const told = [`${failed.length} failed`, `${unusable.length} unusable`, ...(single.length === 0 ? [] : [`${single.length} of one run, which tells no spread`])];
  return ['', table(rows), ...notes, `${rows.length} rows in ${number(tookMinutes)} minutes, ${told.join(', ')}`].join('\n');
}

export function compareSchedulingReports(a: string, b: string): string {
  return compare(readReport(a), readReport(b));
}
