import { parseGoDuration, UsageError } from '@coxswain/service';
import { quantityNumber } from './quantity.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields of KubeletConfiguration that are built; the value is the default where there is one. */
const built = {
  address: '0.0.0.0', port: 10250, healthzBindAddress: '127.0.0.1', healthzPort: 10248, authentication: {}, authorization: {}, cgroupRoot: '/', cgroupsPerQOS: true,
  clusterDNS: [], clusterDomain: '', containerLogMaxFiles: 5, containerLogMaxSize: '10Mi', containerLogMonitorInterval: '10s', containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  cpuCFSQuota: true, cpuCFSQuotaPeriod: '100ms', crashLoopBackOff: {}, kubeReserved: {}, systemReserved: {}, maxPods: 110, nodeLeaseDurationSeconds: 40,
  nodeStatusMaxImages: 50, nodeStatusReportFrequency: '5m0s', nodeStatusUpdateFrequency: '10s', podLogsDir: '/var/log/pods', podPidsLimit: -1, podCIDR: '', registerNode: true,
  registerWithTaints: [], resolvConf: '/etc/resolv.conf', rotateCertificates: false, runtimeRequestTimeout: '2m0s', seccompDefault: false, serverTLSBootstrap: false,
  syncFrequency: '1m0s', tlsCertFile: '', tlsPrivateKeyFile: '', enableServer: true, allowedUnsafeSysctls: [],
} as const;

/** Fields that have no effect here yet: their default is accepted, anything else is refused by name. */
const onlyDefault: Fields = {
  cgroupDriver: 'cgroupfs', configMapAndSecretChangeDetectionStrategy: 'Watch', containerLogMaxWorkers: 1, contentType: 'application/vnd.kubernetes.protobuf', cpuManagerPolicy: 'none',
  cpuManagerReconcilePeriod: '10s', enableControllerAttachDetach: true, enableDebugFlagsHandler: true, enableDebuggingHandlers: true, enableProfilingHandler: true,
  enableSystemLogHandler: true, enableSystemLogQuery: false, enforceNodeAllocatable: ['pods'], eventBurst: 10, eventRecordQPS: 5, evictionPressureTransitionPeriod: '5m0s',
  failCgroupV1: false, failSwapOn: true, fileCheckFrequency: '20s', hairpinMode: 'promiscuous-bridge', httpCheckFrequency: '20s', imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80, imageMaximumGCAge: '0s', imageMinimumGCAge: '2m0s', iptablesDropBit: 15, iptablesMasqueradeBit: 14, kubeAPIBurst: 100, kubeAPIQPS: 50,
  localStorageCapacityIsolation: true, logging: { flushFrequency: '5s', format: 'text', options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } }, verbosity: 0 },
  makeIPTablesUtilChains: true, maxOpenFiles: 1_000_000, memoryManagerPolicy: 'None', memorySwap: {}, memoryThrottlingFactor: 0.9, oomScoreAdj: -999, registryBurst: 10,
  registryPullQPS: 5, serializeImagePulls: true, shutdownGracePeriod: '0s', shutdownGracePeriodCriticalPods: '0s', topologyManagerPolicy: 'none', topologyManagerScope: 'container',
  streamingConnectionIdleTimeout: '4h0m0s', volumePluginDir: '/usr/libexec/kubernetes/kubelet-plugins/volume/exec/', volumeStatsAggPeriod: '1m0s',
  staticPodPath: '', staticPodURL: '', staticPodURLHeader: {}, tlsCipherSuites: [], tlsMinVersion: '', readOnlyPort: 0, evictionHard: {}, evictionSoft: {}, evictionSoftGracePeriod: {},
  evictionMaxPodGracePeriod: 0, evictionMinimumReclaim: {}, featureGates: {}, cpuManagerPolicyOptions: {}, topologyManagerPolicyOptions: {}, qosReserved: {}, kubeletCgroups: '',
  systemCgroups: '', systemReservedCgroup: '', kubeReservedCgroup: '', reservedSystemCPUs: '', reservedMemory: [], podsPerCore: 0, protectKernelDefaults: false, providerID: '',
  showHiddenMetricsForVersion: '', maxParallelImagePulls: 0, imageServiceEndpoint: '', kernelMemcgNotification: false, runOnce: false, tracing: {},
  shutdownGracePeriodByPodPriority: [], enableContentionProfiling: false, singleProcessOOMKill: false,
};

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Checks names and kinds of all fields; throws UsageError with one clear line. */
export function checkKubeletConfiguration(value: unknown, file: string): Fields {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new UsageError(`--config ${file}: expected a KubeletConfiguration`);
  const fields = value as Fields;
  if (fields['kind'] !== 'KubeletConfiguration' || fields['apiVersion'] !== 'kubelet.config.k8s.io/v1beta1') {
    throw new UsageError(`--config ${file}: expected apiVersion kubelet.config.k8s.io/v1beta1, kind KubeletConfiguration`);
  }
  for (const [name, own] of Object.entries(fields)) {
    if (name === 'kind' || name === 'apiVersion' || Object.hasOwn(built, name)) continue;
    if (!Object.hasOwn(onlyDefault, name)) throw new UsageError(`--config ${file}: unknown field ${JSON.stringify(name)}`);
    if (!same(own, onlyDefault[name])) throw new UsageError(`--config ${file}: ${name} is a field of the original that is not built yet; leave it out`);
  }
  return fields;
}

/** Typed reads of a checked configuration, with the originals' defaults. */
export class ConfigurationReader {
  readonly #fields: Fields;
  readonly #path: string;

  constructor(fields: Fields, path = '') {
    this.#fields = fields;
    this.#path = path;
  }

  #value(name: string): unknown {
    return this.#fields[name] ?? (this.#path === '' ? built[name as keyof typeof built] : undefined);
  }

  #wrong(name: string, expected: string): UsageError {
    return new UsageError(`--config: ${this.#path}${name}: expected ${expected}`);
  }

  section(name: string): ConfigurationReader {
    const value = this.#value(name) ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#wrong(name, 'an object');
    return new ConfigurationReader(value as Fields, `${this.#path}${name}.`);
  }

  string(name: string, fallback = ''): string {
    const value = this.#value(name) ?? fallback;
    if (typeof value !== 'string') throw this.#wrong(name, 'a string');
    return value;
  }

  integer(name: string, min: number): number {
    const value = this.#value(name) ?? 0;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) throw this.#wrong(name, `a whole number of at least ${min}`);
    return value;
  }

  bool(name: string, fallback = false): boolean {
    const value = this.#value(name) ?? fallback;
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false');
    return value;
  }

  durationMs(name: string, fallback = '0s'): number {
    const value = this.#value(name) ?? fallback;
    const ms = typeof value === 'string' ? parseGoDuration(value) : undefined;
    if (ms === undefined) throw this.#wrong(name, 'a duration such as 1m30s');
    return ms;
  }

  bytes(name: string): number {
    const value = this.#value(name);
    if (typeof value !== 'string' || quantityNumber(value) <= 0) throw this.#wrong(name, 'a size such as 10Mi');
    return quantityNumber(value);
  }

  strings(name: string): readonly string[] {
    const value = this.#value(name) ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw this.#wrong(name, 'a list of strings');
    return value as string[];
  }

  list(name: string): readonly unknown[] {
    const value = this.#value(name) ?? [];
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list');
    return value;
  }

  map(name: string): Readonly<Record<string, string>> {
    const value = this.#value(name) ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#wrong(name, 'an object of strings');
    return Object.fromEntries(Object.entries(value as Fields).map(([key, item]) => [key, String(item)]));
  }
}
