/**
 * Random clients against three store members and two or three API servers in a storm; what they were told is judged by the store's log:
 *
 *   node packages/lab/scripts/history.ts [--seeds=1-100] [--storm-seconds=20] [--answers] [--mutant=NAME|all|always]
 *
 * With a mutant one guard is taken out of the API server, and the seeds are run until one fails. Ends with 1 if a seed fails, or a mutant is not found.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants } from '../test/history/mutants.ts';
import type { Outcome } from '../test/history/play.ts';
import { runSeeds } from '../test/seeds.ts';

const { values: options } = parseArgs({ options: { seeds: { type: 'string', default: '1-100' }, 'storm-seconds': { type: 'string', default: '20' }, answers: { type: 'boolean', default: false }, mutant: { type: 'string' } } });
const now = Date.now.bind(Date);
const stormMs = Number(options['storm-seconds']) * 1000;

function show(seed: number, outcome: Outcome, tookMs: number): void {
  const { records, changes } = outcome;
  console.log(`seed ${seed}: ${outcome.faults.length} faults; ${changes} changes, ${records.writes.length} writes, ${records.gets.length} gets, ${records.lists.length} lists, ${records.watches.length} watches with ${records.watches.reduce((sum, watch) => sum + watch.frames.length, 0)} frames; ${(outcome.virtualMs / 1000).toFixed(0)} s in ${(tookMs / 1000).toFixed(1)} s`);
  for (const fault of outcome.faults.slice(0, 5)) console.log(`    ${fault.slice(0, 600)}`);
  if (options.answers) for (const [answer, count] of [...records.answers].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`    ${count} × ${answer}`);
}

async function playSeed(seed: number, which: 'always' | 'faults'): Promise<number> {
  const { play } = await import('../test/history/play.ts');
  const startedMs = now();
  const outcome = await play(seed, stormMs);
  if (which === 'always' || outcome.faults.length > 0) show(seed, outcome, now() - startedMs);
  return outcome.faults.length;
}

process.exit(await runSeeds({
  seeds: options.seeds, mutant: options.mutant, mutants, play: playSeed,
  program: fileURLToPath(import.meta.url), programArguments: [`--storm-seconds=${options['storm-seconds']}`],
}));
