/**
 * The store in simulation, seed after seed:
 *
 *   node packages/etcd-lite/scripts/simulate.ts --seeds=1000-1100       these
 *   node packages/etcd-lite/scripts/simulate.ts --hours=8 [--jobs=2]    fresh ones until the time is over
 *   node packages/etcd-lite/scripts/simulate.ts --seed=42 --trace       one, with every event
 *   node packages/etcd-lite/scripts/simulate.ts --quiet                 how fast three idle members are
 *
 * Ends with 1 if a seed failed; every failure comes with the command that repeats it.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { planText } from '../test/sim/plan.ts';
import { measureQuiet } from '../test/sim/quiet.ts';
import { runSeed, type Report } from '../test/sim/run.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' }, seeds: { type: 'string' }, hours: { type: 'string' }, from: { type: 'string' }, step: { type: 'string', default: '1' }, jobs: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false }, quiet: { type: 'boolean', default: false },
  },
});

const file = 'packages/etcd-lite/scripts/simulate.ts';
/** The simulation replaces them while it runs. */
const now = Date.now.bind(Date);
const totals = { seeds: 0, failed: [] as number[], simulatedMs: 0, startedMs: now() };

function tell(report: Report, tookMs: number): void {
  const { seed } = report.plan;
  totals.seeds += 1;
  totals.simulatedMs += report.ms;
  console.log(`seed ${seed}: ${report.violations.length === 0 ? 'ok' : 'FAILED'} in ${tookMs} ms (${planText(report.plan)}) ${JSON.stringify(report.counts)} ${report.digest.slice(0, 12)}`);
  if (report.violations.length === 0) return;
  totals.failed.push(seed);
  for (const { rule, message } of report.violations.slice(0, 5)) console.log(`  ${rule}: ${message.slice(0, 2000)}`);
  console.log(`  repeat with: node ${file} --seed=${seed} --trace`);
}

async function one(seed: number): Promise<void> {
  const startedMs = now();
  const report = await runSeed(seed, {}, options.trace ? (line) => { console.log(line); } : undefined);
  tell(report, now() - startedMs);
}

/** Each job takes its own seeds; what it prints is ours. */
async function inJobs(jobs: number, first: number, hours: string): Promise<void> {
  const codes = await Promise.all(Array.from({ length: jobs }, (_, at) => new Promise<number>((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), [`--hours=${hours}`, `--from=${first + at}`, `--step=${jobs}`]);
    child.on('exit', (code) => { resolve(code ?? 1); });
  })));
  process.exit(Math.max(...codes));
}

async function main(): Promise<void> {
  if (options.quiet) {
    for (const line of await measureQuiet(3000)) console.log(line);
    return;
  }
  if (options.hours === undefined) {
    const [from, to] = (options.seeds ?? options.seed ?? '1-10').split('-').map(Number) as [number, number | undefined];
    for (let seed = from; seed <= (to ?? from); seed += 1) await one(seed);
  } else {
    const first = options.from === undefined ? Math.floor(now() / 1000) * 1000 : Number(options.from);
    console.log(`from seed ${first} on for ${options.hours} h`);
    if (Number(options.jobs) > 1) await inJobs(Number(options.jobs), first, options.hours);
    const endMs = totals.startedMs + Number(options.hours) * 3_600_000;
    for (let seed = first; now() < endMs; seed += Number(options.step)) await one(seed);
  }
  const tookMs = now() - totals.startedMs;
  console.log(`${totals.seeds} seeds, ${Math.round(totals.simulatedMs / 1000)} simulated seconds in ${Math.round(tookMs / 1000)} s: ${Math.round(totals.simulatedMs / tookMs)} a second under load and faults`);
  if (totals.failed.length > 0) console.log(`FAILED: ${totals.failed.join(' ')}`);
}

await main();
process.exit(totals.failed.length > 0 ? 1 : 0);
