import { stringify } from 'yaml';
import type { NodePaths } from './paths.ts';
import { dnsServiceAddress, type ClusterSettings, type NodeHost } from './settings.ts';

/** containerd's configuration for one node: everything of its own, so that nodes do not see each other's containers. */
export function containerdToml(paths: NodePaths, options: { readonly cniBinDir: string; readonly pauseImage: string; readonly canRaiseOomScore: boolean; readonly registryHosts: string | undefined }): string {
  const quoted = (text: string): string => JSON.stringify(text);
  return `version = 2
root = ${quoted(paths.containerdRoot)}
state = ${quoted(`${paths.containerdState}/containerd`)}
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = ${quoted(paths.containerdSocket)}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${quoted(options.pauseImage)}
  restrict_oom_score_adj = ${String(!options.canRaiseOomScore)}
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${quoted(options.cniBinDir)}
    conf_dir = ${quoted(paths.cniConf)}
    max_conf_num = 1
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
${options.registryHosts === undefined ? '' : `  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = ${quoted(options.registryHosts)}
`}`;
}

/** What differs from KubeletConfiguration's defaults. */
export function kubeletConfiguration(settings: ClusterSettings, node: NodeHost, paths: NodePaths): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration',
    address: node.address, port: 10250, healthzBindAddress: '127.0.0.1', healthzPort: 10248,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: `${paths.root}/ca.crt` } },
    authorization: { mode: 'Webhook' },
    clusterDNS: [dnsServiceAddress(settings)], clusterDomain: 'cluster.local', resolvConf: '/etc/resolv.conf',
    cgroupDriver: 'cgroupfs', cgroupRoot: `/coxswain/${node.name}`, cgroupsPerQOS: true,
    containerRuntimeEndpoint: `unix://${paths.containerdSocket}`,
    rotateCertificates: true, serverTLSBootstrap: true, podLogsDir: `${paths.root}/pod-logs`,
  });
}

/** What differs from KubeProxyConfiguration's defaults. */
export function kubeProxyConfiguration(settings: ClusterSettings, node: NodeHost, paths: NodePaths): string {
  return stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', mode: 'iptables',
    clientConnection: { kubeconfig: paths.kubeletKubeconfig }, clusterCIDR: settings.podCidr, hostnameOverride: node.name,
    healthzBindAddress: `${node.address}:10256`, metricsBindAddress: '127.0.0.1:10249',
    // Other users of the machine own its connection table; its size is theirs to set.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
}
