import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { must, run } from '../../src/edge/shell.ts';
import type { CaseResult, ClientName } from './cases.ts';

const here = fileURLToPath(new URL('./', import.meta.url));
const built = fileURLToPath(new URL('../../../../.cox/clients-go', import.meta.url));

/** Older ones fetch the version that go.mod wants by themselves. */
async function goProgram(): Promise<string> {
  for (const candidate of ['go', '/usr/local/go/bin/go', '/usr/lib/go-1.23/bin/go', '/usr/lib/go-1.22/bin/go']) {
    const ran = await run(candidate, ['version']).catch(() => undefined);
    const minor = Number(/go1\.(\d+)/.exec(ran?.stdout ?? '')?.[1] ?? 0);
    if (minor >= 21) return candidate;
  }
  throw new Error('no Go 1.21 or newer: install golang from bookworm-backports, or put go on the PATH');
}

/** Modules come from the Go proxy, checked against go.sum. */
export async function buildGoClient(): Promise<void> {
  mkdirSync(fileURLToPath(new URL('../../../../.cox', import.meta.url)), { recursive: true });
  await must(await goProgram(), ['build', '-trimpath', '-o', built, '.'], { cwd: `${here}go`, env: { ...process.env, GOTOOLCHAIN: 'auto' } });
}

const commands: Readonly<Record<ClientName, () => readonly string[]>> = {
  'go': () => [built],
  'go-json': () => [built, '--content-type=application/json'],
  'python': () => [existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3', '-W', 'ignore', `${here}python/main.py`],
  'node': () => [process.execPath, `${here}node.ts`],
  'kubectl': () => [process.execPath, `${here}kubectl.ts`],
};

/** All cases of one client, in its order. Rejects with its last words if it dies. */
export async function runClient(client: ClientName, kubeconfig: string, home: string): Promise<readonly CaseResult[]> {
  const [program = '', ...args] = commands[client]();
  const ran = await run(program, args, { env: { ...process.env, KUBECONFIG: kubeconfig, HOME: home } });
  const results = ran.stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as CaseResult);
  if (ran.code !== 0) throw new Error(`${client} ended with ${ran.code} after ${results.length} cases: ${ran.stderr.slice(-2000)}`);
  return results;
}
