/** Writes docs/conformance.md: which official conformance tests our own tests cover, found by their names in the tests' texts. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Official {
  readonly area: string;
  readonly name: string;
  /** The shorter one that the official list gives; '' where several tests share it. */
  readonly title: string;
}

function officialTests(): readonly Official[] {
  const rows = readFileSync(`${root}packages/lab/data/conformance-1.32.tsv`, 'utf8').trim().split('\n').slice(1).map((line) => line.split('\t'));
  const titles = Map.groupBy(rows, ([, , title]) => title);
  return rows.map(([area = '', name = '', title = '']) => ({ area, name, title: titles.get(title)?.length === 1 ? title : '' }));
}

/** A test bears a name if it stands there as a string of its own, in the code or in a comment above it. */
function bears(text: string, { name, title }: Official): boolean {
  const quoted = (words: string): boolean => text.includes(`'${words.replaceAll("'", "\\'")}'`) || text.includes(`"${words}"`);
  return quoted(name) || (title !== '' && quoted(title));
}

/** By official name: the test files that have it. */
function coverage(tests: readonly Official[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const file of globSync('packages/*/{src,test}/**/*.test.ts', { cwd: root }).toSorted()) {
    const text = readFileSync(`${root}${file}`, 'utf8');
    for (const one of tests) if (bears(text, one)) found.set(one.name, [...(found.get(one.name) ?? []), file]);
  }
  return found;
}

function page(): string {
  const tests = officialTests();
  const covered = coverage(tests);
  const areas = Map.groupBy(tests, (one) => one.area);
  const lines = [
    '# Official conformance tests and ours', '',
    'The official suite of Kubernetes 1.32 has 411 tests. Each of our tests that does what one of them demands bears its name (long or short); this page is made from those names',
    'by `node packages/lab/scripts/conformance-page.ts`. The tests in `packages/lab/test/conformance` run on a simulated cluster (store, API server, controllers, scheduler,',
    'two nodes whose containers run nothing); those of kubectl run it against processes (`packages/cli/test/kubectl.clients.test.ts`); what needs real containers runs on containerd',
    '(`packages/kubelet/test`, `packages/cli/test`), where one test may do what several official ones demand: their names then stand above it.',
    'Covered says that a test of ours demands the same; it does not say that the official program was run:', 'that is [another page](official-conformance.md).', '',
    `**${covered.size} of ${tests.length} covered.**`, '', '| area | tests | covered |', '| --- | --- | --- |',
    ...[...areas].map(([area, own]) => `| ${area} | ${own.length} | ${own.filter((one) => covered.has(one.name)).length} |`),
  ];
  for (const [area, own] of areas) {
    lines.push('', `## ${area}`, '');
    for (const { name } of own) lines.push(`- ${covered.has(name) ? `[x] ${name}: ${(covered.get(name) ?? []).map((file) => `[${file.split('/').at(-1) ?? ''}](../${file})`).join(', ')}` : `[ ] ${name}`}`);
  }
  return `${lines.join('\n')}\n`;
}

const target = `${root}docs/conformance.md`;
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== page()) {
    process.stderr.write('docs/conformance.md is not what the tests say: run node packages/lab/scripts/conformance-page.ts\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, page());
}
