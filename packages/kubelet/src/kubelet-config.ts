import { UsageError, type FlagValues } from '@coxswain/service';
import type { Taint } from 'kubernetes-types/core/v1';
import type { KubeletConfig, KubenetConfig, KubeletServerConfig } from './config.ts';
import type { ConfigurationReader } from './configuration.ts';
import { sysctlNamespace } from './pod/sysctls.ts';

export const kubeletVersion = 'v1.32.0';

/** As the flag writes a taint: `key=value:effect` or `key:effect`. */
export function parseTaint(text: string): Taint {
  const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text);
  if (match === null) throw new UsageError(`--register-with-taints: ${JSON.stringify(text)} is not key=value:effect`);
  return { key: match[1] as string, effect: match[3] as string, ...(match[2] === undefined ? {} : { value: match[2] }) };
}

/** A flag that was given wins over the file. */
class Merged {
  readonly #flags: FlagValues;
  readonly #file: ConfigurationReader;

  constructor(flags: FlagValues, file: ConfigurationReader) {
    this.#flags = flags;
    this.#file = file;
  }

  string(flag: string, field: string): string { return this.#flags.isSet(flag) ? this.#flags.string(flag) : this.#file.string(field); }
  integer(flag: string, field: string, min: number): number { return this.#flags.isSet(flag) ? this.#flags.int(flag) : this.#file.integer(field, min); }
  strings(flag: string, field: string): readonly string[] { return this.#flags.isSet(flag) ? this.#flags.strings(flag) : this.#file.strings(field); }
  bool(flag: string, field: string): boolean { return this.#flags.isSet(flag) ? this.#flags.bool(flag) : this.#file.bool(field); }
}

export interface Identity { readonly hostname: string; readonly clientCaPem: string | undefined }

function serverConfig(flags: FlagValues, file: ConfigurationReader, merged: Merged, clientCaPem: string | undefined): KubeletServerConfig | undefined {
  if (!file.bool('enableServer')) return undefined;
  const authentication = file.section('authentication');
  const authorization = file.section('authorization');
  const mode = flags.isSet('authorization-mode') ? flags.string('authorization-mode') : authorization.string('mode', 'Webhook');
  if (mode !== 'Webhook' && mode !== 'AlwaysAllow') throw new UsageError(`authorization mode ${JSON.stringify(mode)}: expected Webhook or AlwaysAllow`);
  return {
    address: merged.string('address', 'address'), port: merged.integer('port', 'port', 0), clientCaPem,
    anonymous: flags.isSet('anonymous-auth') ? flags.bool('anonymous-auth') : authentication.section('anonymous').bool('enabled'),
    webhookAuthentication: authentication.section('webhook').bool('enabled', true),
    authenticationCacheMs: authentication.section('webhook').durationMs('cacheTTL', '2m0s'),
    authorization: mode,
    authorizedCacheMs: authorization.section('webhook').durationMs('cacheAuthorizedTTL', '5m0s'),
    unauthorizedCacheMs: authorization.section('webhook').durationMs('cacheUnauthorizedTTL', '30s'),
    healthzAddress: merged.string('healthz-bind-address', 'healthzBindAddress'), healthzPort: merged.integer('healthz-port', 'healthzPort', 0),
  };
}

export function kubenetConfig(flags: FlagValues, podCidr = flags.string('pod-cidr')): KubenetConfig | undefined {
  const plugin = flags.string('network-plugin');
  if (plugin !== 'cni' && plugin !== 'kubenet') throw new UsageError(`--network-plugin ${JSON.stringify(plugin)}: expected cni or kubenet`);
  if (podCidr !== '' && !/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(podCidr)) throw new UsageError(`--pod-cidr ${JSON.stringify(podCidr)}: expected an IPv4 network such as 10.244.0.0/24`);
  if (plugin === 'cni' && podCidr !== '') throw new UsageError('--pod-cidr is for --network-plugin=kubenet: with another plugin its own configuration says it');
  if (plugin === 'cni') return undefined;
  return { podCidr, cniConfDir: flags.string('cni-conf-dir'), nonMasqueradeCidrs: flags.strings('non-masquerade-cidr'), dataDir: flags.string('root-dir'), mtu: flags.int('network-plugin-mtu') };
}

export function maxBackOffMs(file: ConfigurationReader): number {
  const ms = file.section('crashLoopBackOff').durationMs('maxContainerRestartPeriod', '5m0s');
  if (ms < 1000 || ms > 300_000) throw new UsageError('--config: crashLoopBackOff.maxContainerRestartPeriod: expected between 1s and 5m0s');
  return ms;
}

function unsafeSysctls(merged: Merged): readonly string[] {
  const patterns = merged.strings('allowed-unsafe-sysctls', 'allowedUnsafeSysctls');
  const wrong = patterns.find((pattern) => sysctlNamespace(pattern) === undefined);
  if (wrong !== undefined) throw new UsageError(`--allowed-unsafe-sysctls: ${JSON.stringify(wrong)} belongs to the whole machine and not to a pod; kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and net.* can be allowed`);
  return patterns;
}

/** Flags and file, checked, as the core takes them. */
export function kubeletConfig(flags: FlagValues, file: ConfigurationReader, identity: Identity): KubeletConfig {
  const merged = new Merged(flags, file);
  const taints = flags.isSet('register-with-taints') ? flags.strings('register-with-taints').map(parseTaint) : file.list('registerWithTaints') as Taint[];
  return {
    nodeName: flags.string('hostname-override') || identity.hostname, nodeIp: flags.string('node-ip'), rootDir: flags.string('root-dir'), podLogsDir: file.string('podLogsDir'),
    registerNode: merged.bool('register-node', 'registerNode'), registerWithTaints: taints, nodeLabels: flags.map('node-labels'), kubeletVersion,
    maxPods: merged.integer('max-pods', 'maxPods', 1), podPidsLimit: file.integer('podPidsLimit', -1),
    clusterDns: merged.strings('cluster-dns', 'clusterDNS'), clusterDomain: merged.string('cluster-domain', 'clusterDomain'), resolvConf: merged.string('resolv-conf', 'resolvConf'),
    cgroupRoot: merged.string('cgroup-root', 'cgroupRoot').replace(/\/+$/, ''), cgroupsPerQos: file.bool('cgroupsPerQOS'),
    cpuCfsQuota: file.bool('cpuCFSQuota'), cpuCfsQuotaPeriodUs: file.durationMs('cpuCFSQuotaPeriod') * 1000, seccompDefault: file.bool('seccompDefault'), allowedUnsafeSysctls: unsafeSysctls(merged),
    systemReserved: file.map('systemReserved'), kubeReserved: file.map('kubeReserved'),
    nodeStatusUpdateFrequencyMs: flags.isSet('node-status-update-frequency') ? flags.durationMs('node-status-update-frequency') : file.durationMs('nodeStatusUpdateFrequency'),
    nodeStatusReportFrequencyMs: file.durationMs('nodeStatusReportFrequency'), nodeLeaseDurationSeconds: file.integer('nodeLeaseDurationSeconds', 1),
    nodeStatusMaxImages: file.integer('nodeStatusMaxImages', -1), syncFrequencyMs: file.durationMs('syncFrequency'),
    containerLogMaxSizeBytes: file.bytes('containerLogMaxSize'),
    containerLogMaxFiles: file.integer('containerLogMaxFiles', 2), containerLogMonitorIntervalMs: file.durationMs('containerLogMonitorInterval'),
    runtimeRequestTimeoutMs: file.durationMs('runtimeRequestTimeout'), maxContainerBackOffMs: maxBackOffMs(file), relistPeriodMs: 1000,
    server: serverConfig(flags, file, merged, identity.clientCaPem), kubenet: kubenetConfig(flags, merged.string('pod-cidr', 'podCIDR')),
  };
}
