import { execFile, spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { existsSync } from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { connectRuntime } from '../../src/edge/index.ts';

export const run = promisify(execFile);

/** A containerd of the test's own; `close` leaves no process, mount, network namespace or cgroup of it behind. */
export interface TestContainerd {
  readonly endpoint: string;
  readonly directory: string;
  readonly cgroupRoot: string;
  readonly cniConfDir: string;
  readonly subnet: string;
  /** kill -9 and a new start; containers go on meanwhile. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export const missingTools: readonly string[] = ['/usr/bin/containerd', '/usr/sbin/runc', '/usr/lib/cni/ptp', '/bin/busybox', '/usr/bin/umoci', '/usr/bin/skopeo'].filter((tool) => !existsSync(tool));

function configToml(directory: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
[grpc]
  address = "${directory}/containerd.sock"
[ttrpc]
  address = "${directory}/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "coxswain.local/pause:1"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${directory}/cni"
`;
}

/** An image of Debian's busybox-static with every applet, and /pause that waits for a signal. */
export async function buildImage(directory: string): Promise<string> {
  const archive = path.join(directory, 'images.tar');
  const oci = path.join(directory, 'oci');
  await run('umoci', ['init', '--layout', oci]);
  await run('umoci', ['new', '--image', `${oci}:1`]);
  const bundle = path.join(directory, 'bundle');
  await run('umoci', ['unpack', '--image', `${oci}:1`, bundle]);
  const bin = path.join(bundle, 'rootfs', 'bin');
  await fs.mkdir(bin, { recursive: true });
  await fs.mkdir(path.join(bundle, 'rootfs', 'etc'), { recursive: true });
  await fs.mkdir(path.join(bundle, 'rootfs', 'tmp'), { recursive: true });
  await fs.writeFile(path.join(bundle, 'rootfs', 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  await fs.copyFile('/bin/busybox', path.join(bin, 'busybox'));
  await run('/bin/busybox', ['--install', '-s', bin]).catch(() => undefined);
  for (const applet of (await run('/bin/busybox', ['--list'])).stdout.trim().split('\n')) {
    const link = path.join(bin, applet);
    await fs.rm(link, { force: true }).catch(() => undefined);
    if (applet !== 'busybox') await fs.symlink('/bin/busybox', link);
  }
  await fs.copyFile('/bin/busybox', path.join(bin, 'busybox'));
  await fs.writeFile(path.join(bundle, 'rootfs', 'pause'), '#!/bin/sh\ntrap "exit 0" TERM INT\nwhile :; do sleep 3600 & wait $!; done\n', { mode: 0o755 });
  await run('umoci', ['repack', '--image', `${oci}:1`, bundle]);
  await run('umoci', ['config', '--image', `${oci}:1`, '--config.entrypoint', '/pause']);
  await run('skopeo', ['copy', `oci:${oci}:1`, `docker-archive:${archive}:coxswain.local/pause:1`]);
  await run('umoci', ['config', '--image', `${oci}:1`, '--clear', 'config.entrypoint', '--config.cmd', '/bin/sh']);
  await run('skopeo', ['copy', `oci:${oci}:1`, `docker-archive:${archive}.2:coxswain.local/busybox:1`]);
  return archive;
}

async function untilSocket(file: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`containerd ended with ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(file, () => { socket.destroy(); resolve(true); });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

export async function conflist(directory: string, subnet: string): Promise<void> {
  const list = {
    cniVersion: '0.4.0', name: 'test',
    plugins: [
      { type: 'ptp', ipMasq: false, ipam: { type: 'host-local', dataDir: `${directory}/cni-data`, ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] } },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  await fs.mkdir(`${directory}/cni`, { recursive: true });
  await fs.writeFile(`${directory}/cni/10-test.conflist`, JSON.stringify(list));
}

async function removeCgroups(name: string): Promise<void> {
  for (const controller of await fs.readdir('/sys/fs/cgroup')) {
    const root = path.join('/sys/fs/cgroup', controller, name);
    if (!existsSync(root)) continue;
    const directories = (await run('find', [root, '-depth', '-type', 'd'])).stdout.trim().split('\n');
    for (const directory of directories) await fs.rmdir(directory).catch(() => undefined);
  }
}

async function unmountBelow(directory: string): Promise<void> {
  const mounts = (await fs.readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '').filter((target) => target.startsWith(directory));
  for (const target of mounts.reverse()) await run('umount', ['-l', target]).catch(() => undefined);
}

/** By CRI, so that their networks go with them. */
async function removeSandboxes(endpoint: string): Promise<void> {
  const connection = connectRuntime(endpoint);
  const { runtime } = connection;
  for (const container of await runtime.listContainers()) await runtime.stopContainer(container.id, 0);
  for (const sandbox of await runtime.listPodSandboxes()) {
    await runtime.stopPodSandbox(sandbox.id);
    await runtime.removePodSandbox(sandbox.id);
  }
  connection.close();
}

export async function startContainerd(options: { readonly subnet: string; readonly withNetwork?: boolean }): Promise<TestContainerd> {
  const directory = await fs.mkdtemp('/tmp/cox-kubelet-');
  await fs.writeFile(`${directory}/config.toml`, configToml(directory));
  await fs.mkdir(`${directory}/cni`);
  if (options.withNetwork !== false) await conflist(directory, options.subnet);
  const archive = await buildImage(directory);
  const log = await fs.open(`${directory}/containerd.log`, 'w');
  const launch = (): { child: ChildProcess; exited: Promise<void> } => {
    const started = spawn('containerd', ['-c', `${directory}/config.toml`], { stdio: ['ignore', log.fd, log.fd] });
    return { child: started, exited: new Promise<void>((resolve) => { started.once('exit', () => resolve()); }) };
  };
  let process = launch();
  const socket = `${directory}/containerd.sock`;
  await untilSocket(socket, process.child);
  for (const file of [archive, `${archive}.2`]) await run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', file]);
  const cgroupRoot = path.basename(directory);
  return {
    endpoint: `unix://${socket}`, directory, cgroupRoot: `/${cgroupRoot}`, cniConfDir: `${directory}/cni`, subnet: options.subnet,
    crash: async () => {
      process.child.kill('SIGKILL');
      await process.exited;
      process = launch();
      await untilSocket(socket, process.child);
    },
    close: async () => {
      await removeSandboxes(`unix://${socket}`);
      process.child.kill('SIGTERM');
      await process.exited;
      await log.close();
      await unmountBelow(directory);
      await removeCgroups(cgroupRoot);
      await fs.rm(directory, { recursive: true, force: true });
    },
  };
}
