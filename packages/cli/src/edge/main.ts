import { UsageError, nearestName, type Command } from '@coxswain/service';

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

const tools: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  up: async (args) => (await import('./commands/up.ts')).up(args),
  down: async (args) => (await import('./commands/down.ts')).down(args),
  status: async (args) => (await import('./commands/status.ts')).status(args),
  logs: async (args) => (await import('./commands/logs.ts')).logs(args),
  stop: async (args) => (await import('./commands/start-stop.ts')).stop(args),
  start: async (args) => (await import('./commands/start-stop.ts')).start(args),
  test: async (args) => (await import('./commands/test.ts')).test(args),
  supervisor: async (args) => (await import('./supervisor/server.ts')).superviseForever(args[0] ?? '/var/lib/coxswain'),
};

const help = `cox: a Kubernetes cluster in TypeScript

  cox up [--nodes N] [--data DIR] …   install what is missing, start everything, wait until it is Ready
  cox status                          what runs
  cox logs COMPONENT [-f] [--tail N]  its log
  cox stop|start COMPONENT            one component, for experiments
  cox down [--purge]                  stop it and leave nothing behind
  cox test [--quick]                  types, lint, tests

Components, with their originals' flags (cox NAME --help):
  ${Object.keys(components).join(', ')}
`;

async function printUpHelp(name: string): Promise<void> {
  const { upFlags } = await import('../settings.ts');
  const { helpText } = await import('@coxswain/service');
  process.stdout.write(helpText({ name, summary: 'bring a cluster up on this machine', flags: upFlags, start: () => Promise.reject(new UsageError('not a component')) }));
}

async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') { process.stdout.write(help); return; }
  const component = Object.hasOwn(components, name) ? components[name] : undefined;
  if (component !== undefined) {
    const { runCommand } = await import('@coxswain/service/edge');
    await runCommand((await component()).command, rest);
    return;
  }
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (tool === undefined) {
    const nearest = nearestName(name, [...Object.keys(components), ...Object.keys(tools)]);
    throw new UsageError(`unknown command ${JSON.stringify(name)}${nearest === undefined ? '' : `; did you mean ${nearest}?`} \`cox help\` lists them`);
  }
  if (name === 'up' && (rest.includes('--help') || rest.includes('-h'))) await printUpHelp(name);
  else await tool(rest);
}

main(process.argv.slice(2)).then(
  () => { if (['up', 'down', 'status', 'logs', 'stop', 'start', 'test'].includes(process.argv[2] ?? '')) process.exit(); },
  (error: unknown) => {
    process.stderr.write(`cox: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env['COX_TRACE'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
