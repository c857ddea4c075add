import type { FlagSet } from '@coxswain/service';

const unbuilt = (...names: readonly string[]): FlagSet => Object.fromEntries(names.map((name) => [name, { kind: 'unbuilt', help: '' }]));

/** kube-scheduler's. */
export const flags: FlagSet = {
  config: { kind: 'string', help: 'file of a KubeSchedulerConfiguration' },
  kubeconfig: { kind: 'string', help: 'file that says how to reach the API server; absent: as a pod' },
  master: { kind: 'string', help: 'URL of the API server, instead of the one in --kubeconfig' },
  'leader-elect': { kind: 'bool', default: true, help: 'decide only while holding the Lease' },
  'leader-elect-lease-duration': { kind: 'duration', default: 15_000, help: 'how long the Lease counts after it was last renewed' },
  'leader-elect-renew-deadline': { kind: 'duration', default: 10_000, help: 'how long a leader tries to renew before it gives up' },
  'leader-elect-retry-period': { kind: 'duration', default: 2000, help: 'time between tries' },
  'leader-elect-resource-name': { kind: 'string', default: 'kube-scheduler', help: 'name of the Lease' },
  'leader-elect-resource-namespace': { kind: 'string', default: 'kube-system', help: 'namespace of the Lease' },
  'feature-gates': { kind: 'map', help: 'DynamicResourceAllocation=true where the API server serves resource.k8s.io/v1beta1; SchedulerPopFromBackoffQ=false lets pods wait for the end of their back-off also while there is nothing else to decide; other features stand as they are by default' },
  'bind-address': { kind: 'string', default: '0.0.0.0', help: 'address of the health and metrics port' },
  'secure-port': { kind: 'int', default: 10_259, min: 0, max: 65_535, help: 'port of /healthz, /livez, /readyz and /metrics, with --tls-cert-file HTTPS and also /explain, else plain HTTP; 0 is off' },
  'tls-cert-file': { kind: 'string', help: 'certificate of the port' },
  'tls-private-key-file': { kind: 'string', help: 'key of --tls-cert-file' },
  'client-ca-file': { kind: 'string', help: 'authority of client certificates on the port' },
  ...unbuilt(
    'allow-metric-labels', 'allow-metric-labels-manifest', 'authentication-kubeconfig', 'authentication-skip-lookup', 'authentication-token-webhook-cache-ttl',
    'authentication-tolerate-lookup-failure', 'authorization-always-allow-paths', 'authorization-kubeconfig', 'authorization-webhook-cache-authorized-ttl',
    'authorization-webhook-cache-unauthorized-ttl', 'cert-dir', 'contention-profiling', 'disabled-metrics', 'emulated-version',
    'http2-max-streams-per-connection', 'kube-api-burst', 'kube-api-content-type', 'kube-api-qps', 'leader-elect-resource-lock', 'log-flush-frequency',
    'log-json-info-buffer-size', 'log-json-split-stream', 'log-text-info-buffer-size', 'log-text-split-stream', 'logging-format', 'permit-address-sharing',
    'permit-port-sharing', 'pod-max-in-unschedulable-pods-duration', 'profiling', 'requestheader-allowed-names', 'requestheader-client-ca-file',
    'requestheader-extra-headers-prefix', 'requestheader-group-headers', 'requestheader-username-headers', 'requestheader-uid-headers', 'show-hidden-metrics-for-version',
    'tls-cipher-suites', 'tls-min-version', 'tls-sni-cert-key', 'vmodule', 'write-config-to'),
};
