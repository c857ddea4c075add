import type { Counter, Metrics } from '@coxswain/service';
import { etcdVersion } from '../version.ts';
import type { CallCounter, CallMetrics } from './call-metrics.ts';
import { idText } from './cluster.ts';
import { defaults } from './config.ts';
import type { Member } from './member.ts';

/** Where the numbers come from. */
export interface MetricsSources {
  readonly member: Member;
  readonly calls: CallMetrics;
  watchStreams(): number;
  isLearner(): boolean;
}

interface Row {
  readonly kind: 'gauge' | 'counter';
  readonly help: string;
  /** Of the one series it has. */
  labels?(sources: MetricsSources): Readonly<Record<string, string>>;
  readonly labelNames?: readonly string[];
  value(sources: MetricsSources): number;
}

const gauge = (help: string, value: Row['value']): Row => ({ kind: 'gauge', help, value });
const counter = (help: string, value: Row['value']): Row => ({ kind: 'counter', help, value });
const info = (help: string, labelName: string, label: (sources: MetricsSources) => string): Row =>
  ({ kind: 'gauge', help, labelNames: [labelName], labels: (sources) => ({ [labelName]: label(sources) }), value: () => 1 });

/** Metrics whose numbers are asked for when somebody looks. Names and help are etcd's. */
const table: Readonly<Record<string, Row>> = {
  etcd_server_has_leader: gauge('Whether or not a leader exists. 1 is existence, 0 is not.', ({ member }) => (member.raft.leader === 0n ? 0 : 1)),
  etcd_server_is_leader: gauge('Whether or not this member is a leader. 1 if is, 0 otherwise.', ({ member }) => (member.isLeader ? 1 : 0)),
  etcd_server_is_learner: gauge('Whether or not this member is a learner. 1 if is, 0 otherwise.', (sources) => (sources.isLearner() ? 1 : 0)),
  etcd_server_leader_changes_seen_total: counter('The number of leader changes seen.', ({ member }) => member.counts.leaderChanges),
  etcd_server_proposals_committed_total: gauge('The total number of consensus proposals committed.', ({ member }) => member.raft.log.committed),
  etcd_server_proposals_applied_total: gauge('The total number of consensus proposals applied.', ({ member }) => member.applier.index),
  etcd_server_proposals_pending: gauge('The current number of pending proposals to commit.', ({ member }) => member.proposals.size),
  etcd_server_proposals_failed_total: counter('The total number of failed proposals seen.', ({ member }) => member.proposals.failed),
  etcd_server_quota_backend_bytes: gauge('Current backend storage quota size in bytes.', ({ member }) => member.config.quotaBackendBytes ?? defaults.quotaBackendBytes),
  etcd_server_id: info('Server or member ID in hexadecimal format. 1 for \'server_id\' label with current ID.', 'server_id', ({ member }) => idText(member.cluster.self.id)),
  etcd_server_version: info('Which version is running. 1 for \'server_version\' label with current version.', 'server_version', () => etcdVersion),
  etcd_cluster_version: info('Which version is running. 1 for \'cluster_version\' label with current cluster version', 'cluster_version', ({ member }) => member.applier.machine.versions.clusterVersion.split('.').slice(0, 2).join('.')),
  etcd_mvcc_db_total_size_in_bytes: gauge('Total size of the underlying database physically allocated in bytes.', ({ member }) => Math.max(member.applier.diskBytes, member.applier.machine.store.sizeBytes)),
  etcd_mvcc_db_total_size_in_use_in_bytes: gauge('Total size of the underlying database logically in use in bytes.', ({ member }) => member.applier.machine.store.sizeBytes),
  etcd_mvcc_put_total: counter('Total number of puts seen by this member.', ({ member }) => member.applier.counts.puts),
  etcd_mvcc_delete_total: counter('Total number of deletes seen by this member.', ({ member }) => member.applier.counts.deletes),
  etcd_mvcc_txn_total: counter('Total number of txns seen by this member.', ({ member }) => member.applier.counts.txns),
  etcd_mvcc_range_total: counter('Total number of ranges seen by this member.', ({ calls }) => calls.started('/etcdserverpb.KV/Range') + calls.started('/etcdserverpb.KV/RangeStream')),
  etcd_debugging_mvcc_current_revision: gauge('The current revision of store.', ({ member }) => member.applier.machine.store.revision),
  etcd_debugging_mvcc_compact_revision: gauge('The revision of the last compaction in store.', ({ member }) => member.applier.machine.store.compactRevision),
  etcd_debugging_mvcc_keys_total: gauge('Total number of keys.', ({ member }) => member.applier.machine.store.keyCount),
  etcd_debugging_mvcc_watcher_total: gauge('Total number of watchers.', ({ member }) => member.applier.hub.size),
  etcd_debugging_mvcc_watch_stream_total: gauge('Total number of watch streams.', (sources) => sources.watchStreams()),
  etcd_debugging_lease_granted_total: counter('The total number of granted leases.', ({ member }) => member.applier.counts.leasesGranted),
  etcd_debugging_lease_revoked_total: counter('The total number of revoked leases.', ({ member }) => member.applier.counts.leasesRevoked),
  etcd_debugging_auth_revision: gauge('The current revision of auth store.', ({ member }) => member.applier.machine.auth.revision),
  etcd_network_client_grpc_received_bytes_total: counter('The total number of bytes received from grpc clients.', ({ calls }) => calls.receivedBytes),
  etcd_network_client_grpc_sent_bytes_total: counter('The total number of bytes sent to grpc clients.', ({ calls }) => calls.sentBytes),
};

