import type { Pod } from 'kubernetes-types/core/v1';
import { specOf } from './pod-facts.ts';

type Namespace = 'IPC' | 'Net';

/** Those that cannot harm another pod: https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls */
const safe: Readonly<Record<string, Namespace>> = {
  'kernel.shm_rmid_forced': 'IPC', 'net.ipv4.ip_local_port_range': 'Net', 'net.ipv4.tcp_syncookies': 'Net', 'net.ipv4.ping_group_range': 'Net',
  'net.ipv4.ip_unprivileged_port_start': 'Net', 'net.ipv4.ip_local_reserved_ports': 'Net', 'net.ipv4.tcp_keepalive_time': 'Net', 'net.ipv4.tcp_fin_timeout': 'Net',
  'net.ipv4.tcp_keepalive_intvl': 'Net', 'net.ipv4.tcp_keepalive_probes': 'Net', 'net.ipv4.tcp_rmem': 'Net', 'net.ipv4.tcp_wmem': 'Net',
};

const namespaced: readonly (readonly [prefix: string, namespace: Namespace])[] = [['kernel.shm', 'IPC'], ['kernel.msg', 'IPC'], ['kernel.sem', 'IPC'], ['fs.mqueue.', 'IPC'], ['net.', 'Net']];

/** Undefined: it belongs to the whole machine. */
export function sysctlNamespace(pattern: string): Namespace | undefined {
  return namespaced.find(([prefix]) => pattern.startsWith(prefix))?.[1];
}

/** With the separator as the kernel's files have it (`net/ipv4/…`), a dot belongs to the name. */
export function normalSysctl(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replaceAll(/[./]/g, (separator) => (separator === '/' ? '.' : '/')) : name;
}

function namespaceIfAllowed(name: string, allowedUnsafe: readonly string[]): Namespace | undefined {
  if (Object.hasOwn(safe, name)) return safe[name];
  const pattern = allowedUnsafe.find((candidate) => (candidate.endsWith('*') ? name.startsWith(candidate.slice(0, -1)) : candidate === name));
  return pattern === undefined ? undefined : sysctlNamespace(pattern);
}

/** Why the pod's sysctls are refused; undefined if all are allowed. */
export function sysctlProblem(pod: Pod, allowedUnsafe: readonly string[]): string | undefined {
  const spec = specOf(pod);
  for (const sysctl of spec.securityContext?.sysctls ?? []) {
    const name = normalSysctl(sysctl.name);
    const namespace = namespaceIfAllowed(name, allowedUnsafe);
    if (namespace === undefined) return `forbidden sysctl: ${JSON.stringify(name)} not allowlisted`;
    const shared = namespace === 'IPC' ? spec.hostIPC === true : spec.hostNetwork === true;
    if (shared) return `forbidden sysctl: ${JSON.stringify(name)} not allowed with host ${namespace} enabled`;
  }
  return undefined;
}
