import type { FlagSet } from '@coxswain/service';

const unbuilt = (...names: readonly string[]): FlagSet => Object.fromEntries(names.map((name) => [name, { kind: 'unbuilt', help: '' }]));

/** Flag → controller whose workers it sets, and upstream's default. */
export const concurrencyFlags: Readonly<Record<string, { readonly controller: string; readonly workers: number }>> = {
  'concurrent-deployment-syncs': { controller: 'deployment-controller', workers: 5 },
  'concurrent-replicaset-syncs': { controller: 'replicaset-controller', workers: 5 },
  'concurrent-rc-syncs': { controller: 'replicationcontroller-controller', workers: 5 },
  'concurrent-endpoint-syncs': { controller: 'endpoints-controller', workers: 5 },
  'concurrent-service-endpoint-syncs': { controller: 'endpointslice-controller', workers: 5 },
  'concurrent-namespace-syncs': { controller: 'namespace-controller', workers: 10 },
  'concurrent-gc-syncs': { controller: 'garbage-collector-controller', workers: 20 },
  'concurrent-daemonset-syncs': { controller: 'daemonset-controller', workers: 2 },
  'concurrent-job-syncs': { controller: 'job-controller', workers: 5 },
  'concurrent-ttl-after-finished-syncs': { controller: 'ttl-after-finished-controller', workers: 5 },
};

const concurrency: FlagSet = Object.fromEntries(Object.entries(concurrencyFlags)
  .map(([name, { controller, workers }]) => [name, { kind: 'int', default: workers, min: 1, help: `workers of the ${controller}` }]));

