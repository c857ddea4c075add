/**
 * Schedulers in a storm, judged by the store's log:
 *
 *   node packages/lab/scripts/scheduling.ts [--seeds=1-100] [--storm-seconds=14] [--trace=TEXT] [--mutant=NAME|all|always]
 *
 * With a mutant one guard is taken out, and the seeds are run until one fails. Ends with 1 if a seed fails, or a mutant is not found.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants } from '../test/scheduling/mutants.ts';
import type { Outcome } from '../test/scheduling/play.ts';
import { runSeeds } from '../test/seeds.ts';

const { values: options } = parseArgs({ options: { seeds: { type: 'string', default: '1-100' }, 'storm-seconds': { type: 'string', default: '14' }, trace: { type: 'string' }, mutant: { type: 'string' } } });
const now = Date.now.bind(Date);
const stormMs = Number(options['storm-seconds']) * 1000;

function show(seed: number, outcome: Outcome, tookMs: number): void {
  console.log(`seed ${seed}: ${outcome.faults.length} faults; ${outcome.bound} bound, ${outcome.leaders} leaders, ${outcome.fencedOff} sent and not stored; ${(outcome.virtualMs / 1000).toFixed(0)} s in ${(tookMs / 1000).toFixed(1)} s`);
  for (const fault of outcome.faults.slice(0, 5)) console.log(`    ${fault.slice(0, 400)}`);
}

async function playSeed(seed: number, which: 'always' | 'faults'): Promise<number> {
  const { play } = await import('../test/scheduling/play.ts');
  const { trace } = options;
  const startedMs = now();
  const outcome = await play(seed, stormMs, trace === undefined ? undefined : (line) => { if (line.includes(trace)) console.log(line.slice(0, 300)); });
  if (which === 'always' || outcome.faults.length > 0) show(seed, outcome, now() - startedMs);
  return outcome.faults.length;
}

process.exit(await runSeeds({
  seeds: options.seeds, mutant: options.mutant, mutants, play: playSeed,
  program: fileURLToPath(import.meta.url), programArguments: [`--storm-seconds=${options['storm-seconds']}`],
}));
