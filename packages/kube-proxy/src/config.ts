/** What the proxy needs to know; defaults are kube-proxy's, except minSyncPeriodMs (see README). */
export interface ProxyConfig {
  readonly nodeName: string;
  /** Pods' addresses, one range a family; '' if not known. */
  readonly clusterCidr: string;
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  readonly localhostNodePorts: boolean;
  /** Ranges of local addresses that node ports answer on; empty: all. */
  readonly nodePortAddresses: readonly string[];
  readonly tcpBeLiberal: boolean;
  /** How often is looked whether somebody has flushed our rules. */
  readonly syncPeriodMs: number;
  /** Least time between two syncs. */
  readonly minSyncPeriodMs: number;
  readonly sysctls: Readonly<Record<string, string>>;
}

export const defaultProxyConfig: Omit<ProxyConfig, 'nodeName'> = {
  clusterCidr: '', masqueradeAll: false, masqueradeBit: 14, localhostNodePorts: true, nodePortAddresses: [], tcpBeLiberal: false,
  syncPeriodMs: 30_000, minSyncPeriodMs: 0, sysctls: {},
};
