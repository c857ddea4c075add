import { createClient, resources } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parseFlags, type FlagSet } from '@coxswain/service';
import type { ComponentStatus } from '../../component.ts';
import { dataPaths } from '../../paths.ts';
import { supervisorAlive, supervisorStatus } from '../supervisor/control.ts';

const flags: FlagSet = {
  data: { kind: 'string', default: '/var/lib/coxswain', help: 'directory of the cluster' },
  output: { kind: 'string', default: 'table', help: 'table or json' },
};

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

export async function status(args: readonly string[]): Promise<void> {
  const parsed = parseFlags(flags, args);
  const paths = dataPaths(parsed.string('data'));
  if (!(await supervisorAlive(paths.root))) {
    process.stdout.write(`no cluster runs in ${paths.root} (or its supervisor was killed: \`cox up\` adopts what runs)\n`);
    process.exitCode = 3;
    return;
  }
  const components = await supervisorStatus(paths.root);
  if (parsed.string('output') === 'json') {
    process.stdout.write(`${JSON.stringify(components)}\n`);
    return;
  }
  process.stdout.write(`${table(components)}\n\n`);
  try {
    process.stdout.write(`${(await nodeLines(paths.adminKubeconfig)).join('\n')}\n`);
  } catch (error) {
    process.stdout.write(`API server: ${(error as Error).message}\n`);
    process.exitCode = 3;
  }
}
