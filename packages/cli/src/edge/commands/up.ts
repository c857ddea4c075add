import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost, isRunning } from '@coxswain/host/edge';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { ComponentSpec, ComponentStatus } from '../../component.ts';
import { dataPaths, type DataPaths } from '../../paths.ts';
import { nodeHosts, settingsFromFlags, upFlags, type ClusterSettings } from '../../settings.ts';
import type { Tool } from '../../tool.ts';
import { Progress } from '../progress.ts';
import { ensureComponents, supervisorAlive, supervisorStatus } from '../supervisor/control.ts';
import { SupervisorKeeper } from '../supervisor/keeper.ts';
import { loadState } from '../supervisor/server.ts';
import { applyAddons, publishBootstrapToken, revokeBootstrapToken } from '../up/addons.ts';
import { allSpecs, registrySpec } from '../up/components.ts';
import { importImages, makeImages, type ImageArchive } from '../up/images.ts';
import { makeNetwork } from '../up/network.ts';
import { installPackages, missingPackages } from '../up/packages.ts';
import { makePki, writeBootstrapKubeconfigs } from '../up/pki.ts';
import { checkMachine, checkPorts } from '../up/preflight.ts';
import { hasData, importedImages, pushImages, writeNodeFiles, writeRegistryConfig } from '../up/runtime.ts';
import { forgetNodes, stopUnwanted } from '../up/shrink.ts';
import { apiReady, nodesReady, NotInTime, socketAnswers, until } from '../up/wait.ts';
import { describeFailure, watchFailures } from '../up/watch-failures.ts';

export function loadSettings(data: string): ClusterSettings | undefined {
  const paths = dataPaths(data);
  return hasData(paths) ? JSON.parse(readFileSync(paths.settings, 'utf8')) as ClusterSettings : undefined;
}

export async function startSupervisor(paths: DataPaths): Promise<void> {
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  mkdirSync(paths.logs, { recursive: true, mode: 0o750 });
  const log = openSync(`${paths.logs}/supervisor.log`, 'a');
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  spawn(process.execPath, [main, 'supervisor', paths.root], { detached: true, stdio: ['ignore', log, log] }).unref();
  await until(`the supervisor does not start: see ${paths.logs}/supervisor.log`, 10_000, () => supervisorAlive(paths.root));
}

async function prepare(settings: ClusterSettings, paths: DataPaths, progress: Progress): Promise<readonly ImageArchive[]> {
  const missing = missingPackages(settings.registry);
  if (missing.length > 0) await progress.step(`packages: ${missing.join(' ')}`, () => installPackages(missing));
  const images = progress.step('images, certificates, network', async () => {
    const [archives] = await Promise.all([makeImages(paths.images), makePki(settings, paths), makeNetwork(settings)]);
    return archives;
  });
  writeFileSync(paths.settings, `${JSON.stringify(settings, undefined, 2)}\n`);
  return images;
}

function newToken(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const text = Array.from(randomBytes(22), (byte) => alphabet[byte % alphabet.length]).join('');
  return `${text.slice(0, 6)}.${text.slice(6)}`;
}

type BootstrapToken = { readonly kind: 'wanted' | 'spent'; readonly token: string } | { readonly kind: 'none' };

/** One token until every node has its certificate: a kubelet that waits for one has read it already. Then it is taken away. */
function bootstrapToken(settings: ClusterSettings, paths: DataPaths): BootstrapToken {
  const file = `${paths.pki}/bootstrap-token`;
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  const joined = nodeHosts(settings).every((node) => existsSync(paths.node(node.name).kubeletKubeconfig));
  if (joined) return before === undefined ? { kind: 'none' } : { kind: 'spent', token: before };
  const token = before ?? newToken();
  writeFileSync(file, token, { mode: 0o600 });
  return { kind: 'wanted', token };
}

async function provideImages(settings: ClusterSettings, paths: DataPaths, archives: readonly ImageArchive[], timeoutMs: number): Promise<void> {
  await Promise.all(nodeHosts(settings).map(async (node) => {
    const socket = paths.node(node.name).containerdSocket;
    await until(`containerd of ${node.name} does not start: see ${paths.logs}/containerd-${node.name}.log`, timeoutMs, () => socketAnswers(socket));
    if (settings.registry && node.index === 1) await pushImages(settings, socket, archives);
    await importImages(socket, importedImages(settings, archives));
  }));
}

async function adminClient(paths: DataPaths): Promise<Client> {
  const config = await loadKubeconfig(paths.adminKubeconfig);
  return createClient(createRealHost(silentLogger), { ...config, userAgent: 'cox' });
}

/** Names the components that do not run, and what they said last. */
async function explain(error: unknown, paths: DataPaths): Promise<never> {
  if (!(error instanceof NotInTime)) throw error;
  const ended = (await supervisorStatus(paths.root)).filter((component) => component.phase === 'backing-off');
  throw new Error([error.message, ...ended.map((component) => describeFailure(paths, component))].join('; '));
}

/** Those that others wait for. The rest would only take the processors from them, and then wait out a back-off. */
const foundations = /^(etcd|apiserver|balancer|containerd|registry)/;

/** When each node's kubelet was started: what the node said before that says nothing of it. */
function kubeletStarts(components: readonly ComponentStatus[], names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name) => {
    const kubelet = components.find((component) => component.name === `kubelet-${name}`);
    return [name, kubelet?.phase === 'running' ? kubelet.startedAtMs ?? 0 : Date.now()];
  }));
}

