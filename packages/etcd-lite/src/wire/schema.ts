import type * as auth from '../auth/messages.ts';
import { authSchema } from '../auth/schema.ts';
import type * as concurrency from '../concurrency/messages.ts';
import etcd from '../../../../proto/etcd-v3.json' with { type: 'json' };
import { Schema, type Codec, type SchemaNode } from './codec.ts';
import type * as messages from './messages.ts';

/** Beside etcd's own messages: the content of a Raft entry. */
const internal: SchemaNode = {
  nested: {
    ...authSchema,
    InternalRequest: {
      oneofs: { request: { oneof: ['put', 'delete_range', 'txn', 'compaction', 'lease_grant', 'lease_revoke', 'alarm', 'publish', 'membership', 'auth', 'cluster_version_set', 'downgrade_set', 'lease_checkpoint'] } },
      fields: {
        ID: { type: 'uint64', id: 1 },
        put: { type: 'etcdserverpb.PutRequest', id: 2 },
        delete_range: { type: 'etcdserverpb.DeleteRangeRequest', id: 3 },
        txn: { type: 'etcdserverpb.TxnRequest', id: 4 },
        compaction: { type: 'etcdserverpb.CompactionRequest', id: 5 },
        lease_grant: { type: 'etcdserverpb.LeaseGrantRequest', id: 6 },
        lease_revoke: { type: 'etcdserverpb.LeaseRevokeRequest', id: 7 },
        alarm: { type: 'etcdserverpb.AlarmRequest', id: 8 },
        publish: { type: 'etcdserverpb.Member', id: 9 },
        membership: { type: 'Membership', id: 32 },
        auth: { type: 'AuthOperation', id: 16 },
        user: { type: 'string', id: 17 },
        auth_revision: { type: 'uint64', id: 18 },
        cluster_version_set: { type: 'ClusterVersionSet', id: 24 },
        downgrade_set: { type: 'etcdserverpb.DowngradeInfo', id: 25 },
        lease_checkpoint: { type: 'etcdserverpb.LeaseCheckpointRequest', id: 20 },
      },
    },
    SnapshotChunk: {
      fields: {
        head: { type: 'SnapshotHead', id: 1 },
        leases: { type: 'etcdserverpb.LeaseGrantRequest', id: 2, rule: 'repeated' },
        alarms: { type: 'etcdserverpb.AlarmMember', id: 3, rule: 'repeated' },
        kvs: { type: 'mvccpb.KeyValue', id: 4, rule: 'repeated' },
        records: { type: 'SnapshotRecord', id: 5, rule: 'repeated' },
        members: { type: 'etcdserverpb.Member', id: 6, rule: 'repeated' },
        membership: { type: 'Membership', id: 32 },
        auth: { type: 'bytes', id: 16 },
        versions: { type: 'ClusterVersions', id: 24 },
        lease_remaining: { type: 'etcdserverpb.LeaseCheckpoint', id: 20, rule: 'repeated' },
      },
    },
    ClusterVersionSet: { fields: { version: { type: 'string', id: 1 } } },
    ClusterVersions: { fields: { cluster_version: { type: 'string', id: 1 }, downgrade: { type: 'etcdserverpb.DowngradeInfo', id: 2 } } },
    Membership: { fields: { members: { type: 'MembershipMember', id: 1, rule: 'repeated' }, removed: { type: 'RemovedMember', id: 2, rule: 'repeated' } } },
    MembershipMember: {
      fields: {
        ID: { type: 'uint64', id: 1 }, name: { type: 'string', id: 2 }, peerURLs: { type: 'string', id: 3, rule: 'repeated' }, isLearner: { type: 'bool', id: 4 },
        staging: { type: 'bool', id: 5 },
      },
    },
    RemovedMember: { fields: { ID: { type: 'uint64', id: 1 } } },
    /** Names the files of the store; see storage/manifest.ts. */
    StoreManifest: {
      fields: {
        index: { type: 'uint64', id: 1 }, term: { type: 'uint64', id: 2 }, revision: { type: 'int64', id: 3 }, compact_revision: { type: 'int64', id: 4 },
        state: { type: 'bytes', id: 5 }, segments: { type: 'StoreSegment', id: 6, rule: 'repeated' },
      },
    },
    StoreSegment: {
      fields: {
        id: { type: 'uint64', id: 1 }, size_bytes: { type: 'uint64', id: 2 }, index_offset: { type: 'uint64', id: 3 }, index_crc: { type: 'uint32', id: 4 },
        count: { type: 'uint32', id: 5 }, live: { type: 'bytes', id: 6 },
      },
    },
    SnapshotHead: { fields: { revision: { type: 'int64', id: 1 }, compact_revision: { type: 'int64', id: 2 } } },
    SnapshotRecord: { fields: { revision: { type: 'int64', id: 1 }, kvs: { type: 'mvccpb.KeyValue', id: 2, rule: 'repeated' } } },
    /** A Raft message between members, all kinds in one; see `peer-codec.ts`. */
    PeerMessage: {
      fields: {
        type: { type: 'uint32', id: 1 }, from: { type: 'uint64', id: 2 }, to: { type: 'uint64', id: 3 }, term: { type: 'uint64', id: 4 },
        index: { type: 'uint64', id: 5 }, log_term: { type: 'uint64', id: 6 }, commit: { type: 'uint64', id: 7 }, flag: { type: 'bool', id: 8 },
        hint_index: { type: 'uint64', id: 9 }, hint_term: { type: 'uint64', id: 10 }, context: { type: 'uint64', id: 11 },
        entries: { type: 'PeerEntry', id: 12, rule: 'repeated' }, proposals: { type: 'bytes', id: 13, rule: 'repeated' }, conf: { type: 'bytes', id: 14 },
      },
    },
    PeerEntry: { fields: { index: { type: 'uint64', id: 1 }, term: { type: 'uint64', id: 2 }, data: { type: 'bytes', id: 3 } } },
  },
};

