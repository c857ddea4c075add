import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupMembers, signalListed } from '@coxswain/host/edge';
import type { CgroupLimits, CgroupUsage, NodeCgroups } from '../system.ts';

const root = '/sys/fs/cgroup';
/** Those that a pod's group needs; each may be mounted or not. */
const v1Controllers = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'devices', 'freezer', 'hugetlb', 'net_cls', 'net_prio', 'perf_event', 'systemd'] as const;

async function write(path: string, value: string): Promise<void> {
  await fs.writeFile(path, value);
}

async function read(path: string): Promise<string> {
  return (await fs.readFile(path, 'utf8')).trim();
}

function v1Mounted(): readonly string[] {
  return v1Controllers.filter((controller) => existsSync(join(root, controller)));
}

/** A new cpuset group is empty, and nothing can run in it until it has its parent's sets. */
async function inheritCpuset(path: string): Promise<void> {
  let current = join(root, 'cpuset');
  for (const part of path.split('/').filter((name) => name !== '')) {
    const child = join(current, part);
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if ((await read(join(child, file)).catch(() => 'x')) === '') await write(join(child, file), await read(join(current, file)));
    }
    current = child;
  }
}

async function limitsV1(path: string, limits: CgroupLimits): Promise<void> {
  const set = async (controller: string, file: string, value: number | undefined): Promise<void> => {
    const target = join(root, controller, path, file);
    if (value !== undefined && existsSync(target)) await write(target, String(value));
  };
  await set('cpu', 'cpu.shares', limits.cpuShares);
  await set('cpu', 'cpu.cfs_period_us', limits.cpuPeriodUs);
  await set('cpu', 'cpu.cfs_quota_us', limits.cpuQuotaUs);
  await set('memory', 'memory.limit_in_bytes', limits.memoryBytes);
  await set('pids', 'pids.max', limits.pids);
}

async function ensureV1(path: string, limits: CgroupLimits): Promise<void> {
  for (const controller of v1Mounted()) await fs.mkdir(join(root, controller, path), { recursive: true });
  if (existsSync(join(root, 'cpuset'))) await inheritCpuset(path);
  await limitsV1(path, limits);
}

/** Controllers are switched on from the top down to the parent of the group. */
async function ensureV2(path: string, limits: CgroupLimits): Promise<void> {
  let current = root;
  for (const part of path.split('/').filter((name) => name !== '')) {
    const available = (await read(join(current, 'cgroup.controllers'))).split(' ').filter((name) => ['cpu', 'memory', 'pids', 'cpuset', 'io', 'hugetlb'].includes(name));
    for (const controller of available) await write(join(current, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined);
    current = join(current, part);
    await fs.mkdir(current, { recursive: true });
  }
  const set = async (file: string, value: string | undefined): Promise<void> => {
    if (value !== undefined && existsSync(join(current, file))) await write(join(current, file), value);
  };
  await set('cpu.weight', limits.cpuShares === undefined ? undefined : String(sharesToWeight(limits.cpuShares)));
  await set('cpu.max', limits.cpuQuotaUs === undefined ? undefined : `${limits.cpuQuotaUs} ${limits.cpuPeriodUs ?? 100_000}`);
  await set('memory.max', limits.memoryBytes === undefined ? undefined : String(limits.memoryBytes));
  await set('pids.max', limits.pids === undefined ? undefined : String(limits.pids));
}

/** 2…262144 onto 1…10000, as runc does. */
function sharesToWeight(shares: number): number {
  return Math.floor(1 + ((shares - 2) * 9999) / 262_142);
}

async function tree(directory: string): Promise<string[]> {
  const out: string[] = [];
  for (const entry of await fs.readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) out.push(...await tree(join(directory, entry.name)));
  }
  return [...out, directory];
}

/** The kernel refuses to remove a group until its last process is reaped, which takes a moment after the kill. */
async function removeTree(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  for (const group of await tree(directory)) {
    for (let attempt = 0; ; attempt += 1) {
      signalListed(() => cgroupMembers(group), 'SIGKILL');
      try {
        await fs.rmdir(group);
        break;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'ENOENT') break;
        if (attempt === 50 || (code !== 'EBUSY' && code !== 'ENOTEMPTY')) throw error;
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    }
  }
}

async function usageV1(path: string): Promise<CgroupUsage> {
  const cpu = await read(join(root, 'cpuacct', path, 'cpuacct.usage'));
  const memory = Number(await read(join(root, 'memory', path, 'memory.usage_in_bytes')));
  const stat = fields(await read(join(root, 'memory', path, 'memory.stat')));
  return { cpuNanoseconds: Number(cpu), memoryBytes: memory, workingSetBytes: Math.max(0, memory - (stat['total_inactive_file'] ?? 0)), rssBytes: stat['total_rss'] ?? 0 };
}

async function usageV2(path: string): Promise<CgroupUsage> {
  const cpu = fields(await read(join(root, path, 'cpu.stat')));
  const stat = fields(await read(join(root, path, 'memory.stat')).catch(() => ''));
  const memory = Number(await read(join(root, path, 'memory.current')).catch(() => String((stat['anon'] ?? 0) + (stat['file'] ?? 0))));
  return { cpuNanoseconds: (cpu['usage_usec'] ?? 0) * 1000, memoryBytes: memory, workingSetBytes: Math.max(0, memory - (stat['inactive_file'] ?? 0)), rssBytes: stat['anon'] ?? 0 };
}

function fields(text: string): Record<string, number> {
  return Object.fromEntries(text.split('\n').map((line) => line.split(' ')).map(([name, value]) => [name ?? '', Number(value)]));
}

export function linuxCgroups(): NodeCgroups {
  const version = existsSync(join(root, 'cgroup.controllers')) ? 2 : 1;
  const roots = (): readonly string[] => (version === 2 ? [root] : v1Mounted().map((controller) => join(root, controller)));
  return {
    version,
    ensure: version === 2 ? ensureV2 : ensureV1,
    remove: async (path) => { for (const base of roots()) await removeTree(join(base, path)); },
    children: async (path) => {
      const base = version === 2 ? root : join(root, v1Mounted().includes('memory') ? 'memory' : v1Mounted()[0] ?? '');
      const entries = await fs.readdir(join(base, path), { withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    },
    usage: async (path) => (version === 2 ? usageV2(path) : usageV1(path)).catch(() => undefined),
  };
}
