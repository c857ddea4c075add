import type { FlagSet } from '@coxswain/service';

const unbuilt = (...names: readonly string[]): FlagSet => Object.fromEntries(names.map((name) => [name, { kind: 'unbuilt', help: '' }]));

/** kube-proxy's. */
export const flags: FlagSet = {
  config: { kind: 'string', help: 'file of a KubeProxyConfiguration; flags that it can say are then taken from it alone' },
  kubeconfig: { kind: 'string', help: 'file that says how to reach the API server; absent: as a pod' },
  master: { kind: 'string', help: 'URL of the API server, instead of the one in --kubeconfig' },
  'hostname-override': { kind: 'string', help: 'name of this node; absent: the host name' },
  'cluster-cidr': { kind: 'string', help: "range of the pods' addresses; traffic from elsewhere to service addresses is masqueraded" },
  'proxy-mode': { kind: 'string', help: 'iptables' },
  'detect-local-mode': { kind: 'string', help: 'ClusterCIDR' },
  'healthz-bind-address': { kind: 'string', default: '0.0.0.0:10256', help: 'address:port of /healthz, /livez, /readyz; empty is off' },
  'metrics-bind-address': { kind: 'string', default: '127.0.0.1:10249', help: 'address:port of /metrics; empty is off' },
  'masquerade-all': { kind: 'bool', help: 'masquerade all traffic to service addresses' },
  'iptables-masquerade-bit': { kind: 'int', default: 14, min: 0, max: 31, help: 'bit of the packet mark that asks for masquerading' },
  'iptables-localhost-nodeports': { kind: 'bool', default: true, help: 'node ports answer on 127.0.0.1' },
  'iptables-sync-period': { kind: 'duration', default: 30_000, help: 'how often is looked whether rules have been removed' },
  'iptables-min-sync-period': { kind: 'duration', default: 0, help: 'least time between two changes of the rules' },
  'nodeport-addresses': { kind: 'strings', help: 'ranges of local addresses that node ports answer on; absent: all' },
  'conntrack-max-per-core': { kind: 'int', default: 32_768, min: 0, help: 'size of the connection table a core; 0 leaves it' },
  'conntrack-min': { kind: 'int', default: 131_072, min: 0, help: 'least size of the connection table' },
  'conntrack-tcp-timeout-established': { kind: 'duration', default: 86_400_000, help: 'how long idle connections are kept; 0 leaves it' },
  'conntrack-tcp-timeout-close-wait': { kind: 'duration', default: 3_600_000, help: 'how long half-closed connections are kept; 0 leaves it' },
  'conntrack-tcp-be-liberal': { kind: 'bool', help: 'do not drop packets that connection tracking calls invalid' },
  cleanup: { kind: 'bool', help: 'remove all rules that the proxy made, and exit' },
  ...unbuilt(
    'bind-address', 'bind-address-hard-fail', 'config-sync-period', 'conntrack-udp-timeout', 'conntrack-udp-timeout-stream', 'feature-gates', 'init-only',
    'ipvs-exclude-cidrs', 'ipvs-min-sync-period', 'ipvs-scheduler', 'ipvs-strict-arp', 'ipvs-sync-period', 'ipvs-tcp-timeout', 'ipvs-tcpfin-timeout', 'ipvs-udp-timeout',
    'kube-api-burst', 'kube-api-content-type', 'kube-api-qps', 'log-flush-frequency', 'log-json-info-buffer-size', 'log-json-split-stream', 'log-text-info-buffer-size',
    'log-text-split-stream', 'logging-format', 'machine-id-file', 'boot-id-file', 'oom-score-adj', 'pod-bridge-interface', 'pod-interface-name-prefix', 'profiling',
    'proxy-port-range', 'show-hidden-metrics-for-version', 'vmodule', 'write-config-to'),
};
