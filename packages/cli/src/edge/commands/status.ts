import { createClient, resources } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost, isRunning } from '@coxswain/host/edge';
import { UsageError } from '@coxswain/service';
import type { ComponentStatus } from '../../component.ts';
import { dataPaths, type DataPaths } from '../../paths.ts';
import { dataFlag, type Tool } from '../../tool.ts';
import { supervisorAlive, supervisorStatus } from '../supervisor/control.ts';
import { loadState } from '../supervisor/server.ts';

function age(startedAtMs: number | undefined): string {
  if (startedAtMs === undefined) return '-';
  const seconds = Math.floor((Date.now() - startedAtMs) / 1000);
  return seconds < 120 ? `${seconds}s` : seconds < 7200 ? `${Math.floor(seconds / 60)}m` : `${Math.floor(seconds / 3600)}h`;
}

function table(components: readonly ComponentStatus[]): string {
  const rows = [['COMPONENT', 'STATE', 'PID', 'RESTARTS', 'UP', 'LAST EXIT'], ...components.map((one) => [
    one.name, one.phase, one.pid === undefined ? '-' : String(one.pid), String(one.restarts), age(one.startedAtMs), one.lastExit ?? '-'])];
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ').trimEnd()).join('\n');
}

async function nodeLines(kubeconfigFile: string): Promise<readonly string[]> {
  const config = await loadKubeconfig(kubeconfigFile);
  const client = createClient(createRealHost(silentLogger), { ...config, userAgent: 'cox' });
  const list = await client.list(resources.nodes, { signal: AbortSignal.timeout(3000) });
  return list.items.map((node) => {
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True';
    return `node ${node.metadata?.name ?? ''}: ${ready ? 'Ready' : 'NotReady'}`;
  });
}

/** Said when no supervisor answers; what it started may run on without it. */
function withoutSupervisor(paths: DataPaths): string {
  const running = (loadState(paths.run)?.children ?? []).filter((child) => child.pid !== undefined && child.startTicks !== undefined && isRunning(child.pid, child.startTicks));
  if (running.length === 0) return `no cluster runs in ${paths.root}; \`cox up\` starts one\n`;
  return `the supervisor of ${paths.root} does not run; \`cox up\` starts another, which adopts what runs: ${running.map((child) => `${child.spec.name} (pid ${child.pid ?? 0})`).join(', ')}\n`;
}

async function show(paths: DataPaths, output: string): Promise<void> {
  if (!['table', 'json'].includes(output)) throw new UsageError(`--output=${output}: table or json`);
  if (!(await supervisorAlive(paths.root))) {
    process.stdout.write(withoutSupervisor(paths));
    process.exitCode = 3;
    return;
  }
  const components = await supervisorStatus(paths.root);
  if (output === 'json') { process.stdout.write(`${JSON.stringify(components)}\n`); return; }
  process.stdout.write(`${table(components)}\n\n`);
  if (components.some((component) => component.phase !== 'running')) process.exitCode = 3;
  try {
    const nodes = await nodeLines(paths.adminKubeconfig);
    process.stdout.write(nodes.length === 0 ? 'no nodes\n' : `${nodes.join('\n')}\n`);
  } catch (error) {
    process.stdout.write(`API server: ${(error as Error).message}\n`);
    process.exitCode = 3;
  }
}

export const status: Tool = {
  usage: 'status [--output=json]',
  summary: 'what runs; exit code 3 if not everything does',
  flags: { ...dataFlag, output: { kind: 'string', default: 'table', help: 'table or json' } },
  letters: { o: 'output' },
  run: (flags) => show(dataPaths(flags.string('data')), flags.string('output')),
};
