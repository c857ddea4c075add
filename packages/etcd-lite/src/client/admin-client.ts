import { AsyncQueue, type ClientTls, type Host } from '@coxswain/host';
import type { Codec } from '../wire/codec.ts';
import { alarmAction, alarmType, type MemberMessage } from '../wire/messages.ts';
import { grpcMessage } from '../wire/grpc.ts';
import { codecs } from '../wire/schema.ts';
import { Channel } from './channel.ts';
import { EtcdError, grpcCode } from './errors.ts';
import type { Member } from './types.ts';

export interface ServerStatus {
  readonly memberId: bigint;
  readonly version: string;
  readonly revision: number;
  /** 0n: none. */
  readonly leader: bigint;
  readonly raftTerm: number;
  readonly raftIndex: number;
  readonly raftAppliedIndex: number;
  /** Bytes on disk, and of them in use. */
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  /** 0: not told (before etcd 3.6). */
  readonly dbSizeQuota: number;
  readonly isLearner: boolean;
  readonly errors: readonly string[];
}

export interface HashKv {
  readonly hash: number;
  readonly compactRevision: number;
  /** 0: not told (before etcd 3.6). */
  readonly hashRevision: number;
}

/** What an operator asks one member, of any etcd. Every failure is an EtcdError. */
export interface EtcdAdmin {
  status(): Promise<ServerStatus>;
  memberList(): Promise<readonly Member[]>;
  memberAdd(peerUrls: readonly string[], isLearner: boolean): Promise<Member>;
  memberRemove(id: bigint): Promise<void>;
  memberUpdate(id: bigint, peerUrls: readonly string[]): Promise<void>;
  memberPromote(id: bigint): Promise<void>;
  hashKv(revision: number): Promise<HashKv>;
  alarms(): Promise<readonly { readonly memberId: bigint; readonly alarm: 'NOSPACE' | 'CORRUPT' }[]>;
  defragment(): Promise<void>;
  moveLeader(to: bigint): Promise<void>;
  /** The whole store as its files are, to be kept whole; ends with `signal` or throws. */
  snapshot(signal: AbortSignal): AsyncIterable<{ readonly blob: Uint8Array; readonly remainingBytes: number }>;
  /** A linearizable read: resolves when this member has heard that its leader still leads. */
  confirmLeader(): Promise<void>;
  close(): void;
}

export interface EtcdAdminOptions {
  readonly endpoint: string;
  readonly tls?: ClientTls;
  readonly requestTimeoutMs?: number;
}

const alarmNames: Readonly<Record<number, 'NOSPACE' | 'CORRUPT'>> = { [alarmType.noSpace]: 'NOSPACE', [alarmType.corrupt]: 'CORRUPT' };

function memberOf(message: MemberMessage): Member {
  return { id: message.ID, name: message.name, peerUrls: message.peerURLs, clientUrls: message.clientURLs, isLearner: message.isLearner };
}

export function createEtcdAdmin(host: Host, options: EtcdAdminOptions): EtcdAdmin {
  const channel = new Channel(host, { endpoints: [options.endpoint.replace(/\/+$/, '')], requestTimeoutMs: options.requestTimeoutMs ?? 5000, ...(options.tls === undefined ? {} : { tls: options.tls }) });
  const call = async <Q extends object, R extends object>(path: string, request: Codec<Q>, response: Codec<R>, value: Q, repeatable = false): Promise<R> =>
    response.decode(await channel.unary(`/etcdserverpb.${path}`, grpcMessage(request, value), repeatable));
  return {
    status: async () => {
      const { header, version, leader, raftTerm, raftIndex, raftAppliedIndex, dbSize, dbSizeInUse, dbSizeQuota, isLearner, errors } = await call('Maintenance/Status', codecs.statusRequest, codecs.statusResponse, {}, true);
      return {
        memberId: header?.memberId ?? 0n, revision: header?.revision ?? 0, version, leader, raftTerm, raftIndex, raftAppliedIndex, dbSize, dbSizeInUse, dbSizeQuota: dbSizeQuota ?? 0, isLearner, errors,
      };
    },
    memberList: async () => (await call('Cluster/MemberList', codecs.memberListRequest, codecs.memberListResponse, { linearizable: false }, true)).members.map(memberOf),
    memberAdd: async (peerURLs, isLearner) => {
      const { member } = await call('Cluster/MemberAdd', codecs.memberAddRequest, codecs.memberAddResponse, { peerURLs, isLearner });
      if (member === undefined) throw new EtcdError(grpcCode.internal, 'the answer names no member');
      return memberOf(member);
    },
    memberRemove: async (ID) => { await call('Cluster/MemberRemove', codecs.memberRemoveRequest, codecs.memberRemoveResponse, { ID }); },
    memberUpdate: async (ID, peerURLs) => { await call('Cluster/MemberUpdate', codecs.memberUpdateRequest, codecs.memberUpdateResponse, { ID, peerURLs }); },
    memberPromote: async (ID) => { await call('Cluster/MemberPromote', codecs.memberPromoteRequest, codecs.memberPromoteResponse, { ID }); },
    hashKv: async (revision) => {
      const { hash, compactRevision, hashRevision } = await call('Maintenance/HashKV', codecs.hashKvRequest, codecs.hashKvResponse, { revision }, true);
      return { hash, compactRevision, hashRevision };
    },
    alarms: async () => (await call('Maintenance/Alarm', codecs.alarmRequest, codecs.alarmResponse, { action: alarmAction.get, memberID: 0n, alarm: alarmType.none }, true)).alarms
      .flatMap(({ memberID, alarm }) => { const name = alarmNames[alarm]; return name === undefined ? [] : [{ memberId: memberID, alarm: name }]; }),
    defragment: async () => { await call('Maintenance/Defragment', codecs.defragmentRequest, codecs.defragmentResponse, {}); },
    moveLeader: async (to) => { await call('Maintenance/MoveLeader', codecs.moveLeaderRequest, codecs.moveLeaderResponse, { targetID: to }); },
    snapshot: (signal) => snapshotParts(channel, signal),
    confirmLeader: async () => { await call('KV/Range', codecs.rangeRequest, codecs.rangeResponse, confirmRange, true); },
    close: () => { channel.close(); },
  };
}

async function* snapshotParts(channel: Channel, signal: AbortSignal): AsyncGenerator<{ readonly blob: Uint8Array; readonly remainingBytes: number }, void, undefined> {
  const requests = new AsyncQueue<Uint8Array>();
  requests.push(codecs.snapshotRequest.encode({}));
  for await (const data of channel.stream('/etcdserverpb.Maintenance/Snapshot', requests, signal)) yield codecs.snapshotResponse.decode(data);
}

const none = new Uint8Array(0);
/** etcdctl's health check reads this key too. */
const confirmRange = {
  key: new Uint8Array([104, 101, 97, 108, 116, 104]), rangeEnd: none, limit: 0, revision: 0, sortOrder: 0, sortTarget: 0, serializable: false, keysOnly: true, countOnly: true,
  minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0,
};