const schema = new Schema({ nested: { ...(etcd as SchemaNode).nested, coxswain: internal } });

function api<T extends object>(name: string): Codec<T> {
  return schema.codec<T>(`etcdserverpb.${name}`);
}

type Empty = Record<never, never>;

/** A part of the replicated state; see machine/snapshot.ts. */
export interface SnapshotChunk {
  readonly head?: { readonly revision: number; readonly compactRevision: number } | undefined;
  readonly leases: readonly messages.LeaseGrantRequest[];
  /** Of leases that have lost a part of their time. */
  readonly leaseRemaining?: messages.LeaseCheckpointRequest['checkpoints'];
  readonly alarms: readonly messages.AlarmMember[];
  readonly members: readonly messages.MemberMessage[];
  readonly membership?: messages.MembershipMessage | undefined;
  readonly versions?: messages.ClusterVersionsMessage | undefined;
  readonly kvs: readonly messages.KeyValue[];
  readonly records: readonly { readonly revision: number; readonly kvs: readonly messages.KeyValue[] }[];
  /** See auth/snapshot.ts. */
  readonly auth?: Uint8Array;
}

/** A state of the store as files. `live`: which values of the segment are part of it, a bit each; empty: all. */
export interface StoreManifest {
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly compactRevision: number;
  /** What is not keys and values, a SnapshotChunk. */
  readonly state: Uint8Array;
  readonly segments: readonly StoreSegment[];
}

export interface StoreSegment {
  readonly id: number;
  readonly sizeBytes: number;
  readonly indexOffset: number;
  readonly indexCrc: number;
  readonly count: number;
  readonly live: Uint8Array;
}

export interface PeerMessage {
  readonly type: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly term: number;
  readonly index?: number;
  readonly logTerm?: number;
  readonly commit?: number;
  readonly flag?: boolean;
  readonly hintIndex?: number;
  readonly hintTerm?: number;
  readonly context?: number;
  readonly entries?: readonly { readonly index: number; readonly term: number; readonly data: Uint8Array }[];
  readonly proposals?: readonly Uint8Array[];
  readonly conf?: Uint8Array;
}

