import type { FlagSet } from '@coxswain/service';

const unbuilt = (...names: readonly string[]): FlagSet => Object.fromEntries(names.map((name) => [name, { kind: 'unbuilt', help: '' }]));

const ignored = (of: 'bool' | 'text', help: string, ...names: readonly string[]): FlagSet => Object.fromEntries(names.map((name) => [name, { kind: 'ignored', of, help }]));

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
  'leader-elect-resource-lock': { kind: 'string', default: 'leases', help: 'leases, the only kind of lock there is' },
  'pod-max-in-unschedulable-pods-duration': { kind: 'duration', default: 300_000, help: 'after this long a pod that was refused is tried again whatever has happened' },
  'feature-gates': { kind: 'map', help: 'DynamicResourceAllocation=true where the API server serves resource.k8s.io/v1beta1; SchedulerPopFromBackoffQ=false lets pods wait for the end of their back-off also while there is nothing else to decide; other features stand as they are by default' },
  'bind-address': { kind: 'string', default: '0.0.0.0', help: 'address of the health and metrics port' },
  'secure-port': { kind: 'int', default: 10_259, min: 0, max: 65_535, help: 'port of /healthz, /livez, /readyz and /metrics, with --tls-cert-file HTTPS and also /explain, else plain HTTP; 0 is off' },
  'tls-cert-file': { kind: 'string', help: 'certificate of the port' },
  'tls-private-key-file': { kind: 'string', help: 'key of --tls-cert-file' },
  'client-ca-file': { kind: 'string', help: 'authority of client certificates on the port' },
  'authentication-kubeconfig': { kind: 'string', help: 'how to reach the API server that is asked who a token of the port is (TokenReview); absent: as --kubeconfig' },
  'authorization-kubeconfig': { kind: 'string', help: 'how to reach the API server that is asked what a user of the port may (SubjectAccessReview); absent: as --kubeconfig' },
  'authentication-token-webhook-cache-ttl': { kind: 'duration', default: 10_000, help: 'how long an answer about a token is kept' },
  'authorization-webhook-cache-authorized-ttl': { kind: 'duration', default: 10_000, help: 'how long an answer of yes is kept' },
  'authorization-webhook-cache-unauthorized-ttl': { kind: 'duration', default: 10_000, help: 'how long an answer of no is kept' },
  ...ignored('text', 'Requests are not limited here.', 'kube-api-qps', 'kube-api-burst'),
  ...ignored('text', 'What is spoken is chosen by what the server can.', 'kube-api-content-type'),
  ...ignored('bool', 'What is asked of the port is not looked up in the cluster: --client-ca-file says whom to trust.', 'authentication-skip-lookup', 'authentication-tolerate-lookup-failure'),
  ...ignored('bool', 'SO_REUSEADDR is always set.', 'permit-address-sharing'),
  ...ignored('text', 'Log lines are written at once.', 'log-flush-frequency'),
  ...unbuilt(
    'allow-metric-labels', 'allow-metric-labels-manifest', 'authorization-always-allow-paths', 'cert-dir', 'contention-profiling', 'disabled-metrics',
    'emulated-version', 'http2-max-streams-per-connection', 'log-json-info-buffer-size', 'log-json-split-stream', 'log-text-info-buffer-size',
    'log-text-split-stream', 'logging-format', 'permit-port-sharing', 'profiling', 'requestheader-allowed-names', 'requestheader-client-ca-file',
    'requestheader-extra-headers-prefix', 'requestheader-group-headers', 'requestheader-username-headers', 'requestheader-uid-headers',
    'show-hidden-metrics-for-version', 'tls-cipher-suites', 'tls-min-version', 'tls-sni-cert-key', 'vmodule', 'write-config-to'),
};
