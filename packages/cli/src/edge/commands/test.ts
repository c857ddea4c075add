import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@coxswain/service';
import type { Tool } from '../../tool.ts';
import { failuresOf, type VitestReport } from '../../test-report.ts';
import { installPackages, missingPackages } from '../up/packages.ts';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const tiers = ['unit', 'sim', 'e2e', 'clients'] as const;
type Tier = (typeof tiers)[number];
/** The clients' tier needs Go and its modules, so it is run when asked for. */
const defaultTiers: readonly Tier[] = ['unit', 'sim', 'e2e'];

interface Count {
  passed: number;
  failed: number;
  /** What failed, told again at the end: of a long log often only the end is kept. */
  readonly failures: string[];
}

function inherit(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: `${dirname(process.execPath)}:${root}node_modules/.bin:${process.env['PATH'] ?? ''}` } });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Types and lint count as one test each. */
async function check(name: string, program: string, args: readonly string[], count: Count): Promise<void> {
  process.stdout.write(`\n== ${name}\n`);
  const code = await inherit(program, args);
  if (code === 0) count.passed += 1;
  else {
    count.failed += 1;
    count.failures.push(name);
  }
}

async function vitest(tier: Tier, filters: readonly string[], count: Count): Promise<void> {
  process.stdout.write(`\n== ${tier}\n`);
  const report = `${root}.cox/test-${tier}.json`;
  rmSync(report, { force: true });
  mkdirSync(dirname(report), { recursive: true });
  const code = await inherit('vitest', ['run', '--project', tier, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters]);
  let result: VitestReport | undefined;
  try {
    result = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
  } catch (error) {
    process.stderr.write(`cox test: no report of ${tier}: ${(error as Error).message}\n`);
  }
  count.passed += result?.numPassedTests ?? 0;
  // A file that does not load or an error outside a test fails the run without a failed test.
  count.failed += Math.max(result?.numFailedTests ?? 0, code === 0 ? 0 : 1);
  const failures = result === undefined ? [] : failuresOf(result, root);
  if (failures.length === 0 && code !== 0) failures.push(`${tier}: an error outside the tests, told above`);
  for (const failure of failures) count.failures.push(failure);
}

export const test: Tool = {
  usage: 'test [--quick|--clients] [unit|sim|e2e|clients [FILTER…]]',
  summary: 'types, lint and tests, or the tests of one tier; the last line is `N passed, N failed`',
  flags: {
    quick: { kind: 'bool', help: 'types, lint and unit tests only' },
    clients: { kind: 'bool', help: 'only the cases of client-go, the Python client, @kubernetes/client-node and kubectl; needs Go 1.21 (or bookworm-backports)' },
  },
  wordsMax: Infinity,
  run: (flags, words) => runTests(flags.bool('quick'), flags.bool('clients') ? ['clients', ...words] : words),
};

async function runTests(quick: boolean, words: readonly string[]): Promise<void> {
  const only = tiers.find((tier) => tier === words[0]);
  if (only === undefined && words.length > 0) throw new UsageError(`cox test takes --quick, or one of ${tiers.join(', ')} and filters; not ${JSON.stringify(words[0])}`);
  const count: Count = { passed: 0, failed: 0, failures: [] };
  const wanted: readonly Tier[] = only !== undefined ? [only] : quick ? ['unit'] : defaultTiers;
  if (only === undefined) {
    await check('types', 'tsc', ['--noEmit', '-p', 'tsconfig.json'], count);
    await check('lint', 'oxlint', ['--type-aware', '--deny-warnings'], count);
  }
  if (wanted.includes('e2e')) await installPackages([...missingPackages(true), ...missingTestPackages()]);
  if (wanted.includes('clients')) await installPackages([...missingPackages(false), ...missingTestPackages(), ...missingClientPackages()]);
  for (const tier of wanted) await vitest(tier, only === undefined ? [] : words.slice(1), count);
  for (const failure of count.failures) process.stdout.write(`\nFAILED ${failure}\n`);
  process.stdout.write(`\n${count.passed} passed, ${count.failed} failed\n`);
  process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
}

/** Programs that only tests use. */
function missingTestPackages(): readonly string[] {
  return [{ package: 'etcd-client', file: 'etcdctl' }, { package: 'etcd-server', file: 'etcd' }, { package: 'openssl', file: 'openssl' }, { package: 'curl', file: 'curl' }, { package: 'faketime', file: 'faketime' }]
    .filter((need) => !(process.env['PATH'] ?? '').split(':').some((folder) => exists(`${folder}/${need.file}`)))
    .map((need) => need.package);
}

/** The package by its name, with the archive of Debian 12 that has it made known. */
function addBackports(name: string): string {
  const source = '/etc/apt/sources.list.d/bookworm-backports.sources';
  if (!exists(source)) writeFileSync(source, 'Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n');
  return `${name}/bookworm-backports`;
}

/** Debian's own Go is too old; a machine without a newer one gets that of the backports. */
function missingClientPackages(): readonly string[] {
  const go = ['/usr/local/go/bin/go', '/usr/lib/go-1.23/bin/go', '/usr/lib/go-1.22/bin/go', ...(process.env['PATH'] ?? '').split(':').map((folder) => `${folder}/go`)].some(exists);
  return [...(exists('/usr/lib/python3/dist-packages/kubernetes/__init__.py') ? [] : ['python3-kubernetes']), ...(go ? [] : [addBackports('golang-1.23-go')])];
}

function exists(file: string): boolean {
  try {
    readFileSync(file, { flag: 'r' }).subarray(0, 0);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