export const snapshotChunk: Codec<SnapshotChunk> = schema.codec<SnapshotChunk>('coxswain.SnapshotChunk');
export const storeManifest: Codec<StoreManifest> = schema.codec<StoreManifest>('coxswain.StoreManifest');
export const peerMessage: Codec<PeerMessage> = schema.codec<PeerMessage>('coxswain.PeerMessage');

export const authSnapshot: Codec<auth.AuthSnapshot> = schema.codec<auth.AuthSnapshot>('coxswain.AuthSnapshot');

export const codecs = {
  rangeRequest: api<messages.RangeRequest>('RangeRequest'),
  rangeResponse: api<messages.RangeResponse>('RangeResponse'),
  putRequest: api<messages.PutRequest>('PutRequest'),
  putResponse: api<messages.PutResponse>('PutResponse'),
  deleteRangeRequest: api<messages.DeleteRangeRequest>('DeleteRangeRequest'),
  deleteRangeResponse: api<messages.DeleteRangeResponse>('DeleteRangeResponse'),
  txnRequest: api<messages.TxnRequest>('TxnRequest'),
  txnResponse: api<messages.TxnResponse>('TxnResponse'),
  compactionRequest: api<messages.CompactionRequest>('CompactionRequest'),
  compactionResponse: api<messages.HeaderResponse>('CompactionResponse'),
  watchRequest: api<messages.WatchRequest>('WatchRequest'),
  watchResponse: api<messages.WatchResponse>('WatchResponse'),
  leaseGrantRequest: api<messages.LeaseGrantRequest>('LeaseGrantRequest'),
  leaseGrantResponse: api<messages.LeaseGrantResponse>('LeaseGrantResponse'),
  leaseRevokeRequest: api<messages.LeaseRevokeRequest>('LeaseRevokeRequest'),
  leaseRevokeResponse: api<messages.HeaderResponse>('LeaseRevokeResponse'),
  leaseKeepAliveRequest: api<messages.LeaseKeepAliveRequest>('LeaseKeepAliveRequest'),
  leaseKeepAliveResponse: api<messages.LeaseKeepAliveResponse>('LeaseKeepAliveResponse'),
  leaseTimeToLiveRequest: api<messages.LeaseTimeToLiveRequest>('LeaseTimeToLiveRequest'),
  leaseTimeToLiveResponse: api<messages.LeaseTimeToLiveResponse>('LeaseTimeToLiveResponse'),
  leaseLeasesRequest: api<Empty>('LeaseLeasesRequest'),
  leaseLeasesResponse: api<messages.LeaseLeasesResponse>('LeaseLeasesResponse'),
  memberListRequest: api<{ readonly linearizable: boolean }>('MemberListRequest'),
  memberListResponse: api<messages.MemberListResponse>('MemberListResponse'),
  memberAddRequest: api<messages.MemberAddRequest>('MemberAddRequest'),
  memberAddResponse: api<messages.MemberAddResponse>('MemberAddResponse'),
  memberRemoveRequest: api<messages.MemberIdRequest>('MemberRemoveRequest'),
  memberRemoveResponse: api<messages.MemberListResponse>('MemberRemoveResponse'),
  memberUpdateRequest: api<messages.MemberUpdateRequest>('MemberUpdateRequest'),
  memberUpdateResponse: api<messages.MemberListResponse>('MemberUpdateResponse'),
  memberPromoteRequest: api<messages.MemberIdRequest>('MemberPromoteRequest'),
  memberPromoteResponse: api<messages.MemberListResponse>('MemberPromoteResponse'),
  statusRequest: api<Empty>('StatusRequest'),
  statusResponse: api<messages.StatusResponse>('StatusResponse'),
  alarmRequest: api<messages.AlarmRequest>('AlarmRequest'),
  alarmResponse: api<messages.AlarmResponse>('AlarmResponse'),
  defragmentRequest: api<Empty>('DefragmentRequest'),
  defragmentResponse: api<messages.HeaderResponse>('DefragmentResponse'),
  hashRequest: api<Empty>('HashRequest'),
  hashResponse: api<messages.HashResponse>('HashResponse'),
  hashKvRequest: api<{ readonly revision: number }>('HashKVRequest'),
  hashKvResponse: api<messages.HashKvResponse>('HashKVResponse'),
  emptyRequest: api<Empty>('AuthEnableRequest'),
  headerResponse: api<messages.HeaderResponse>('AuthEnableResponse'),
  authStatusResponse: api<auth.AuthStatusResponse>('AuthStatusResponse'),
  authenticateRequest: api<auth.AuthenticateRequest>('AuthenticateRequest'),
  authenticateResponse: api<auth.AuthenticateResponse>('AuthenticateResponse'),
  userAddRequest: api<auth.UserAddRequest>('AuthUserAddRequest'),
  userGetResponse: api<auth.RolesResponse>('AuthUserGetResponse'),
  userListResponse: api<auth.UsersResponse>('AuthUserListResponse'),
  userChangePasswordRequest: api<auth.UserChangePasswordRequest>('AuthUserChangePasswordRequest'),
  userGrantRoleRequest: api<auth.UserGrantRoleRequest>('AuthUserGrantRoleRequest'),
  userRevokeRoleRequest: api<auth.UserRevokeRoleRequest>('AuthUserRevokeRoleRequest'),
  nameRequest: api<auth.NameRequest>('AuthUserGetRequest'),
  roleRequest: api<auth.RoleRequest>('AuthRoleGetRequest'),
  roleGetResponse: api<auth.RoleGetResponse>('AuthRoleGetResponse'),
  roleListResponse: api<auth.RolesResponse>('AuthRoleListResponse'),
  roleGrantPermissionRequest: api<auth.RoleGrantPermissionRequest>('AuthRoleGrantPermissionRequest'),
  roleRevokePermissionRequest: api<auth.RoleRevokePermissionRequest>('AuthRoleRevokePermissionRequest'),
  lockRequest: schema.codec<concurrency.LockRequest>('v3lockpb.LockRequest'),
  lockResponse: schema.codec<concurrency.LockResponse>('v3lockpb.LockResponse'),
  unlockRequest: schema.codec<concurrency.UnlockRequest>('v3lockpb.UnlockRequest'),
  unlockResponse: schema.codec<messages.HeaderResponse>('v3lockpb.UnlockResponse'),
  campaignRequest: schema.codec<concurrency.CampaignRequest>('v3electionpb.CampaignRequest'),
  campaignResponse: schema.codec<concurrency.CampaignResponse>('v3electionpb.CampaignResponse'),
  proclaimRequest: schema.codec<concurrency.ProclaimRequest>('v3electionpb.ProclaimRequest'),
  proclaimResponse: schema.codec<messages.HeaderResponse>('v3electionpb.ProclaimResponse'),
  leaderRequest: schema.codec<concurrency.LeaderRequest>('v3electionpb.LeaderRequest'),
  leaderResponse: schema.codec<concurrency.LeaderResponse>('v3electionpb.LeaderResponse'),
  resignRequest: schema.codec<concurrency.ResignRequest>('v3electionpb.ResignRequest'),
  resignResponse: schema.codec<messages.HeaderResponse>('v3electionpb.ResignResponse'),
  moveLeaderRequest: api<messages.MoveLeaderRequest>('MoveLeaderRequest'),
  moveLeaderResponse: api<messages.HeaderResponse>('MoveLeaderResponse'),
  downgradeRequest: api<messages.DowngradeRequest>('DowngradeRequest'),
  downgradeResponse: api<messages.DowngradeResponse>('DowngradeResponse'),
  snapshotRequest: api<Empty>('SnapshotRequest'),
  snapshotResponse: api<messages.SnapshotResponse>('SnapshotResponse'),
  rangeStreamResponse: api<messages.RangeStreamResponse>('RangeStreamResponse'),
  keyValue: schema.codec<messages.KeyValue>('mvccpb.KeyValue'),
  event: schema.codec<messages.EventMessage>('mvccpb.Event'),
  internalRequest: schema.codec<messages.InternalRequest>('coxswain.InternalRequest'),
} as const;
