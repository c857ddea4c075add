import { accessSync, constants } from 'node:fs';
import { must, run } from '../shell.ts';

interface Need {
  readonly package: string;
  /** Any of these makes the package unnecessary. */
  readonly files: readonly string[];
}

function onPath(name: string): readonly string[] {
  return ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin', ...(process.env['PATH'] ?? '').split(':')].map((folder) => `${folder}/${name}`);
}

const needs: readonly Need[] = [
  { package: 'containerd', files: onPath('containerd') },
  { package: 'runc', files: onPath('runc') },
  { package: 'containernetworking-plugins', files: ['/usr/lib/cni/ptp', '/opt/cni/bin/ptp'] },
  { package: 'iptables', files: onPath('iptables') },
  { package: 'iproute2', files: onPath('ip') },
  { package: 'conntrack', files: onPath('conntrack') },
  { package: 'busybox-static', files: ['/bin/busybox'] },
  { package: 'kubernetes-client', files: onPath('kubectl') },
  { package: 'util-linux', files: onPath('nsenter') },
  { package: 'mount', files: onPath('mount') },
];

const registryNeed: Need = { package: 'docker-registry', files: onPath('docker-registry') };

function isThere(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

export function missingPackages(withRegistry: boolean): readonly string[] {
  return [...needs, ...(withRegistry ? [registryNeed] : [])].filter((need) => !need.files.some(isThere)).map((need) => need.package);
}

/** Debian's packages, without their services being started (policy-rc.d is theirs; we stop none of the machine's own). */
export async function installPackages(packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  const first = await run('apt-get', install, { env });
  if (first.code === 0) return;
  await must('apt-get', ['update', '-q'], { env });
  await must('apt-get', install, { env });
}

/** Where Debian or upstream put the CNI plugins. */
export function cniBinDir(): string {
  return isThere('/usr/lib/cni/ptp') ? '/usr/lib/cni' : '/opt/cni/bin';
}
