/**
 * Schedulers in a storm, judged by the store's log:
 *
 *   node packages/lab/scripts/scheduling.ts [--seeds=1-100] [--storm-seconds=14] [--trace=TEXT] [--mutant=NAME|all|always]
 *
 * With a mutant one guard is taken out, and the seeds are run until one fails. Ends with 1 if a seed fails, or a mutant is not found.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutate, type Mutant } from '../test/mutate.ts';
import { mutants } from '../test/scheduling/mutants.ts';
import type { Outcome } from '../test/scheduling/play.ts';

const { values: options } = parseArgs({ options: { seeds: { type: 'string', default: '1-100' }, 'storm-seconds': { type: 'string', default: '14' }, trace: { type: 'string' }, mutant: { type: 'string' } } });
const now = Date.now.bind(Date);
const stormMs = Number(options['storm-seconds']) * 1000;

function show(seed: number, outcome: Outcome, tookMs: number): void {
  console.log(`seed ${seed}: ${outcome.faults.length} faults; ${outcome.bound} bound, ${outcome.leaders} leaders, ${outcome.fencedOff} sent and not stored; ${(outcome.virtualMs / 1000).toFixed(0)} s in ${(tookMs / 1000).toFixed(1)} s`);
  for (const fault of outcome.faults.slice(0, 5)) console.log(`    ${fault.slice(0, 400)}`);
}

async function run(from: number, to: number, untilFound: boolean): Promise<number> {
  // After what is to be changed in it is known.
  const { play } = await import('../test/scheduling/play.ts');
  const { trace } = options;
  let failed = 0;
  for (let seed = from; seed <= to && !(untilFound && failed > 0); seed += 1) {
    const startedMs = now();
    try {
      const outcome = await play(seed, stormMs, trace === undefined ? undefined : (line) => { if (line.includes(trace)) console.log(line.slice(0, 300)); });
      if (!untilFound || outcome.faults.length > 0) show(seed, outcome, now() - startedMs);
      if (outcome.faults.length > 0) failed += 1;
    } catch (error) {
      failed += 1;
      console.log(`seed ${seed}: 1 faults; ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    }
  }
  return failed;
}

function judgeMutant(mutant: Mutant): boolean {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), `--mutant=${mutant.name}`, `--seeds=1-${mutant.maxSeeds}`, `--storm-seconds=${options['storm-seconds']}`], { encoding: 'utf8' });
  const lines = child.stdout.split('\n');
  const found = child.status === 1 && lines[0]?.startsWith('seed') === true;
  console.log(`${mutant.name} (${mutant.bug}): ${found ? `found: ${lines[0]}\n${lines[1] ?? ''}` : `NOT FOUND in ${mutant.maxSeeds} seeds ${child.stderr.slice(-500)}`}`);
  return found;
}

async function main(): Promise<number> {
  const { mutant: name } = options;
  if (name === 'all' || name === 'always') return mutants.filter((mutant) => name === 'all' || mutant.always === true).map(judgeMutant).every(Boolean) ? 0 : 1;
  const [from, to = from] = options.seeds.split('-').map(Number) as [number, number?];
  if (name !== undefined) {
    const mutant = mutants.find((one) => one.name === name);
    if (mutant === undefined) throw new Error(`no mutant ${name}`);
    mutate(mutant);
  }
  const failed = await run(from, to, name !== undefined);
  if (name === undefined) console.log(`${failed} of ${to - from + 1} seeds failed`);
  return failed === 0 ? 0 : 1;
}

process.exit(await main());