interface BringUp {
  readonly settings: ClusterSettings;
  readonly paths: DataPaths;
  readonly archives: readonly ImageArchive[];
  readonly progress: Progress;
  readonly timeoutMs: number;
  readonly keeper: SupervisorKeeper;
  /** Rejects at once if a component keeps ending. */
  readonly guard: <T>(work: Promise<T>) => Promise<T>;
}

async function startAll(work: BringUp, specs: readonly ComponentSpec[], token: BootstrapToken): Promise<void> {
  const { settings, paths, archives, progress, timeoutMs, keeper, guard } = work;
  const ensure = (wanted: readonly ComponentSpec[]) => (): Promise<void> => keeper.ask(() => ensureComponents(paths.root, wanted));
  const first = specs.filter((spec) => foundations.test(spec.name));
  await progress.step(`starting ${first.length} processes: store, API server, container runtime`, ensure(first));
  const provided = provideImages(settings, paths, archives, timeoutMs);
  // Its failure is told where it is awaited, below.
  provided.catch(() => undefined);
  const client = await adminClient(paths);
  await progress.step('API server answers', () => guard(until(`the API server is not ready: see ${paths.logs}/apiserver.log`, timeoutMs, () => apiReady(client))));
  if (token.kind === 'wanted') await publishBootstrapToken(client, token.token);
  await progress.step(`starting ${specs.length - first.length} more: agents and controllers`, ensure(specs));
  await progress.step('roles, DNS service', async () => {
    await Promise.all([applyAddons(client, settings), token.kind === 'spent' ? revokeBootstrapToken(client, token.token) : undefined]);
    await forgetNodes(settings, paths, client);
  });
  await progress.step('images on the nodes', () => guard(provided));
  const names = nodeHosts(settings).map((node) => node.name);
  const since = kubeletStarts(await keeper.ask(() => supervisorStatus(paths.root)), names);
  await progress.step(`${names.length === 1 ? 'node' : `${names.length} nodes`} Ready`, () => guard(nodesReady(client, since, timeoutMs)));
}

async function bringUp(settings: ClusterSettings, paths: DataPaths, archives: readonly ImageArchive[], progress: Progress, timeoutMs: number): Promise<void> {
  const token = bootstrapToken(settings, paths);
  if (token.kind === 'wanted') writeBootstrapKubeconfigs(settings, paths, token.token);
  writeNodeFiles(settings, paths);
  const specs = settings.registry ? [registrySpec(writeRegistryConfig(settings, paths)), ...allSpecs(settings, paths)] : allSpecs(settings, paths);
  if (!(await supervisorAlive(paths.root))) await progress.step('supervisor', () => startSupervisor(paths));
  await stopUnwanted(settings, paths, specs, progress);
  const watching = new AbortController();
  const keeper = new SupervisorKeeper({ start: () => startSupervisor(paths), tell: (text) => { process.stderr.write(`cox: ${text} (see ${paths.logs}/supervisor.log)\n`); } });
  const failing = watchFailures(paths, () => keeper.ask(() => supervisorStatus(paths.root)), watching.signal);
  failing.catch(() => undefined);
  try {
    await startAll({ settings, paths, archives, progress, timeoutMs, keeper, guard: (work) => Promise.race([work, failing]) }, specs, token);
  } finally {
    watching.abort();
  }
}

function greet(paths: DataPaths, progress: Progress): void {
  process.stdout.write(`
The cluster is up (${(progress.totalMs / 1000).toFixed(1)} s). Next:

  export KUBECONFIG=${paths.adminKubeconfig}
  kubectl get nodes -o wide
  kubectl create deployment web --image=coxswain.local/busybox:1 --replicas=3 -- httpd -f -p 8080
  kubectl expose deployment web --port=80 --target-port=8080 --type=NodePort

  ./cox status | ./cox logs COMPONENT | ./cox down [--purge]
`);
}

function checkRunning(settings: ClusterSettings, before: ClusterSettings | undefined): void {
  if (before !== undefined && before.port !== settings.port) throw new UsageError(`--port=${settings.port}: the cluster runs on port ${before.port}; \`cox down\` first`);
}

/** What the last supervisor started, and did not stop. */
function anythingLeft(paths: DataPaths): boolean {
  return (loadState(paths.run)?.children ?? []).some((child) => child.pid !== undefined && child.startTicks !== undefined && isRunning(child.pid, child.startTicks));
}

function onInterrupt(): void {
  process.stderr.write('\ncox: interrupted; what was started goes on: `cox up` continues, `cox down` stops it\n');
  process.exit(130);
}

async function runUp(flags: FlagValues): Promise<void> {
  const before = loadSettings(flags.string('data'));
  const settings = settingsFromFlags(flags, before);
  const paths = dataPaths(settings.data);
  checkMachine(settings);
  if (await supervisorAlive(settings.data)) checkRunning(settings, before);
  else if (!anythingLeft(paths)) checkPorts(settings);
  process.on('SIGINT', onInterrupt);
  const progress = new Progress();
  process.stdout.write(`Bringing up ${settings.nodes} node${settings.nodes === 1 ? '' : 's'} in ${settings.data}\n`);
  try {
    const archives = await prepare(settings, paths, progress);
    await bringUp(settings, paths, archives, progress, flags.durationMs('timeout'));
  } catch (error) {
    await explain(error, paths);
  }
  greet(paths, progress);
}

export const up: Tool = { usage: 'up [--nodes N] [--data DIR] …', summary: 'brings a cluster up on this machine, or what is missing of it', flags: upFlags, run: runUp };
