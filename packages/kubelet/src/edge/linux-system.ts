import { statfs, readFile } from 'node:fs/promises';
import * as os from 'node:os';
import type { MachineInfo, NodeSystem } from '../system.ts';
import { linuxCgroups } from './linux-cgroups.ts';
import { linuxFiles } from './linux-files.ts';
import { linuxMounts } from './linux-mounts.ts';
import { linuxNetwork } from './linux-network.ts';

async function text(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

const goArchitecture: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ia32: '386', arm: 'arm' };

async function machine(): Promise<MachineInfo> {
  const osRelease = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(await text('/etc/os-release'))?.[1];
  const memoryKiB = /^MemTotal:\s+(\d+) kB$/m.exec(await text('/proc/meminfo'))?.[1];
  const bootId = await text('/proc/sys/kernel/random/boot_id');
  const machineId = await text('/etc/machine-id') || await text('/var/lib/dbus/machine-id');
  return {
    hostname: os.hostname().toLowerCase(), cpus: os.availableParallelism(), memoryBytes: memoryKiB === undefined ? os.totalmem() : Number(memoryKiB) * 1024,
    machineId: machineId || bootId.replaceAll('-', ''), systemUuid: await text('/sys/class/dmi/id/product_uuid') || machineId || bootId, bootId,
    kernelVersion: os.release(), osImage: osRelease ?? 'Linux', operatingSystem: 'linux', architecture: goArchitecture[os.arch()] ?? os.arch(),
  };
}

export function createLinuxSystem(): NodeSystem {
  return {
    machine,
    filesystem: async (path) => {
      const stat = await statfs(path);
      return { capacityBytes: stat.blocks * stat.bsize, availableBytes: stat.bavail * stat.bsize, inodes: stat.files, inodesFree: stat.ffree };
    },
    files: linuxFiles, mounts: linuxMounts, cgroups: linuxCgroups(), network: linuxNetwork,
  };
}
