import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { DataPaths } from '../../paths.ts';
import { withServer } from '../../kubeconfig.ts';
import { containerdToml, kubeletConfiguration, kubeProxyConfiguration } from '../../node-config.ts';
import { apiAddress, nodeHosts, type ClusterSettings } from '../../settings.ts';
import { registryPort } from '../../ports.ts';
import { must } from '../shell.ts';
import { busyboxImage, pauseImage, type ImageArchive } from './images.ts';
import { cniBinDir } from './packages.ts';

/** Whether this process may lower its OOM score; where not (a container without CAP_SYS_RESOURCE), containerd must not try. */
function canRaiseOomScore(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const sysResource = 24n;
  return ((BigInt(`0x${effective}`) >> sysResource) & 1n) === 1n;
}

function registryHosts(settings: ClusterSettings, paths: DataPaths): string | undefined {
  if (!settings.registry) return undefined;
  const folder = `${paths.root}/registry-hosts`;
  mkdirSync(`${folder}/coxswain.local`, { recursive: true });
  writeFileSync(`${folder}/coxswain.local/hosts.toml`, `server = "http://${apiAddress(settings)}:${registryPort}"\n\n[host."http://${apiAddress(settings)}:${registryPort}"]\n  capabilities = ["pull", "resolve"]\n`);
  return folder;
}

/** A node that joined when the API had another port finds it again. */
function moveKubeconfig(file: string, server: string): void {
  if (!existsSync(file)) return;
  const moved = withServer(readFileSync(file, 'utf8'), server);
  if (moved !== undefined) writeFileSync(file, moved, { mode: 0o600 });
}

/** Configuration files of every node. */
export function writeNodeFiles(settings: ClusterSettings, paths: DataPaths): void {
  const hosts = registryHosts(settings, paths);
  for (const node of nodeHosts(settings)) {
    const files = paths.node(node.name);
    for (const folder of [files.root, files.cniConf, files.containerdRoot, files.containerdState, files.kubelet]) mkdirSync(folder, { recursive: true, mode: 0o711 });
    writeFileSync(files.containerdConfig, containerdToml(files, { cniBinDir: cniBinDir(), pauseImage, canRaiseOomScore: canRaiseOomScore(), registryHosts: hosts }));
    writeFileSync(files.kubeletConfig, kubeletConfiguration(settings, node, files));
    moveKubeconfig(files.kubeletKubeconfig, `https://${apiAddress(settings)}:${settings.port}`);
    writeFileSync(files.proxyConfig, kubeProxyConfiguration(settings, node, files));
  }
}

export function writeRegistryConfig(settings: ClusterSettings, paths: DataPaths): string {
  const file = `${paths.root}/registry.yaml`;
  writeFileSync(file, `version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: ${paths.root}/registry\nhttp:\n  addr: ${apiAddress(settings)}:${registryPort}\n`);
  return file;
}

/** Into the registry, through the first node's containerd. */
export async function pushImages(settings: ClusterSettings, socket: string, archives: readonly ImageArchive[]): Promise<void> {
  const ctr = (args: readonly string[]): Promise<string> => must('ctr', ['--address', socket, '-n', 'cox-build', ...args]);
  for (const archive of archives) {
    await ctr(['images', 'import', archive.file]);
    const target = archive.name.replace('coxswain.local', `${apiAddress(settings)}:${registryPort}`);
    await ctr(['images', 'push', '--plain-http', target, archive.name]);
  }
}

/** With a registry only the sandbox image is imported: everything else is to be pulled. */
export function importedImages(settings: ClusterSettings, archives: readonly ImageArchive[]): readonly ImageArchive[] {
  return settings.registry ? archives.filter((archive) => archive.name !== busyboxImage) : archives;
}

export function hasData(paths: DataPaths): boolean {
  return existsSync(paths.settings);
}
