/** Where a cluster keeps things below its data directory. */
export interface DataPaths {
  readonly root: string;
  readonly pki: string;
  readonly logs: string;
  readonly run: string;
  readonly images: string;
  readonly adminKubeconfig: string;
  readonly settings: string;
  etcd(index: number): string;
  node(name: string): NodePaths;
}

export interface NodePaths {
  readonly root: string;
  readonly containerdConfig: string;
  readonly containerdRoot: string;
  /** Sockets have short paths (108 bytes), so the state is under /run. */
  readonly containerdState: string;
  readonly containerdSocket: string;
  readonly cniConf: string;
  readonly kubelet: string;
  readonly kubeletConfig: string;
  readonly kubeletKubeconfig: string;
  readonly bootstrapKubeconfig: string;
  readonly proxyConfig: string;
}

export function dataPaths(root: string): DataPaths {
  return {
    root, pki: `${root}/pki`, logs: `${root}/logs`, run: `${root}/run`, images: `${root}/images`,
    adminKubeconfig: `${root}/admin.kubeconfig`, settings: `${root}/cluster.json`,
    etcd: (index) => `${root}/etcd-${index}`,
    node: (name) => nodePaths(`${root}/nodes/${name}`, `/run/coxswain/${name}`),
  };
}

function nodePaths(root: string, state: string): NodePaths {
  return {
    root,
    containerdConfig: `${root}/containerd.toml`, containerdRoot: `${root}/containerd`, containerdState: state, containerdSocket: `${state}/containerd.sock`,
    cniConf: `${root}/cni`, kubelet: `${root}/kubelet`, kubeletConfig: `${root}/kubelet.yaml`, kubeletKubeconfig: `${root}/kubelet.kubeconfig`,
    bootstrapKubeconfig: `${root}/bootstrap.kubeconfig`, proxyConfig: `${root}/kube-proxy.yaml`,
  };
}
