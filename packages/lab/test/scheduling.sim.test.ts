import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mutants } from './scheduling/mutants.ts';
import { play } from './scheduling/play.ts';

/** `SCHEDULING_SEEDS=100-200` searches further; `scripts/scheduling.ts` further still. */
const [first, last] = (process.env['SCHEDULING_SEEDS'] ?? '1-2').split('-').map(Number) as [number, number];
const stormSeconds = 14;

test.each(Array.from({ length: last - first + 1 }, (_, at) => first + at))('seed %i: whatever happens to schedulers, servers, stores and nodes, no pod is bound twice, no node overfull, and none that fits is forgotten', async (seed) => {
  const { faults, bound, leaders } = await play(seed, stormSeconds * 1000);
  expect(faults).toEqual([]);
  expect(bound).toBeGreaterThan(30);
  expect(leaders).toBeGreaterThan(1);
});

const program = fileURLToPath(new URL('../scripts/scheduling.ts', import.meta.url));

/** In a process of its own: what is loaded here already cannot be changed. */
test.each(mutants.filter((mutant) => mutant.always === true))('$name is found: $bug', async ({ name, maxSeeds }) => {
  const { code, output } = await new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
    execFile(process.execPath, [program, `--mutant=${name}`, `--seeds=1-${maxSeeds}`, `--storm-seconds=${stormSeconds}`], (error, stdout, stderr) => { resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }); });
  });
  expect(output).toMatch(/^seed \d+: [1-9]\d* faults/);
  expect(code).toBe(1);
});
