/**
 * Random clients against three store members and two or three API servers in a storm; what they were told is judged by the store's log:
 *
 *   node packages/lab/scripts/history.ts [--seeds=1-100] [--storm-seconds=20] [--answers] [--mutant=NAME|all|always]
 *
 * With a mutant one guard is taken out of the API server, and the seeds are run until one fails. Ends with 1 if a seed fails, or a mutant is not found.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Outcome } from '../test/history/play.ts';
import { mutants } from '../test/history/mutants.ts';
import { mutate, type Mutant } from '../test/mutate.ts';

const { values: options } = parseArgs({ options: { seeds: { type: 'string', default: '1-100' }, 'storm-seconds': { type: 'string', default: '20' }, answers: { type: 'boolean', default: false }, mutant: { type: 'string' } } });
const now = Date.now.bind(Date);
const stormMs = Number(options['storm-seconds']) * 1000;

function show(seed: number, outcome: Outcome, tookMs: number): void {
  const { records, changes } = outcome;
  console.log(`seed ${seed}: ${outcome.faults.length} faults; ${changes} changes, ${records.writes.length} writes, ${records.gets.length} gets, ${records.lists.length} lists, ${records.watches.length} watches with ${records.watches.reduce((sum, watch) => sum + watch.frames.length, 0)} frames; ${(outcome.virtualMs / 1000).toFixed(0)} s in ${(tookMs / 1000).toFixed(1)} s`);
  for (const fault of outcome.faults.slice(0, 5)) console.log(`    ${fault.slice(0, 600)}`);
  if (options.answers) for (const [answer, count] of [...records.answers].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`    ${count} × ${answer}`);
}

/** How many seeds failed. */
async function run(from: number, to: number, untilFound: boolean): Promise<number> {
  // After what is to be changed in it is known.
  const { play } = await import('../test/history/play.ts');
  let failed = 0;
  for (let seed = from; seed <= to && !(untilFound && failed > 0); seed += 1) {
    const startedMs = now();
    const outcome = await play(seed, stormMs);
    if (!untilFound || outcome.faults.length > 0) show(seed, outcome, now() - startedMs);
    if (outcome.faults.length > 0) failed += 1;
  }
  return failed;
}

function judgeMutant(mutant: Mutant): boolean {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), `--mutant=${mutant.name}`, `--seeds=1-${mutant.maxSeeds}`, `--storm-seconds=${options['storm-seconds']}`], { encoding: 'utf8' });
  const lines = child.stdout.split('\n');
  console.log(`${mutant.name} (${mutant.bug}): ${child.status === 1 && lines[0]?.startsWith('seed') === true ? `found: ${lines[0]}\n${lines[1] ?? ''}` : `NOT FOUND in ${mutant.maxSeeds} seeds ${child.stderr.slice(-500)}`}`);
  return child.status === 1 && lines[0]?.startsWith('seed') === true;
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
