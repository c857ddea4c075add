import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mutants } from './history/mutants.ts';
import { play } from './history/play.ts';

/** `HISTORY_SEEDS=100-200` searches further; `scripts/history.ts` further still. */
const [first, last] = (process.env['HISTORY_SEEDS'] ?? '1-2').split('-').map(Number) as [number, number];

test.each(Array.from({ length: last - first + 1 }, (_, at) => first + at))('seed %i: what random clients read and follow, at any server, is the history that the store has, whatever happens to members and servers', async (seed) => {
  const { faults, records, changes } = await play(seed, 15_000);
  expect(faults).toEqual([]);
  expect(changes).toBeGreaterThan(50);
  expect(records.lists.length).toBeGreaterThan(30);
  expect(records.watches.length).toBeGreaterThan(10);
});

const program = fileURLToPath(new URL('../scripts/history.ts', import.meta.url));

/** In a process of its own: what is loaded here already cannot be changed. */
test.each(mutants.filter((mutant) => mutant.always === true))('$name is found: $bug', async ({ name, maxSeeds }) => {
  const { code, output } = await new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
    execFile(process.execPath, [program, `--mutant=${name}`, `--seeds=1-${maxSeeds}`, '--storm-seconds=15'], (error, stdout, stderr) => { resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }); });
  });
  expect(output).toMatch(/^seed \d+: [1-9]\d* faults/);
  expect(code).toBe(1);
});
