/**
 * Does the simulation find bugs? Puts those of etcd's record and of Raft's classic mistakes into the store, one at a time, and runs
 * seeds until one fails:
 *
 *   node packages/etcd-lite/scripts/mutations.ts [--only=NAME,NAME] [--always] [--write]
 *
 * `--write` keeps the table in docs/store-mutations.md. Ends with 1 if a mutant was not found within its seeds, or if the seed that
 * found it fails without it too.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants, type Mutant } from '../test/mutations/mutants.ts';
import { replaceSource } from '../test/mutations/replace-source.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' }, always: { type: 'boolean', default: false }, write: { type: 'boolean', default: false }, jobs: { type: 'string', default: '1' },
    run: { type: 'string' }, plain: { type: 'boolean', default: false }, from: { type: 'string', default: '1' }, to: { type: 'string' },
  },
});

interface Found { readonly seed: number | undefined; readonly rule: string; readonly message: string; readonly ms: number; readonly broken?: boolean }

/** In a process of its own: the mutant must be there before the code is loaded. */
async function runOne(mutant: Mutant): Promise<Found> {
  const now = Date.now.bind(Date);
  const startedMs = now();
  const replaced = replaceSource(options.plain ? [] : mutant.edits);
  const { runSeed } = await import('../test/sim/run.ts');
  if (replaced.missing().length > 0) throw new Error(`not loaded: ${replaced.missing().join(', ')}`);
  for (let seed = Number(options.from); seed <= Number(options.to ?? mutant.maxSeeds); seed += 1) {
    const [violation] = (await runSeed(seed, mutant.plan)).violations;
    if (violation !== undefined) return { seed, rule: violation.rule, message: violation.message.slice(0, 500), ms: now() - startedMs };
  }
  return { seed: undefined, rule: '', message: '', ms: now() - startedMs };
}

function child(name: string, more: readonly string[]): Promise<Found> {
  return new Promise((resolve) => {
    execFile(process.execPath, [fileURLToPath(import.meta.url), `--run=${name}`, ...more], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const line = stdout.split('\n').find((one) => one.startsWith('{'));
      if (line !== undefined) resolve(JSON.parse(line) as Found);
      else resolve({ seed: undefined, rule: '', message: /Error: .*/.exec(stderr)?.[0] ?? error?.message ?? stderr, ms: 0, broken: true });
    });
  });
}

interface Row { readonly mutant: Mutant; readonly found: Found; readonly clean: boolean }

async function judge(mutant: Mutant): Promise<Row> {
  const found = await child(mutant.name, []);
  if (found.broken === true) {
    console.log(`${mutant.name}: does not run: ${found.message}`);
    return { mutant, found, clean: false };
  }
  const seed = String(found.seed ?? mutant.maxSeeds);
  const plain = await child(mutant.name, ['--plain', `--from=${found.seed === undefined ? seed : '1'}`, `--to=${seed}`]);
  const row = { mutant, found, clean: plain.seed === undefined };
  console.log(`${mutant.name}: ${found.seed === undefined ? `NOT FOUND in ${mutant.maxSeeds} seeds` : `seed ${found.seed}, ${found.rule}`} in ${(found.ms / 1000).toFixed(1)} s; ${row.clean ? 'passes without it' : `FAILS WITHOUT IT TOO: ${plain.rule}: ${plain.message}`}`);
  if (found.seed !== undefined) console.log(`    ${found.message.slice(0, 300)}`);
  return row;
}

async function judgeAll(chosen: readonly Mutant[], jobs: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const waiting = [...chosen];
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) rows.push(await judge(mutant));
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return rows.toSorted((a, b) => chosen.indexOf(a.mutant) - chosen.indexOf(b.mutant));
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ mutant, found }) => `| ${mutant.source} | \`${mutant.name}\` | ${mutant.bug} | ${[...new Set(mutant.edits.map((edit) => edit.file))].join(', ')} | ${found.rule} | ${found.seed ?? `not in ${mutant.maxSeeds}`} | ${(found.ms / 1000).toFixed(1)} |`);
  return ['| known from | mutant | bug | switched in `src/` | found by | seeds needed | seconds |', '| --- | --- | --- | --- | --- | --- | --- |', ...lines].join('\n');
}

async function main(): Promise<number> {
  if (options.run !== undefined) {
    const mutant = mutants.find((one) => one.name === options.run);
    if (mutant === undefined) throw new Error(`no mutant ${options.run}`);
    console.log(JSON.stringify(await runOne(mutant)));
    return 0;
  }
  const only = options.only?.split(',');
  const chosen = mutants.filter((mutant) => (only === undefined || only.includes(mutant.name)) && (!options.always || mutant.always === true));
  const rows = await judgeAll(chosen, Number(options.jobs));
  console.log(table(rows));
  if (options.write) writeFileSync(fileURLToPath(new URL('../../../docs/store-mutations.md', import.meta.url)), document(rows));
  return rows.every((row) => row.clean && row.found.seed !== undefined) ? 0 : 1;
}

function document(rows: readonly Row[]): string {
  return `# Does the simulation find bugs?

Bugs that etcd really had, and Raft's classic mistakes, put into the store one at a time: \`packages/etcd-lite/test/mutations\` changes a
source file's text as it is loaded, the product knows nothing of it. Each must be found within a stated number of seeds, and the same
seeds pass without it. The cheap ones are shown with every change (\`mutations.sim.test.ts\`); all of them, and this table, by
\`node packages/etcd-lite/scripts/mutations.ts --write\`. Seconds are of one slow core.

${table(rows)}
`;
}

process.exit(await main());