const callLabels = ['grpc_type', 'grpc_service', 'grpc_method'] as const;
const callCounters: Readonly<Record<CallCounter, { readonly help: string; readonly labelNames: readonly string[] }>> = {
  grpc_server_started_total: { help: 'Total number of RPCs started on the server.', labelNames: callLabels },
  grpc_server_msg_received_total: { help: 'Total number of RPC stream messages received on the server.', labelNames: callLabels },
  grpc_server_msg_sent_total: { help: 'Total number of gRPC stream messages sent by the server.', labelNames: callLabels },
  grpc_server_handled_total: { help: 'Total number of RPCs completed on the server, regardless of success or failure.', labelNames: [...callLabels, 'grpc_code'] },
};

/** Brings what counts by itself into the registry. A counter there only grows, so it is given the difference. */
export class ScrapedMetrics {
  readonly #metrics: Metrics;
  readonly #sources: MetricsSources;
  readonly #given = new Map<string, number>();
  #infos = new Map<string, string>();

  constructor(metrics: Metrics, sources: MetricsSources) {
    this.#metrics = metrics;
    this.#sources = sources;
  }

  async render(): Promise<string> {
    for (const [name, row] of Object.entries(table)) this.#row(name, row);
    for (const { name, labels, value } of this.#sources.calls.samples()) {
      const { help, labelNames } = callCounters[name];
      this.#grow(this.#metrics.counter(name, help, labelNames), name, labels, value);
    }
    return this.#metrics.render();
  }

  #row(name: string, row: Row): void {
    const value = row.value(this.#sources);
    const labels = row.labels?.(this.#sources) ?? {};
    if (row.kind === 'counter') {
      this.#grow(this.#metrics.counter(name, row.help, row.labelNames), name, labels, value);
      return;
    }
    const series = this.#metrics.gauge(name, row.help, row.labelNames);
    const before = this.#infos.get(name);
    const label = Object.values(labels)[0];
    // A version that has changed: the old series says 0, as in etcd.
    if (before !== undefined && label !== undefined && before !== label) series.set(0, { [Object.keys(labels)[0] as string]: before });
    if (label !== undefined) this.#infos.set(name, label);
    series.set(value, labels);
  }

  #grow(series: Counter, name: string, labels: Readonly<Record<string, string>>, value: number): void {
    const key = `${name} ${Object.values(labels).join(' ')}`;
    series.inc(labels, Math.max(value - (this.#given.get(key) ?? 0), 0));
    this.#given.set(key, value);
  }
}
