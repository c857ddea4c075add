import { existsSync, readFileSync, statfsSync, mkdirSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { UsageError } from '@coxswain/service';
import { apiAddress, type ClusterSettings } from '../../settings.ts';

const freeBytesMin = 2 * 1024 ** 3;
/** Each node's containerd, kubelet and each pod that watches files takes some. */
const inotifyInstancesMin = 1024;
const inotifyWatchesMin = 65_536;
/** No certificate of ours can be valid before this software existed. */
const clockMinMs = Date.UTC(2025, 0, 1);

function checkRoot(): void {
  if (process.getuid?.() !== 0) throw new UsageError('needs root (namespaces, mounts, iptables): run it with sudo');
}

function checkDisk(data: string): void {
  mkdirSync(data, { recursive: true, mode: 0o711 });
  const stat = statfsSync(data);
  const freeBytes = stat.bavail * stat.bsize;
  if (freeBytes < freeBytesMin) throw new UsageError(`only ${Math.floor(freeBytes / 2 ** 20)} MiB free below ${data}; 2048 MiB are needed: free some, or choose another place with --data`);
}

function checkClock(): void {
  if (Date.now() < clockMinMs) throw new UsageError(`the clock says ${new Date().toISOString()}; set it (date -s, chrony) before certificates are made`);
}

function raise(path: string, min: number): void {
  const now = Number(readFileSync(path, 'utf8'));
  if (now >= min) return;
  try {
    writeFileSync(path, String(min));
  } catch {
    throw new UsageError(`${path} is ${now}, which is too low for containers, and cannot be raised: set it to ${min} with sysctl`);
  }
}

function raiseInotify(): void {
  raise('/proc/sys/fs/inotify/max_user_instances', inotifyInstancesMin);
  raise('/proc/sys/fs/inotify/max_user_watches', inotifyWatchesMin);
}

function portFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Ports that the store takes on loopback, member by member: client, peer. */
export function etcdPorts(index: number): { readonly client: number; readonly peer: number } {
  return { client: 2379 + index * 10, peer: 2380 + index * 10 };
}

/** Only when nothing of ours runs yet. */
export async function checkPorts(settings: ClusterSettings): Promise<void> {
  const wanted: [string, number, string][] = [[existsSync('/sys/class/net/cox0') ? apiAddress(settings) : '0.0.0.0', settings.port, 'choose another with --port']];
  for (let index = 0; index < 3; index += 1) {
    const ports = etcdPorts(index);
    wanted.push(['127.0.0.1', ports.client, 'the store needs it'], ['127.0.0.1', ports.peer, 'the store needs it']);
  }
  for (const port of [10257, 10259]) wanted.push(['127.0.0.1', port, 'a control plane component needs it']);
  for (const [address, port, what] of wanted) {
    if (!(await portFree(address, port))) throw new UsageError(`port ${port} is taken by another program (ss -ltnp 'sport = :${port}' names it); ${what}`);
  }
}

/** Each refusal is one line that says what to do. */
export function checkMachine(settings: ClusterSettings): void {
  checkRoot();
  checkClock();
  checkDisk(settings.data);
  raiseInotify();
}
