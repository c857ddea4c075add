import { existsSync, rmSync } from 'node:fs';
import { UsageError } from '@coxswain/service';
import { dataPaths, type DataPaths } from '../../paths.ts';
import { nodeHosts, type ClusterSettings, type NodeHost } from '../../settings.ts';
import { Progress } from '../progress.ts';
import { run } from '../shell.ts';
import { dataFlag, type Tool } from '../../tool.ts';
import { endSupervisor, runFolder, stopComponents, supervisorAlive, supervisorSocket, supervisorStatus } from '../supervisor/control.ts';
import { loadState } from '../supervisor/server.ts';
import { nodeSpecs } from '../up/components.ts';
import { killShims, nodeNames, removeCgroups, removeCniResults, removeFolder, removeIfEmpty, unmountBelow } from '../up/leftovers.ts';
import { removeNetwork } from '../up/network.ts';
import { stopPods } from '../up/pods.ts';
import { loadSettings, startSupervisor } from './up.ts';

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

async function stopEverything(paths: DataPaths, progress: Progress): Promise<void> {
  const names = (await supervisorStatus(paths.root)).map((component) => component.name);
  const stop = (pattern: RegExp): Promise<void> => stopComponents(paths.root, names.filter((name) => pattern.test(name)));
  await progress.step('agents and controllers', () => stop(/^(kubelet|kube-proxy|dns|scheduler|controller-manager)/));
  await progress.step('containers', () => Promise.all(nodeNames(paths).map((name) => stopPods(paths.node(name).containerdSocket))));
  await progress.step('container runtimes', () => stop(/^(containerd|registry)/));
  await progress.step('API servers', () => stop(/^(apiserver|balancer)/));
  await progress.step('store', () => stop(/^etcd/));
  await endSupervisor(paths.root);
}

async function removeTraces(settings: ClusterSettings, paths: DataPaths): Promise<void> {
  const nodes = nodeNames(paths).map((name) => paths.node(name));
  await cleanRules(settings, paths);
  for (const node of nodes) killShims(node.containerdSocket);
  await removeCgroups('coxswain');
  await unmountBelow([`${paths.root}/nodes`, ...nodes.map((node) => node.containerdState)]);
  await removeNetwork();
  removeCniResults(paths.root);
  for (const node of nodes) removeFolder(node.containerdState);
  rmSync(supervisorSocket(paths.root), { force: true });
  removeIfEmpty(runFolder);
}

function loadOrRefuse(data: string, purge: boolean): ClusterSettings | undefined {
  const settings = loadSettings(data);
  if (settings === undefined && purge && existsSync(data)) throw new UsageError(`${data} holds no cluster of ours (no cluster.json); nothing was removed`);
  return settings;
}

/** Stops only what `cox up` started, and leaves nothing of it on the machine; the data stays unless it is to be purged. */
async function takeDown(data: string, purge: boolean): Promise<void> {
  if (process.getuid?.() !== 0) throw new UsageError('needs root: run it with sudo');
  const settings = loadOrRefuse(data, purge);
  const paths = dataPaths(data);
  if (settings === undefined) {
    process.stdout.write(`no cluster in ${data}\n`);
    return;
  }
  const progress = new Progress();
  if (!(await supervisorAlive(data)) && loadState(paths.run) !== undefined) await startSupervisor(paths);
  const alive = await supervisorAlive(data);
  process.stdout.write(alive ? `Taking down ${data}\n` : `Nothing runs of ${data}; cleaning up\n`);
  if (alive) await stopEverything(paths, progress);
  await progress.step('rules, mounts, namespaces, interfaces', () => removeTraces(settings, paths));
  if (purge) await progress.step(`data in ${data}`, async () => removeFolder(data));
  process.stdout.write(`The cluster is down (${(progress.totalMs / 1000).toFixed(1)} s).\n`);
}

export const down: Tool = {
  usage: 'down [--purge]',
  summary: 'stops the cluster and leaves nothing of it on the machine but its data',
  flags: { ...dataFlag, purge: { kind: 'bool', help: 'remove the data too' } },
  run: (flags) => takeDown(flags.string('data'), flags.bool('purge')),
};