/** kube-controller-manager's. */
export const flags: FlagSet = {
  kubeconfig: { kind: 'string', help: 'file that says how to reach the API server; absent: as a pod' },
  master: { kind: 'string', help: 'URL of the API server, instead of the one in --kubeconfig' },
  controllers: { kind: 'strings', default: ['*'], help: '* for all that are on by default, NAME on, -NAME off' },
  'leader-elect': { kind: 'bool', default: true, help: 'work only while holding the Lease' },
  'leader-elect-lease-duration': { kind: 'duration', default: 15_000, help: 'how long the Lease counts after it was last renewed' },
  'leader-elect-renew-deadline': { kind: 'duration', default: 10_000, help: 'how long a leader tries to renew before it gives up' },
  'leader-elect-retry-period': { kind: 'duration', default: 2000, help: 'time between tries' },
  'leader-elect-resource-name': { kind: 'string', default: 'kube-controller-manager', help: 'name of the Lease' },
  'leader-elect-resource-namespace': { kind: 'string', default: 'kube-system', help: 'namespace of the Lease' },
  'use-service-account-credentials': { kind: 'bool', default: false, help: 'each controller writes as its own service account in kube-system' },
  'allocate-node-cidrs': { kind: 'bool', default: false, help: 'give each node a part of --cluster-cidr' },
  'cluster-cidr': { kind: 'strings', help: 'addresses of pods, one range for each IP family' },
  'node-cidr-mask-size': { kind: 'int', default: 24, min: 1, max: 128, help: 'prefix length of a node\'s range' },
  'node-cidr-mask-size-ipv4': { kind: 'int', default: 24, min: 1, max: 32, help: 'the same for IPv4' },
  'node-cidr-mask-size-ipv6': { kind: 'int', default: 64, min: 1, max: 128, help: 'the same for IPv6' },
  'service-cluster-ip-range': { kind: 'strings', help: 'addresses of services; never given to a node' },
  'cluster-signing-cert-file': { kind: 'string', help: 'certificate of the authority that signs requests' },
  'cluster-signing-key-file': { kind: 'string', help: 'its key' },
  'cluster-signing-duration': { kind: 'duration', default: 365 * 24 * 3_600_000, help: 'longest life of a signed certificate' },
  'root-ca-file': { kind: 'string', help: 'authority of the API server, published in every namespace' },
  'node-monitor-period': { kind: 'duration', default: 5000, help: 'how often nodes are looked at' },
  'node-monitor-grace-period': { kind: 'duration', default: 50_000, help: 'silence after which a node counts as unhealthy' },
  'node-startup-grace-period': { kind: 'duration', default: 60_000, help: 'the same for a node that has never spoken' },
  'terminated-pod-gc-threshold': { kind: 'int', default: 12_500, help: 'ended pods that may stay before the oldest are deleted; 0 or less: never deleted' },
  'bind-address': { kind: 'string', default: '0.0.0.0', help: 'address of the health and metrics port' },
  'secure-port': { kind: 'int', default: 10_257, min: 0, max: 65_535, help: 'port of /healthz, /livez, /readyz and /metrics; 0 is off' },
  'tls-cert-file': { kind: 'string', help: 'certificate of the port; absent: plain HTTP' },
  'tls-private-key-file': { kind: 'string', help: 'key of --tls-cert-file' },
  ...concurrency,
  ...unbuilt(
    'allow-metric-labels', 'allow-metric-labels-manifest', 'allow-untagged-cloud', 'attach-detach-reconcile-sync-period', 'authentication-kubeconfig',
    'authentication-skip-lookup', 'authentication-token-webhook-cache-ttl', 'authentication-tolerate-lookup-failure', 'authorization-always-allow-paths',
    'authorization-kubeconfig', 'authorization-webhook-cache-authorized-ttl', 'authorization-webhook-cache-unauthorized-ttl', 'cert-dir', 'cidr-allocator-type',
    'client-ca-file', 'cloud-config', 'cloud-provider', 'cluster-name', 'cluster-signing-kube-apiserver-client-cert-file', 'cluster-signing-kube-apiserver-client-key-file',
    'cluster-signing-kubelet-client-cert-file', 'cluster-signing-kubelet-client-key-file', 'cluster-signing-kubelet-serving-cert-file',
    'cluster-signing-kubelet-serving-key-file', 'cluster-signing-legacy-unknown-cert-file', 'cluster-signing-legacy-unknown-key-file', 'concurrent-cron-job-syncs',
    'concurrent-ephemeralvolume-syncs', 'concurrent-horizontal-pod-autoscaler-syncs', 'concurrent-resource-quota-syncs', 'concurrent-service-syncs',
    'concurrent-serviceaccount-token-syncs', 'concurrent-statefulset-syncs', 'concurrent-validating-admission-policy-status-syncs',
    'configure-cloud-routes', 'contention-profiling', 'controller-start-interval', 'disable-attach-detach-reconcile-sync', 'disable-force-detach-on-timeout',
    'disabled-metrics', 'emulated-version', 'enable-dynamic-provisioning', 'enable-garbage-collector', 'enable-hostpath-provisioner', 'enable-leader-migration',
    'endpoint-updates-batch-period', 'endpointslice-updates-batch-period', 'external-cloud-volume-plugin', 'feature-gates', 'flex-volume-plugin-dir',
    'horizontal-pod-autoscaler-cpu-initialization-period', 'horizontal-pod-autoscaler-downscale-stabilization', 'horizontal-pod-autoscaler-initial-readiness-delay',
    'horizontal-pod-autoscaler-sync-period', 'horizontal-pod-autoscaler-tolerance', 'http2-max-streams-per-connection', 'kube-api-burst', 'kube-api-content-type',
    'kube-api-qps', 'large-cluster-size-threshold', 'leader-elect-resource-lock', 'leader-migration-config', 'legacy-service-account-token-clean-up-period',
    'log-flush-frequency', 'log-json-info-buffer-size', 'log-json-split-stream', 'log-text-info-buffer-size', 'log-text-split-stream', 'logging-format',
    'max-endpoints-per-slice', 'min-resync-period', 'mirroring-concurrent-service-endpoint-syncs', 'mirroring-endpointslice-updates-batch-period',
    'mirroring-max-endpoints-per-subset', 'namespace-sync-period', 'node-eviction-rate', 'node-sync-period', 'permit-address-sharing', 'permit-port-sharing',
    'pod-eviction-timeout', 'profiling', 'pv-recycler-increment-timeout-nfs', 'pv-recycler-minimum-timeout-hostpath', 'pv-recycler-minimum-timeout-nfs',
    'pv-recycler-pod-template-filepath-hostpath', 'pv-recycler-pod-template-filepath-nfs', 'pv-recycler-timeout-increment-hostpath', 'pvclaimbinder-sync-period',
    'requestheader-allowed-names', 'requestheader-client-ca-file', 'requestheader-extra-headers-prefix', 'requestheader-group-headers',
    'requestheader-username-headers', 'requestheader-uid-headers', 'resource-quota-sync-period', 'route-reconciliation-period', 'secondary-node-eviction-rate', 'service-account-private-key-file',
    'show-hidden-metrics-for-version', 'tls-cipher-suites', 'tls-min-version', 'tls-sni-cert-key', 'unhealthy-zone-threshold', 'vmodule'),
};
