import type { Counter, Gauge, Histogram, Metrics } from '@coxswain/service';
import type { MvccStore } from '../mvcc/store.ts';

const fsyncBuckets = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192];

/** etcd's metrics, by its names. */
export class MemberMetrics {
  readonly #hasLeader: Gauge;
  readonly #isLeader: Gauge;
  readonly #leaderChanges: Counter;
  readonly #fsync: Histogram;
  readonly #committed: Gauge;
  readonly #applied: Gauge;
  readonly #pending: Gauge;
  readonly #size: Gauge;
  readonly #revision: Gauge;

  constructor(metrics: Metrics) {
    this.#hasLeader = metrics.gauge('etcd_server_has_leader', 'Whether or not a leader exists. 1 is existence, 0 is not.');
    this.#isLeader = metrics.gauge('etcd_server_is_leader', 'Whether or not this member is a leader. 1 if is, 0 otherwise.');
    this.#leaderChanges = metrics.counter('etcd_server_leader_changes_seen_total', 'The number of leader changes seen.');
    this.#fsync = metrics.histogram('etcd_disk_wal_fsync_duration_seconds', 'The latency distributions of fsync called by WAL.', fsyncBuckets);
    this.#committed = metrics.gauge('etcd_server_proposals_committed_total', 'The total number of consensus proposals committed.');
    this.#applied = metrics.gauge('etcd_server_proposals_applied_total', 'The total number of consensus proposals applied.');
    this.#pending = metrics.gauge('etcd_server_proposals_pending', 'The current number of pending proposals to commit.');
    this.#size = metrics.gauge('etcd_mvcc_db_total_size_in_bytes', 'Total size of the underlying database physically allocated in bytes.');
    this.#revision = metrics.gauge('etcd_debugging_mvcc_current_revision', 'The current revision of store.');
  }

  leaderChanged(hasLeader: boolean, isLeader: boolean): void {
    this.#hasLeader.set(hasLeader ? 1 : 0);
    this.#isLeader.set(isLeader ? 1 : 0);
    if (hasLeader) this.#leaderChanges.inc();
  }

  persisted(durationMs: number): void {
    this.#fsync.observe(durationMs / 1000);
  }

  applied(index: number, committed: number, pending: number, store: MvccStore): void {
    this.#applied.set(index);
    this.#committed.set(committed);
    this.#pending.set(pending);
    this.#size.set(store.sizeBytes);
    this.#revision.set(store.revision);
  }
}
