import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parseFlags, UsageError } from '@coxswain/service';
import { dataPaths, type DataPaths } from '../../paths.ts';
import { nodeHosts, settingsFromFlags, upFlags, type ClusterSettings } from '../../settings.ts';
import { Progress } from '../progress.ts';
import { ensureComponents, supervisorAlive, supervisorStatus } from '../supervisor/control.ts';
import { applyAddons, publishBootstrapToken, revokeBootstrapToken } from '../up/addons.ts';
import { allSpecs, registrySpec } from '../up/components.ts';
import { importImages, makeImages, type ImageArchive } from '../up/images.ts';
import { makeNetwork } from '../up/network.ts';
import { installPackages, missingPackages } from '../up/packages.ts';
import { makePki, writeBootstrapKubeconfigs } from '../up/pki.ts';
import { checkMachine, checkPorts } from '../up/preflight.ts';
import { hasData, importedImages, pushImages, writeNodeFiles, writeRegistryConfig } from '../up/runtime.ts';
import { apiReady, nodesReady, NotInTime, socketAnswers, until } from '../up/wait.ts';

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

/** Names the component to look at, if one keeps ending. */
async function explain(error: unknown, paths: DataPaths): Promise<never> {
  if (!(error instanceof NotInTime)) throw error;
  const failing = (await supervisorStatus(paths.root)).filter((component) => component.phase !== 'running');
  const hint = failing.map((component) => `${component.name} (${component.lastExit ?? component.phase}; cox logs ${component.name})`).join(', ');
  throw new Error(hint === '' ? error.message : `${error.message}; not running: ${hint}`);
}

async function bringUp(settings: ClusterSettings, paths: DataPaths, archives: readonly ImageArchive[], progress: Progress, timeoutMs: number): Promise<void> {
  const token = bootstrapToken(settings, paths);
  if (token.kind === 'wanted') writeBootstrapKubeconfigs(settings, paths, token.token);
  writeNodeFiles(settings, paths);
  const specs = settings.registry ? [registrySpec(writeRegistryConfig(settings, paths)), ...allSpecs(settings, paths)] : allSpecs(settings, paths);
  if (!(await supervisorAlive(paths.root))) await progress.step('supervisor', () => startSupervisor(paths));
  await progress.step(`starting ${specs.length} processes`, () => ensureComponents(paths.root, specs));
  const provided = provideImages(settings, paths, archives, timeoutMs);
  // Its failure is told where it is awaited, below.
  provided.catch(() => undefined);
  const client = await adminClient(paths);
  await progress.step('API server answers', () => until(`the API server is not ready: see ${paths.logs}/apiserver.log`, timeoutMs, () => apiReady(client)));
  await progress.step('roles, DNS service, bootstrap token', async () => {
    if (token.kind === 'wanted') await publishBootstrapToken(client, token.token);
    else if (token.kind === 'spent') await revokeBootstrapToken(client, token.token);
    await applyAddons(client, settings);
  });
  await progress.step('images on the nodes', () => provided);
  const names = nodeHosts(settings).map((node) => node.name);
  await progress.step(`${names.length === 1 ? 'node' : `${names.length} nodes`} Ready`, () => nodesReady(client, names, timeoutMs));
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

export async function up(args: readonly string[]): Promise<void> {
  const first = parseFlags(upFlags, args);
  const settings = settingsFromFlags(first, loadSettings(first.string('data')));
  const paths = dataPaths(settings.data);
  checkMachine(settings);
  const running = await supervisorAlive(settings.data);
  if (!running && !existsSync(`${paths.run}/supervisor.json`)) await checkPorts(settings);
  const progress = new Progress();
  process.stdout.write(`Bringing up ${settings.nodes} node${settings.nodes === 1 ? '' : 's'} in ${settings.data}\n`);
  try {
    const archives = await prepare(settings, paths, progress);
    await bringUp(settings, paths, archives, progress, first.durationMs('timeout'));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    await explain(error, paths);
  }
  greet(paths, progress);
}
