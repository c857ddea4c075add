import type { FlagSet, FlagSpec } from '@coxswain/service';

const builtFlags: FlagSet = {
  kubeconfig: { kind: 'string', help: 'kubeconfig of this kubelet; written after a bootstrap', required: true },
  'bootstrap-kubeconfig': { kind: 'string', help: 'kubeconfig with a bootstrap token, used to get a client certificate' },
  'cert-dir': { kind: 'string', default: '/var/lib/kubelet/pki', help: 'directory of the certificates' },
  config: { kind: 'string', help: 'KubeletConfiguration file' },
  'hostname-override': { kind: 'string', help: 'name of the node instead of the host name' },
  'node-ip': { kind: 'string', help: 'address of the node; without it that of the default route' },
  'container-runtime-endpoint': { kind: 'string', default: 'unix:///run/containerd/containerd.sock', help: 'CRI socket' },
  'root-dir': { kind: 'string', default: '/var/lib/kubelet', help: 'directory of volumes and other state' },
  'register-node': { kind: 'bool', default: true, help: 'register the node with the API server' },
  'register-with-taints': { kind: 'strings', help: 'taints of a new node: key=value:effect' },
  'node-labels': { kind: 'map', help: 'labels of the node' },
  'pod-cidr': { kind: 'string', help: 'pod addresses of this node, instead of waiting for node.spec.podCIDR' },
  'network-plugin': { kind: 'string', default: 'cni', help: 'cni: whoever installs one; kubenet: routed pod network made by the kubelet' },
  'cni-conf-dir': { kind: 'string', default: '/etc/cni/net.d', help: 'where kubenet writes its configuration' },
  'cni-bin-dir': { kind: 'string', default: '/opt/cni/bin', help: 'where the CNI plugins are (the runtime has its own setting; checked at start)' },
  'non-masquerade-cidr': { kind: 'strings', help: 'kubenet: destinations that see the pod’s own address; all others see the node’s. Without it nothing is masqueraded' },
  'network-plugin-mtu': { kind: 'int', default: 0, min: 0, help: 'kubenet: MTU of the pods’ interfaces; 0: the kernel’s' },
  'cleanup-network': { kind: 'bool', help: 'take away kubenet’s routes, rules and configuration, then end' },
  address: { kind: 'string', default: '0.0.0.0', help: 'address of the server' },
  port: { kind: 'int', default: 10250, min: 0, max: 65535, help: 'port of the server' },
  'healthz-bind-address': { kind: 'string', default: '127.0.0.1', help: 'address of the health server' },
  'healthz-port': { kind: 'int', default: 10248, min: 0, max: 65535, help: 'port of the health server; 0: none' },
  'client-ca-file': { kind: 'string', help: 'authority of client certificates' },
  'anonymous-auth': { kind: 'bool', default: false, help: 'requests without credentials are system:anonymous' },
  'authorization-mode': { kind: 'string', default: 'Webhook', help: 'Webhook or AlwaysAllow' },
  'tls-cert-file': { kind: 'string', help: 'serving certificate' },
  'tls-private-key-file': { kind: 'string', help: 'its key' },
  'rotate-certificates': { kind: 'bool', default: false, help: 'renew the client certificate in time' },
  'rotate-server-certificates': { kind: 'bool', default: false, help: 'get the serving certificate by a signing request' },
  'cluster-dns': { kind: 'strings', help: 'addresses of the cluster DNS' },
  'cluster-domain': { kind: 'string', help: 'domain of the cluster' },
  'resolv-conf': { kind: 'string', default: '/etc/resolv.conf', help: 'the host’s resolver file' },
  'cgroup-root': { kind: 'string', default: '/', help: 'parent of the pods’ cgroups' },
  'allowed-unsafe-sysctls': { kind: 'strings', help: 'unsafe sysctls that pods may set: names, or beginnings that end in *' },
  'max-pods': { kind: 'int', default: 110, min: 1, help: 'how many pods the node takes' },
  'node-status-update-frequency': { kind: 'duration', default: 10_000, help: 'how often the node’s status is looked at' },
};

