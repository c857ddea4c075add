import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { mutants } from './mutations/mutants.ts';

const program = fileURLToPath(new URL('../scripts/mutations.ts', import.meta.url));

/** In a process of its own: what is loaded here already cannot be mutated. */
function run(name: string): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, `--only=${name}`], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => { resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }); });
  });
}

for (const { name, source, maxSeeds } of mutants.filter((mutant) => mutant.always === true)) {
  it(`${source}: ${name} is found within ${maxSeeds} seeds, which pass without it`, async () => {
    const { code, output } = await run(name);
    console.log(output.split('\n')[0]);
    expect(code, output).toBe(0);
  });
}

it('every bug of etcd\'s record has its mutant', () => {
  const issues = ['13766', '14370', '14571', '14685', '15220', '15271', '17247', '17529', '17780', '18089', '18055', '18667', '19179', '20221', '20271', '20418'];
  expect(issues.filter((issue) => mutants.every((mutant) => !mutant.source.includes(issue)))).toEqual([]);
});
