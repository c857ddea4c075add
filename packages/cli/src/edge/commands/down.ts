import { existsSync } from 'node:fs';
import { connectRuntime } from '@coxswain/kubelet/edge';
import { parseFlags, UsageError, type FlagSet } from '@coxswain/service';
import { dataPaths, type DataPaths } from '../../paths.ts';
import { nodeHosts, type ClusterSettings, type NodeHost } from '../../settings.ts';
import { Progress } from '../progress.ts';
import { run } from '../shell.ts';
import { endSupervisor, stopComponents, supervisorAlive, supervisorStatus } from '../supervisor/control.ts';
import { nodeSpecs } from '../up/components.ts';
import { killShims, removeCgroups, removeFolder, unmountBelow } from '../up/leftovers.ts';
import { removeNetwork } from '../up/network.ts';
import { socketAnswers } from '../up/wait.ts';
import { loadSettings, startSupervisor } from './up.ts';

const flags: FlagSet = {
  data: { kind: 'string', default: '/var/lib/coxswain', help: 'directory of the cluster' },
  purge: { kind: 'bool', help: 'remove the data too' },
};

async function stopPods(paths: DataPaths, node: NodeHost): Promise<void> {
  const socket = paths.node(node.name).containerdSocket;
  if (!(await socketAnswers(socket))) return;
  const connection = connectRuntime(`unix://${socket}`);
  try {
    const sandboxes = await connection.runtime.listPodSandboxes();
    await Promise.all(sandboxes.map(async (sandbox) => {
      const containers = await connection.runtime.listContainers({ podSandboxId: sandbox.id });
      await Promise.all(containers.map((container) => connection.runtime.stopContainer(container.id, 2)));
      await connection.runtime.stopPodSandbox(sandbox.id);
      await connection.runtime.removePodSandbox(sandbox.id);
    }));
  } finally {
    connection.close();
  }
}

/** Rules that kube-proxy and the kubelet made on the machine itself; those in namespaces go with the namespaces. */
async function cleanRules(settings: ClusterSettings, paths: DataPaths): Promise<void> {
  const first = nodeHosts(settings)[0] as NodeHost;
  const specs = nodeSpecs(settings, paths, first);
  for (const [component, flag] of [['kube-proxy', '--cleanup'], ['kubelet', '--cleanup-network']] as const) {
    const argv = specs.find((spec) => spec.name.startsWith(component))?.argv ?? [];
    const ran = await run(argv[0] as string, [...argv.slice(1), flag]);
    if (ran.code !== 0) process.stderr.write(`cox: ${component} ${flag}: ${(ran.stderr || ran.stdout).trim().split('\n').at(-1) ?? ''}\n`);
  }
}

async function stopEverything(settings: ClusterSettings, paths: DataPaths, progress: Progress): Promise<void> {
  const names = (await supervisorStatus(paths.root)).map((component) => component.name);
  const stop = (pattern: RegExp): Promise<void> => stopComponents(paths.root, names.filter((name) => pattern.test(name)));
  await progress.step('agents and controllers', () => stop(/^(kubelet|kube-proxy|dns|scheduler|controller-manager)/));
  await progress.step('containers', () => Promise.all(nodeHosts(settings).map((node) => stopPods(paths, node))));
  await progress.step('container runtimes', () => stop(/^(containerd|registry)/));
  await progress.step('API servers', () => stop(/^(apiserver|balancer)/));
  await progress.step('store', () => stop(/^etcd/));
  await endSupervisor(paths.root);
}

async function removeTraces(settings: ClusterSettings, paths: DataPaths): Promise<void> {
  const hosts = nodeHosts(settings);
  await cleanRules(settings, paths);
  for (const node of hosts) await killShims(paths.node(node.name).containerdSocket);
  await removeCgroups('coxswain');
  await unmountBelow([`${paths.root}/nodes`, ...hosts.map((node) => paths.node(node.name).containerdState)]);
  await removeNetwork(settings);
  for (const node of hosts) removeFolder(paths.node(node.name).containerdState);
}

/** Stops only what `cox up` started, and leaves nothing of it on the machine; the data stays unless it is to be purged. */
export async function down(args: readonly string[]): Promise<void> {
  const parsed = parseFlags(flags, args);
  const data = parsed.string('data');
  const settings = loadSettings(data);
  const paths = dataPaths(data);
  if (settings === undefined) {
    if (parsed.bool('purge') && existsSync(data)) throw new UsageError(`${data} holds no cluster of ours (no cluster.json); nothing was removed`);
    process.stdout.write(`no cluster in ${data}\n`);
    return;
  }
  if (process.getuid?.() !== 0) throw new UsageError('needs root: run it with sudo');
  const progress = new Progress();
  process.stdout.write(`Taking down ${data}\n`);
  if (!(await supervisorAlive(data)) && existsSync(`${paths.run}/supervisor.json`)) await startSupervisor(paths);
  if (await supervisorAlive(data)) await stopEverything(settings, paths, progress);
  await progress.step('rules, mounts, namespaces, interfaces', () => removeTraces(settings, paths));
  if (parsed.bool('purge')) await progress.step(`data in ${data}`, async () => removeFolder(data));
  process.stdout.write(`The cluster is down (${(progress.totalMs / 1000).toFixed(1)} s).\n`);
}