/** `--hollow`: many nodes without a runtime in one process. */
export const hollowFlags = {
  hollow: { kind: 'int', default: 0, min: 0, max: 50_000, help: 'so many nodes without a runtime, in this one process (docs/hollow-nodes.md)' },
  'hollow-capacity': { kind: 'map', help: 'hollow: quantities of each node, all allocatable: cpu=32,memory=256Gi,pods=110; default cpu=4,memory=32Gi,pods=110' },
  'hollow-zones': { kind: 'int', default: 0, min: 0, help: 'hollow: nodes are in zone-1 to zone-N in turn; 0: no zones' },
  'hollow-rules': { kind: 'string', help: 'hollow: YAML file that says how pods live, what sorts of nodes there are, and which nodes go silent when' },
  'hollow-seed': { kind: 'int', default: 1, min: 0, help: 'hollow: decides with a pod’s uid what the rules leave open' },
  'hollow-events': { kind: 'bool', default: false, help: 'hollow: also write the events of what goes well (Created, Started, Killing)' },
} as const satisfies FlagSet;

const unbuiltNames = `
application-metrics-count-limit authentication-token-webhook authentication-token-webhook-cache-ttl authorization-webhook-cache-authorized-ttl
authorization-webhook-cache-unauthorized-ttl boot-id-file cgroup-driver cgroups-per-qos cloud-config cloud-provider container-log-max-files container-log-max-size config-dir
contention-profiling cpu-cfs-quota cpu-cfs-quota-period cpu-manager-policy cpu-manager-policy-options cpu-manager-reconcile-period enable-controller-attach-detach
enable-debugging-handlers enable-load-reader enable-server enforce-node-allocatable event-burst event-qps event-storage-age-limit event-storage-event-limit eviction-hard
eviction-max-pod-grace-period eviction-minimum-reclaim eviction-pressure-transition-period eviction-soft eviction-soft-grace-period exit-on-lock-contention
experimental-allocatable-ignore-eviction experimental-mounter-path fail-cgroupv1 fail-swap-on feature-gates file-check-frequency global-housekeeping-interval hairpin-mode
housekeeping-interval http-check-frequency image-credential-provider-bin-dir image-credential-provider-config image-gc-high-threshold image-gc-low-threshold
image-service-endpoint keep-terminated-pod-volumes kernel-memcg-notification kube-api-burst kube-api-content-type kube-api-qps kube-reserved kube-reserved-cgroup kubelet-cgroups
local-storage-capacity-isolation lock-file log-flush-frequency log-json-info-buffer-size log-json-split-stream log-text-info-buffer-size log-text-split-stream logging-format
machine-id-file make-iptables-util-chains manifest-url manifest-url-header max-open-files maximum-dead-containers maximum-dead-containers-per-container memory-manager-policy
minimum-container-ttl-duration minimum-image-ttl-duration node-status-max-images oom-score-adj pod-infra-container-image pod-manifest-path pod-max-pids pods-per-core
protect-kernel-defaults provider-id qos-reserved read-only-port registry-burst registry-qps reserved-cpus reserved-memory runonce runtime-cgroups
runtime-request-timeout seccomp-default serialize-image-pulls storage-driver-buffer-duration storage-driver-db storage-driver-host storage-driver-password storage-driver-secure
storage-driver-table storage-driver-user streaming-connection-idle-timeout sync-frequency system-cgroups system-reserved system-reserved-cgroup tls-cipher-suites tls-min-version
topology-manager-policy topology-manager-policy-options topology-manager-scope vmodule volume-plugin-dir volume-stats-agg-period
`.trim().split(/\s+/);

export const kubeletFlags: FlagSet = {
  ...builtFlags,
  ...hollowFlags,
  ...Object.fromEntries(unbuiltNames.map((name): [string, FlagSpec] => [name, { kind: 'unbuilt', help: '' }])),
};
