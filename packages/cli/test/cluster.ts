import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost, runningAs, sendSignal, signalListed } from '@coxswain/host/edge';
import type { ComponentStatus } from '../src/component.ts';
import { run, type Ran } from '../src/edge/shell.ts';
import { loadState } from '../src/edge/supervisor/server.ts';
import { Terminal } from './terminal.ts';

const cox = fileURLToPath(new URL('../../../cox', import.meta.url));

/** A cluster of its own for one test file, made and driven as a user does. */
export class Cluster {
  readonly program = cox;
  readonly data: string;
  readonly kubectlProgram: string;

  constructor(data: string, kubectlProgram = 'kubectl') {
    this.data = data;
    this.kubectlProgram = kubectlProgram;
  }

  get kubeconfig(): string {
    return `${this.data}/admin.kubeconfig`;
  }

  get #env(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: this.kubeconfig, HOME: this.data };
  }

  /** The same cluster through another kubectl. */
  with(kubectlProgram: string): Cluster {
    return new Cluster(this.data, kubectlProgram);
  }

  async cox(...args: string[]): Promise<string> {
    const ran = await run(cox, [...args, `--data=${this.data}`]);
    if (ran.code !== 0) throw new Error(`cox ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
    return ran.stdout;
  }

  async up(...args: string[]): Promise<void> {
    process.stdout.write(await this.cox('up', ...args));
  }

  async down(): Promise<void> {
    await this.cox('down', '--purge');
  }

  tryKubectl(args: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return run(this.kubectlProgram, args, { env: { ...this.#env, ...env }, ...(input === undefined ? {} : { input }) });
  }

  /** Output of kubectl, which must succeed. */
  async kubectl(...args: string[]): Promise<string> {
    const ran = await this.tryKubectl(args);
    if (ran.code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
    return ran.stdout.trim();
  }

  async apply(manifest: string): Promise<string> {
    const ran = await this.tryKubectl(['apply', '-f', '-'], manifest);
    if (ran.code !== 0) throw new Error(`kubectl apply: ${ran.stderr}`);
    return ran.stdout.trim();
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...args, '-o', 'json')) as T;
  }

  spawnKubectl(args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
    return spawn(this.kubectlProgram, args, { env: this.#env, stdio: [stdin, 'pipe', 'pipe'] });
  }

  /** kubectl as a person uses it: on a terminal. */
  terminal(...args: string[]): Terminal {
    return new Terminal([this.kubectlProgram, ...args], { env: this.#env, rows: 41, columns: 103 });
  }

  /** `server` for one API server of several, past the balancer. */
  async client(server?: string): Promise<Client> {
    return createClient(createRealHost(silentLogger), { ...(await loadKubeconfig(this.kubeconfig)), userAgent: 'test', ...(server === undefined ? {} : { server }) });
  }

  async components(): Promise<readonly ComponentStatus[]> {
    return JSON.parse(await this.cox('status', '--output=json')) as ComponentStatus[];
  }

  async component(name: string): Promise<ComponentStatus> {
    const found = (await this.components()).find((component) => component.name === name);
    if (found === undefined) throw new Error(`no component ${name}`);
    return found;
  }

  /** kill -9; answers once the supervisor runs it again with another pid. */
  async killAndWait(name: string): Promise<void> {
    const { pid, startTicks } = loadState(`${this.data}/run`)?.children.find(({ spec }) => spec.name === name) ?? {};
    if (pid === undefined || startTicks === undefined || !sendSignal(pid, startTicks, 'SIGKILL')) throw new Error(`${name} does not run`);
    await eventually(`${name} runs again`, async () => {
      const now = await this.component(name);
      return now.phase === 'running' && now.pid !== pid;
    });
  }
}

/** kill -9; what it started runs on. */
export function killSupervisor({ data }: Cluster): void {
  const supervises = (line: readonly string[]): boolean => line.at(-2) === 'supervisor' && line.at(-1) === data;
  if (signalListed(() => runningAs(supervises), 'SIGKILL') !== 1) throw new Error(`not one supervisor of ${data}`);
}

/** Debian's kubernetes-client 1.20, unpacked beside the one that is installed; undefined where Debian cannot be reached. */
export async function oldKubectl(folder: string): Promise<string | undefined> {
  await run('mkdir', ['-p', folder]);
  const download = await run('apt-get', ['download', '-q', 'kubernetes-client'], { cwd: folder });
  if (download.code !== 0) return undefined;
  const file = (await run('ls', [folder])).stdout.split('\n').find((name) => name.endsWith('.deb'));
  if (file === undefined) return undefined;
  await run('dpkg', ['-x', `${folder}/${file}`, folder]);
  return `${folder}/usr/bin/kubectl`;
}

/** For what has no event to wait on from outside: asks until it is true, or fails with the name of what was awaited. */
export async function eventually(what: string, probe: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  let last = '';
  for (;;) {
    try {
      if (await probe()) return;
    } catch (error) {
      last = (error as Error).message;
    }
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}${last === '' ? '' : ` (${last})`}`);
    await new Promise((resolve) => { setTimeout(resolve, 150); });
  }
}

/** The first line that a process prints which matches. */
export function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (data: Buffer): void => {
      text += data.toString('utf8');
      const line = text.split('\n').find((candidate) => pattern.test(candidate));
      if (line !== undefined) resolve(line);
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.on('close', () => reject(new Error(`ended before ${String(pattern)}: ${text}`)));
  });
}

/** GET over plain HTTP; rejects on any failure. */
export async function get(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(3000), headers: { connection: 'close' } });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.text()).trim();
}
