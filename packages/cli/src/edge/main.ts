import { UsageError, nearestName, type Command } from '@coxswain/service';
import { explainError } from '../errno.ts';
import { parseTool, toolHelp, type Tool } from '../tool.ts';

/** Each loads only its own package, so that a process pays for nothing else. */
const components: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  'etcd-lite': () => import('@coxswain/etcd-lite/command'),
  apiserver: () => import('@coxswain/apiserver/command'),
  scheduler: () => import('@coxswain/scheduler/command'),
  'controller-manager': () => import('@coxswain/controller-manager/command'),
  kubelet: () => import('@coxswain/kubelet/command'),
  'kube-proxy': () => import('@coxswain/kube-proxy/command'),
  dns: () => import('@coxswain/dns/command'),
  balancer: () => import('./commands/balancer.ts'),
};

const tools: Readonly<Record<string, () => Promise<Tool>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  down: async () => (await import('./commands/down.ts')).down,
  status: async () => (await import('./commands/status.ts')).status,
  logs: async () => (await import('./commands/logs.ts')).logs,
  stop: async () => (await import('./commands/start-stop.ts')).stop,
  start: async () => (await import('./commands/start-stop.ts')).start,
  bench: async () => (await import('./commands/bench.ts')).bench,
  test: async () => (await import('./commands/test.ts')).test,
  explain: async () => (await import('./commands/explain.ts')).explain,
  simulate: async () => (await import('./commands/simulate.ts')).simulate,
  why: async () => (await import('./commands/why.ts')).why,
};

/** Tools of one subject: `cox etcd doctor`. */
const groups: Readonly<Record<string, () => Promise<Readonly<Record<string, () => Promise<Tool>>>>>> = {
  etcd: async () => (await import('./commands/etcd/tools.ts')).etcdTools,
};

const help = `cox: a Kubernetes cluster in TypeScript

  cox up [--nodes N] [--data DIR] …   install what is missing, start everything, wait until it is Ready
  cox status                          what runs
  cox logs COMPONENT [-f] [--tail N]  its log
  cox stop|start COMPONENT            one component, for experiments
  cox down [--purge]                  stop it and leave nothing behind
  cox why KIND/NAME [-n NAMESPACE]    who wrote each recent change of an object
  cox explain pod/NAME [-n NAMESPACE]  why a pod went to its node, or fits nowhere and what would help
  cox simulate [--scenario FILE] …    what the scheduler would do if nodes, pods or its configuration were others
  cox test [--quick]                  types, lint, tests
  cox bench store [--quick]           the store beside Debian's etcd
  cox etcd doctor|migrate|…           look after a store, ours or a real etcd

cox NAME --help has the flags of each.

Components, with their originals' flags:
  ${Object.keys(components).join(', ')}
`;

function pick<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

async function runGroup(group: string, tools: Readonly<Record<string, () => Promise<Tool>>>, [name, ...rest]: readonly string[]): Promise<void> {
  const known = Object.keys(tools);
  const loaded = name === undefined ? undefined : pick(tools, name);
  if (loaded !== undefined) { await runTool(await loaded(), rest); return; }
  if (name === undefined || name === '--help' || name === '-h') {
    const lines = await Promise.all(Object.values(tools).map(async (load) => { const tool = await load(); return `  cox ${tool.usage}\n      ${tool.summary}`; }));
    process.stdout.write(`${lines.join('\n')}\n`);
    return;
  }
  const nearest = nearestName(name, known);
  throw new UsageError(`unknown command ${JSON.stringify(`${group} ${name}`)}; ${nearest === undefined ? '' : `did you mean ${nearest}? `}known: ${known.join(', ')}`);
}

async function runTool(tool: Tool, args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) { process.stdout.write(toolHelp(tool)); return; }
  const { flags, words } = parseTool(tool, args);
  await tool.run(flags, words);
}

async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') { process.stdout.write(help); return; }
  const component = pick(components, name);
  if (component !== undefined) {
    const { runCommand } = await import('@coxswain/service/edge');
    await runCommand((await component()).command, rest);
    return;
  }
  if (name === 'supervisor') { await (await import('./supervisor/server.ts')).superviseForever(rest[0] ?? '/var/lib/coxswain'); return; }
  const tool = pick(tools, name);
  const group = pick(groups, name);
  if (group !== undefined) {
    await runGroup(name, await group(), rest);
    process.exit();
  }
  if (tool === undefined) {
    const nearest = nearestName(name, [...Object.keys(components), ...Object.keys(tools), ...Object.keys(groups)]);
    throw new UsageError(`unknown command ${JSON.stringify(name)}; ${nearest === undefined ? '' : `did you mean ${nearest}? `}\`cox help\` lists them`);
  }
  await runTool(await tool(), rest);
  // Connections of a tool's client may still be open.
  process.exit();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`cox: ${error instanceof Error ? explainError(error) : String(error)}\n`);
  if (process.env['COX_TRACE'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
