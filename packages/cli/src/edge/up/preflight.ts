import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statfsSync, writeFileSync } from 'node:fs';
import { UsageError } from '@coxswain/service';
import { findConflict, parseListeners, type Listener, type WantedPort } from '../../listeners.ts';
import { apiAddress, type ClusterSettings } from '../../settings.ts';
import { balancerHealthPort, dnsPort, etcdPorts, registryPort } from '../../ports.ts';

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
  try {
    mkdirSync(data, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw new UsageError(`${data} cannot be made a directory (${(error as NodeJS.ErrnoException).code ?? ''}); choose another place with --data`);
  }
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

/** `python3 (pid 12)`, by the socket's inode. */
function ownerOf(inode: string): string | undefined {
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`)) return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`;
    } catch (error) {
      // It ended, or closed the file, while we looked.
      if (!['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return undefined;
}

function readListeners(): readonly Listener[] {
  return ['tcp', 'tcp6', 'udp', 'udp6'].map((protocol) => `/proc/net/${protocol}`).filter((file) => existsSync(file)).flatMap((file) => parseListeners(readFileSync(file, 'utf8')));
}

function wantedPorts(settings: ClusterSettings): readonly WantedPort[] {
  const first = apiAddress(settings);
  const wanted: WantedPort[] = [{ address: first, port: settings.port, advice: 'choose another with --port' }];
  for (let index = 0; index < 3; index += 1) {
    const ports = etcdPorts(index);
    for (const port of [ports.client, ports.peer]) wanted.push({ address: '127.0.0.1', port, advice: 'the store needs it: stop that program' });
  }
  for (const port of [10257, 10259, 10248, 10249, 8181, 9153, ...(settings.apiservers > 1 ? [balancerHealthPort] : [])]) wanted.push({ address: '127.0.0.1', port, advice: 'a component\'s health port: stop that program' });
  for (const port of [10250, 10256, dnsPort, ...(settings.registry ? [registryPort] : [])]) wanted.push({ address: first, port, advice: 'the first node needs it: stop that program' });
  return wanted;
}

/** Only when nothing of ours runs yet. */
export function checkPorts(settings: ClusterSettings): void {
  const conflict = findConflict(wantedPorts(settings), readListeners());
  if (conflict === undefined) return;
  const { address, port, advice } = conflict.wanted;
  throw new UsageError(`port ${port} on ${address} is taken by ${ownerOf(conflict.listener.inode) ?? 'another program'}; ${advice}`);
}

/** Each refusal is one line that says what to do. */
export function checkMachine(settings: ClusterSettings): void {
  checkRoot();
  checkClock();
  checkDisk(settings.data);
  raiseInotify();
}
