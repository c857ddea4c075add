import type { ClientTls, ServeOptions, ServerTls } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';
import type { JwtOptions } from '../auth/jwt-tokens.ts';
import type { CertificatePolicy } from './certificate-policy.ts';

/** One member. Times and sizes that are absent have etcd's defaults. */
export interface EtcdConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly clientListeners: readonly ServeOptions[];
  readonly peerListeners: readonly ServeOptions[];
  /** For everything of a client's but gRPC, which is then all that `clientListeners` serve. */
  readonly clientHttpListeners?: readonly ServeOptions[];
  /** Only /health, /metrics and /version. */
  readonly metricsListeners?: readonly ServeOptions[];
  /** What clients are told (`member list`). */
  readonly advertiseClientUrls: readonly string[];
  /** All members by name, this one included, with their peer URLs. */
  readonly initialCluster: Readonly<Record<string, readonly string[]>>;
  readonly initialClusterToken?: string;
  /** `existing`: joins a running cluster, to which it was added. Only asked where there is no data. Default: new. */
  readonly initialClusterState?: 'new' | 'existing';
  /** A cluster of this member alone, from its data. */
  readonly forceNewCluster?: boolean;
  /** Refuses changes of members that would lose the quorum. Default: true. */
  readonly strictReconfigCheck?: boolean;
  readonly maxLearners?: number;
  /** `lease`: without asking a quorum, on the word of clocks that run at most a tenth apart. Default: read-index. */
  readonly readMode?: 'read-index' | 'lease';
  /** This member's identity towards its peers. */
  readonly peerTls?: ClientTls;
  readonly clientPolicy?: CertificatePolicy;
  readonly peerPolicy?: CertificatePolicy;
  /** Default: below `dataDir`. */
  readonly walDir?: string;
  readonly heartbeatMs?: number;
  readonly electionMs?: number;
  /** Entries between two checkpoints of the state. */
  readonly snapshotCount?: number;
  /** Entries kept in memory behind a snapshot for members that are a little behind. */
  readonly snapshotCatchUpEntries?: number;
  readonly quotaBackendBytes?: number;
  readonly maxRequestBytes?: number;
  readonly maxTxnOps?: number;
  readonly segmentBytes?: number;
  /** Bytes of new keys and values after which a checkpoint is written, whatever `snapshotCount` says. */
  readonly checkpointBytes?: number;
  /** No file of the store is made larger than about this. */
  readonly maxStoreSegmentBytes?: number;
  /** Memory for values that are also on disk. */
  readonly valueCacheBytes?: number;
  /** Rest between two steps of defragmentation in the background. */
  readonly defragmentPauseMs?: number;
  readonly watchProgressNotifyMs?: number;
  readonly autoCompaction?: AutoCompaction;
  /** Default true: history that fills the quota goes, see `SpaceKeeper`. */
  readonly compactUnderPressure?: boolean;
  /** With less on the disk the cluster refuses writes, before the log has no space left. */
  readonly minDiskFreeBytes?: number;
  /** Between two comparisons of what the members hold; 0: none but those after compactions. */
  readonly corruptCheckMs?: number;
  /** Default true: members are compared after each compaction, looked for every `compactHashCheckMs`. */
  readonly compactHashCheck?: boolean;
  readonly compactHashCheckMs?: number;
  readonly initialCorruptCheck?: boolean;
  readonly metrics?: Metrics;
  /** How long calls take, too. */
  readonly extensiveMetrics?: boolean;
  /** The API as JSON under /v3/; default true. */
  readonly enableGrpcGateway?: boolean;
  readonly cors?: readonly string[];
  readonly hostWhitelist?: readonly string[];
  /** Absent: simple tokens of `defaults.authTokenTtlMs`. */
  readonly authToken?: AuthTokenConfig;
  readonly bcryptCost?: number;
  /** The common name of a client's verified certificate is its user. */
  readonly clientCertAuth?: boolean;
}

/** What may be replaced while a member runs. New connections use it. */
export interface TlsIdentity {
  readonly client?: ServerTls;
  readonly peer?: ServerTls;
  readonly peerClient?: ClientTls;
  readonly clientPolicy?: CertificatePolicy;
  readonly peerPolicy?: CertificatePolicy;
}

export type AuthTokenConfig = { readonly kind: 'simple'; readonly ttlMs: number } | ({ readonly kind: 'jwt' } & JwtOptions);

/** `periodic`: history older than `retentionMs` goes; `revision`: all but the newest `retention` revisions. */
export type AutoCompaction = { readonly mode: 'periodic'; readonly retentionMs: number } | { readonly mode: 'revision'; readonly retention: number };

export const defaults = {
  authTokenTtlMs: 300_000,
  bcryptCost: 10,
  token: 'etcd-cluster',
  maxLearners: 1,
  heartbeatMs: 100,
  electionMs: 1000,
  snapshotCount: 10_000,
  snapshotCatchUpEntries: 5000,
  quotaBackendBytes: 2 * 1024 * 1024 * 1024,
  maxRequestBytes: 1.5 * 1024 * 1024,
  maxTxnOps: 128,
  segmentBytes: 64 * 1024 * 1024,
  checkpointBytes: 20 * 1024 * 1024,
  valueCacheBytes: 16 * 1024 * 1024,
  defragmentPauseMs: 500,
  watchProgressNotifyMs: 10 * 60_000,
  corruptCheckMs: 3_600_000,
  compactHashCheckMs: 60_000,
  minDiskFreeBytes: 64 * 1024 * 1024,
} as const;
