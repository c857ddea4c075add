/** The messages of etcd's v3 API as `Codec` gives them; names are those of proto/etcd-v3.json in camelCase. */
import type { AuthOperation } from '../auth/messages.ts';
import type { KeyValue } from '../client/types.ts';

export type { KeyValue };

export interface ResponseHeader {
  clusterId: bigint;
  memberId: bigint;
  revision: number;
  raftTerm: number;
}

export const sortOrder = { none: 0, ascend: 1, descend: 2 } as const;
export const sortTarget = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const;

export interface RangeRequest {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly limit: number;
  readonly revision: number;
  readonly sortOrder: number;
  readonly sortTarget: number;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

export interface RangeResponse {
  header?: ResponseHeader | undefined;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: bigint;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface PutResponse {
  header?: ResponseHeader | undefined;
  readonly prevKv?: KeyValue | undefined;
}

export interface DeleteRangeRequest {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly prevKv: boolean;
}

export interface DeleteRangeResponse {
  header?: ResponseHeader | undefined;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

/** Exactly one is set; none is an empty operation, which etcd skips. */
export interface RequestOp {
  readonly requestRange?: RangeRequest | undefined;
  readonly requestPut?: PutRequest | undefined;
  readonly requestDeleteRange?: DeleteRangeRequest | undefined;
  readonly requestTxn?: TxnRequest | undefined;
}

export interface ResponseOp {
  readonly responseRange?: RangeResponse | undefined;
  readonly responsePut?: PutResponse | undefined;
  readonly responseDeleteRange?: DeleteRangeResponse | undefined;
  readonly responseTxn?: TxnResponse | undefined;
}

export const compareResult = { equal: 0, greater: 1, less: 2, notEqual: 3 } as const;
export const compareTarget = { version: 0, create: 1, mod: 2, value: 3, lease: 4 } as const;

export interface CompareMessage {
  readonly result: number;
  readonly target: number;
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly version?: number | undefined;
  readonly createRevision?: number | undefined;
  readonly modRevision?: number | undefined;
  readonly value?: Uint8Array | undefined;
  readonly lease?: bigint | undefined;
}

export interface TxnRequest {
  readonly compare: readonly CompareMessage[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  header?: ResponseHeader | undefined;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface CompactionRequest {
  readonly revision: number;
  readonly physical: boolean;
}

/** Responses that carry nothing but the header. */
export interface HeaderResponse {
  header?: ResponseHeader | undefined;
}

export const eventType = { put: 0, delete: 1 } as const;

export interface EventMessage {
  readonly type: number;
  readonly kv: KeyValue;
  readonly prevKv?: KeyValue | undefined;
}

export interface WatchCreateRequest {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly startRevision: number;
  readonly progressNotify: boolean;
  readonly filters: readonly number[];
  readonly prevKv: boolean;
  readonly watchId: number;
  readonly fragment: boolean;
}

export interface WatchRequest {
  readonly createRequest?: WatchCreateRequest | undefined;
  readonly cancelRequest?: { readonly watchId: number } | undefined;
  readonly progressRequest?: object | undefined;
}

export interface WatchResponse {
  header?: ResponseHeader | undefined;
  readonly watchId: number;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compactRevision?: number;
  readonly cancelReason?: string;
  readonly fragment?: boolean;
  readonly events: readonly EventMessage[];
}

export interface LeaseGrantRequest {
  readonly TTL: number;
  readonly ID: bigint;
}

export interface LeaseGrantResponse {
  header?: ResponseHeader | undefined;
  readonly ID: bigint;
  readonly TTL: number;
  readonly error: string;
}

export interface LeaseCheckpointRequest {
  readonly checkpoints: readonly { readonly ID: bigint; readonly remainingTTL: number }[];
}

export interface LeaseRevokeRequest {
  readonly ID: bigint;
}

export interface LeaseKeepAliveRequest {
  readonly ID: bigint;
}

export interface LeaseKeepAliveResponse {
  header?: ResponseHeader | undefined;
  readonly ID: bigint;
  readonly TTL: number;
}

export interface LeaseTimeToLiveRequest {
  readonly ID: bigint;
  readonly keys: boolean;
}

export interface LeaseTimeToLiveResponse {
  header?: ResponseHeader | undefined;
  readonly ID: bigint;
  readonly TTL: number;
  readonly grantedTTL: number;
  readonly keys: readonly Uint8Array[];
}

export interface LeaseLeasesResponse {
  header?: ResponseHeader | undefined;
  readonly leases: readonly { readonly ID: bigint }[];
}

export interface MemberMessage {
  readonly ID: bigint;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly isLearner: boolean;
}

export interface MemberListResponse {
  header?: ResponseHeader | undefined;
  readonly members: readonly MemberMessage[];
}

export interface StatusResponse {
  header?: ResponseHeader | undefined;
  readonly version: string;
  readonly dbSize: number;
  readonly leader: bigint;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly errors: readonly string[];
  readonly dbSizeInUse: number;
  readonly isLearner: boolean;
  readonly storageVersion?: string;
  readonly dbSizeQuota?: number;
  readonly downgradeInfo?: DowngradeInfo | undefined;
}

export const alarmAction = { get: 0, activate: 1, deactivate: 2 } as const;
export const alarmType = { none: 0, noSpace: 1, corrupt: 2 } as const;

export interface AlarmRequest {
  readonly action: number;
  readonly memberID: bigint;
  readonly alarm: number;
}

export interface AlarmMember {
  readonly memberID: bigint;
  readonly alarm: number;
}

export interface AlarmResponse {
  header?: ResponseHeader | undefined;
  readonly alarms: readonly AlarmMember[];
}

export interface HashResponse {
  header?: ResponseHeader | undefined;
  readonly hash: number;
}

export interface HashKvResponse {
  header?: ResponseHeader | undefined;
  readonly hash: number;
  readonly compactRevision: number;
  readonly hashRevision: number;
}

export interface MoveLeaderRequest {
  readonly targetID: bigint;
}

export const downgradeAction = { validate: 0, enable: 1, cancel: 2 } as const;

export interface DowngradeRequest {
  readonly action: number;
  readonly version: string;
}

export interface DowngradeResponse {
  header?: ResponseHeader | undefined;
  readonly version: string;
}

export interface SnapshotResponse {
  readonly remainingBytes: number;
  readonly blob: Uint8Array;
  readonly version: string;
}

export interface RangeStreamResponse {
  readonly rangeResponse: RangeResponse;
}

export interface DowngradeInfo {
  readonly enabled: boolean;
  readonly targetVersion: string;
}

/** What the cluster has agreed on about versions. `clusterVersion` is empty until the first leader has decided. */
export interface ClusterVersionsMessage {
  readonly clusterVersion: string;
  readonly downgrade: DowngradeInfo;
}

export interface MembershipMessage {
  readonly members: readonly { readonly ID: bigint; readonly name: string; readonly peerURLs: readonly string[]; readonly isLearner: boolean; readonly staging: boolean }[];
  readonly removed: readonly { readonly ID: bigint }[];
}

export interface MemberAddRequest {
  readonly peerURLs: readonly string[];
  readonly isLearner: boolean;
}

export interface MemberAddResponse {
  header?: ResponseHeader | undefined;
  readonly member: MemberMessage;
  readonly members: readonly MemberMessage[];
}

export interface MemberUpdateRequest {
  readonly ID: bigint;
  readonly peerURLs: readonly string[];
}

export interface MemberIdRequest {
  readonly ID: bigint;
}

/** One replicated change. Ours, not on any client's wire: what a Raft entry carries. Exactly one operation is set. */
export interface InternalRequest {
  /** Chosen by the proposing member, so that it recognises its own; see `RequestIds`. */
  readonly ID: bigint;
  readonly put?: PutRequest | undefined;
  readonly deleteRange?: DeleteRangeRequest | undefined;
  readonly txn?: TxnRequest | undefined;
  readonly compaction?: CompactionRequest | undefined;
  readonly leaseGrant?: LeaseGrantRequest | undefined;
  readonly leaseRevoke?: LeaseRevokeRequest | undefined;
  readonly alarm?: AlarmRequest | undefined;
  readonly leaseCheckpoint?: LeaseCheckpointRequest | undefined;
  /** A member tells the others its name and client addresses. */
  readonly publish?: MemberMessage | undefined;
  /** The whole new list of members: rides on a change of Raft's configuration, see raft/conf.ts. */
  readonly membership?: MembershipMessage | undefined;
  readonly auth?: AuthOperation | undefined;
  /** Who asked for it and the auth revision at which that was found out; absent if authentication was off. */
  readonly user?: string;
  readonly authRevision?: number;
  readonly clusterVersionSet?: { readonly version: string } | undefined;
  readonly downgradeSet?: DowngradeInfo | undefined;
}
