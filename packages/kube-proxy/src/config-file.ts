import { nearestName, parseGoDuration, UsageError } from '@coxswain/service';
import { defaultProxyConfig, type ProxyConfig } from './config.ts';

type Fields = Readonly<Record<string, unknown>>;

function mistake(path: string, text: string): UsageError {
  return new UsageError(`KubeProxyConfiguration: ${path}: ${text}`);
}

function section(parent: Fields, name: string): Fields {
  const value = parent[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw mistake(name, 'expected an object');
  return value as Fields;
}

function typed<T extends string | number | boolean>(parent: Fields, path: string, fallback: T): T {
  const value = parent[path.split('.').at(-1) as string] ?? fallback;
  if (typeof value !== typeof fallback) throw mistake(path, `expected a ${typeof fallback}`);
  return value as T;
}

function durationMs(parent: Fields, path: string, fallbackMs: number): number {
  const value = parent[path.split('.').at(-1) as string] ?? undefined;
  if (value === undefined) return fallbackMs;
  const parsed = typeof value === 'string' ? parseGoDuration(value) : undefined;
  if (parsed === undefined || parsed < 0) throw mistake(path, 'expected a duration such as 30s');
  return parsed;
}

/** Fields of KubeProxyConfiguration and of its parts. `kept`: fields whose value makes no difference here. */
const known: Readonly<Record<string, readonly string[]>> = {
  '': ['apiVersion', 'kind', 'bindAddress', 'bindAddressHardFail', 'clientConnection', 'clusterCIDR', 'configSyncPeriod', 'conntrack', 'detectLocal', 'detectLocalMode',
    'enableProfiling', 'featureGates', 'healthzBindAddress', 'hostnameOverride', 'iptables', 'ipvs', 'logging', 'metricsBindAddress', 'mode', 'nftables', 'nodePortAddresses',
    'oomScoreAdj', 'portRange', 'showHiddenMetricsForVersion', 'windowsRunAsService', 'winkernel'],
  iptables: ['localhostNodePorts', 'masqueradeAll', 'masqueradeBit', 'minSyncPeriod', 'syncPeriod'],
  conntrack: ['maxPerCore', 'min', 'tcpBeLiberal', 'tcpCloseWaitTimeout', 'tcpEstablishedTimeout', 'udpStreamTimeout', 'udpTimeout'],
  clientConnection: ['acceptContentTypes', 'burst', 'contentType', 'kubeconfig', 'qps'],
};

function refuseUnknown(fields: Fields, path: string): void {
  const names = known[path] as readonly string[];
  for (const name of Object.keys(fields)) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    throw mistake(path === '' ? name : `${path}.${name}`, `unknown field${nearest === undefined ? '' : `; did you mean ${nearest}?`}`);
  }
}

/** `mode` and how local traffic is told apart. */
function checkModes(mode: string, detectLocalMode: string): void {
  if (mode !== '' && mode !== 'iptables') throw mistake('mode', `${mode} is not built yet; use iptables`);
  if (detectLocalMode !== '' && detectLocalMode !== 'ClusterCIDR') throw mistake('detectLocalMode', `${detectLocalMode} is not built yet; use ClusterCIDR`);
}

function conntrackSysctls(conntrack: Fields, cpuCount: number): Record<string, string> {
  const maxPerCore = typed(conntrack, 'conntrack.maxPerCore', 32_768);
  const min = typed(conntrack, 'conntrack.min', 131_072);
  const established = durationMs(conntrack, 'conntrack.tcpEstablishedTimeout', 86_400_000);
  const closeWait = durationMs(conntrack, 'conntrack.tcpCloseWaitTimeout', 3_600_000);
  return {
    ...(maxPerCore > 0 ? { 'net.netfilter.nf_conntrack_max': String(Math.max(min, maxPerCore * cpuCount)) } : {}),
    ...(established > 0 ? { 'net.netfilter.nf_conntrack_tcp_timeout_established': String(established / 1000) } : {}),
    ...(closeWait > 0 ? { 'net.netfilter.nf_conntrack_tcp_timeout_close_wait': String(closeWait / 1000) } : {}),
  };
}

export interface ProxyFile {
  readonly config: ProxyConfig;
  readonly kubeconfig: string;
  /** `address:port`; '' is off. */
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
}

/** Reads a KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1); throws UsageError with the path of the first mistake. `{}` gives the defaults. */
export function parseProxyFile(value: unknown, machine: { readonly hostname: string; readonly cpuCount: number }): ProxyFile {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mistake('', 'expected an object');
  const file = value as Fields;
  const apiVersion = typed(file, 'apiVersion', 'kubeproxy.config.k8s.io/v1alpha1');
  if (apiVersion !== 'kubeproxy.config.k8s.io/v1alpha1' || typed(file, 'kind', 'KubeProxyConfiguration') !== 'KubeProxyConfiguration') {
    throw mistake('apiVersion', 'expected kind KubeProxyConfiguration of kubeproxy.config.k8s.io/v1alpha1');
  }
  const [iptables, conntrack, connection] = [section(file, 'iptables'), section(file, 'conntrack'), section(file, 'clientConnection')];
  for (const [fields, path] of [[file, ''], [iptables, 'iptables'], [conntrack, 'conntrack'], [connection, 'clientConnection']] as const) refuseUnknown(fields, path);
  checkModes(typed(file, 'mode', ''), typed(file, 'detectLocalMode', ''));
  const addresses = file['nodePortAddresses'] ?? [];
  if (!Array.isArray(addresses) || addresses.some((item) => typeof item !== 'string')) throw mistake('nodePortAddresses', 'expected a list of ranges such as 10.0.0.0/8');
  const hostname = typed(file, 'hostnameOverride', '');
  const masqueradeBit = typed(iptables, 'iptables.masqueradeBit', 14);
  if (!Number.isInteger(masqueradeBit) || masqueradeBit < 0 || masqueradeBit > 31) throw mistake('iptables.masqueradeBit', 'expected a whole number from 0 to 31');
  const config: ProxyConfig = {
    nodeName: hostname === '' ? machine.hostname : hostname,
    clusterCidr: typed(file, 'clusterCIDR', ''),
    masqueradeAll: typed(iptables, 'iptables.masqueradeAll', false),
    masqueradeBit,
    localhostNodePorts: typed(iptables, 'iptables.localhostNodePorts', true),
    nodePortAddresses: addresses as string[],
    tcpBeLiberal: typed(conntrack, 'conntrack.tcpBeLiberal', false),
    syncPeriodMs: durationMs(iptables, 'iptables.syncPeriod', defaultProxyConfig.syncPeriodMs),
    minSyncPeriodMs: durationMs(iptables, 'iptables.minSyncPeriod', defaultProxyConfig.minSyncPeriodMs),
    sysctls: conntrackSysctls(conntrack, machine.cpuCount),
  };
  return {
    config, kubeconfig: typed(connection, 'clientConnection.kubeconfig', ''),
    healthzBindAddress: typed(file, 'healthzBindAddress', '0.0.0.0:10256'), metricsBindAddress: typed(file, 'metricsBindAddress', '127.0.0.1:10249'),
  };
}
