import { spawnSync } from 'node:child_process';
import { MisfitError, mutate, type Mutant } from './mutate.ts';

export interface SeedRun {
  /** FROM-TO, or one. */
  readonly seeds: string;
  /** One by its name, `all`, `always` or none. */
  readonly mutant: string | undefined;
  readonly mutants: readonly Mutant[];
  /** The program itself, which is run anew for each mutant, with these arguments besides. */
  readonly program: string;
  readonly programArguments: readonly string[];
  /** Called after a mutant has changed the sources: whatever they are imported by must be imported in here. Gives how many faults there were; tells of them if `show`. */
  readonly play: (seed: number, show: 'always' | 'faults') => Promise<number>;
}

async function failedSeeds({ play }: SeedRun, from: number, to: number, untilFound: boolean): Promise<number> {
  let failed = 0;
  for (let seed = from; seed <= to && !(untilFound && failed > 0); seed += 1) {
    try {
      if (await play(seed, untilFound ? 'faults' : 'always') > 0) failed += 1;
    } catch (error) {
      // Nothing was played.
      if (error instanceof SyntaxError || error instanceof MisfitError || (error as { readonly code?: string }).code?.startsWith('ERR_') === true) throw error;
      failed += 1;
      console.log(`seed ${seed}: 1 faults; ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    }
  }
  return failed;
}

/** In a process of its own: what is loaded here already cannot be changed. */
function isFound(mutant: Mutant, { program, programArguments }: SeedRun): boolean {
  const child = spawnSync(process.execPath, [program, `--mutant=${mutant.name}`, `--seeds=1-${mutant.maxSeeds}`, ...programArguments], { encoding: 'utf8' });
  const lines = child.stdout.split('\n');
  const found = child.status === 1 && lines[0]?.startsWith('seed') === true;
  console.log(`${mutant.name} (${mutant.bug}): ${found ? `found: ${lines[0]}\n${lines[1] ?? ''}` : `NOT FOUND in ${mutant.maxSeeds} seeds ${child.stderr.slice(-500)}`}`);
  return found;
}

/** The exit code: 1 if a seed failed, or a mutant was not found. */
export async function runSeeds(run: SeedRun): Promise<number> {
  const { mutant: name, mutants } = run;
  if (name === 'all' || name === 'always') return mutants.filter((mutant) => name === 'all' || mutant.always === true).map((mutant) => isFound(mutant, run)).every(Boolean) ? 0 : 1;
  const [from, to = from] = run.seeds.split('-').map(Number) as [number, number?];
  if (name !== undefined) {
    const mutant = mutants.find((one) => one.name === name);
    if (mutant === undefined) throw new Error(`no mutant ${name}`);
    mutate(mutant);
  }
  const failed = await failedSeeds(run, from, to, name !== undefined);
  if (name === undefined) console.log(`${failed} of ${to - from + 1} seeds failed`);
  return failed === 0 ? 0 : 1;
}
