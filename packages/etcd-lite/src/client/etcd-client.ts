import type { ClientTls, Host, Timers } from '@coxswain/host';
import type { Codec } from '../wire/codec.ts';
import { grpcMessage } from '../wire/grpc.ts';
import { codecs } from '../wire/schema.ts';
import { Channel } from './channel.ts';
import { deleteRangeRequest, putRequest, rangeRequest, txnRequest, txnResult } from './convert.ts';
import { etcdError } from './errors.ts';
import { GrpcWatches } from './grpc-watch.ts';
import { LeaderSeeker } from './leader-seeker.ts';
import { Silence } from './silence.ts';
import type {
  DeleteRangeOptions, EtcdClient, KeyValue, LeaseGrantOptions, Member, MemberStatus, PutOptions, RangeOptions, RangeResult, TxnOptions, TxnResult, WatchBatch,
  WatchOptions,
} from './types.ts';

export interface EtcdClientOptions {
  /** `https://host:port` or `http://…`; any member will do, several are tried in turn. */
  readonly endpoints: readonly string[];
  readonly tls?: ClientTls;
  /** For a whole call, fail-over included. Default 5000. */
  readonly requestTimeoutMs?: number;
  /**
   * Of several members the one that leads is asked, wherever that is: for clients that write much. When it hangs, its successor is asked as soon as there is
   * one, rather than after the time of a call.
   */
  readonly preferLeader?: boolean;
}

/** Nothing came for so long, though it was asked for. */
const silentMs = 250;

/** A client of an etcd cluster, ours or a real one. Makes no connection before the first call. */
export function createEtcdClient(host: Host, options: EtcdClientOptions): EtcdClient {
  if (options.endpoints.length === 0) throw etcdError('noLeader');
  const endpoints = options.endpoints.map((endpoint) => endpoint.replace(/\/+$/, ''));
  return new GrpcEtcdClient(host, { ...options, endpoints });
}

class GrpcEtcdClient implements EtcdClient {
  readonly #channel: Channel;
  readonly #watches: GrpcWatches;
  readonly #seeker: LeaderSeeker | undefined;
  readonly #silence: Silence | undefined;

  constructor(host: Host, options: EtcdClientOptions) {
    this.#channel = new Channel(host, { endpoints: options.endpoints, requestTimeoutMs: options.requestTimeoutMs ?? 5000, ...(options.tls === undefined ? {} : { tls: options.tls }) });
    this.#watches = new GrpcWatches(this.#channel);
    if (options.preferLeader !== true || options.endpoints.length < 2) return;
    const seeker = this.#seeker = this.#leaderSeeker(host.timers);
    this.#silence = new Silence({ timers: host.timers, afterMs: silentMs, silent: () => seeker.doubt() });
  }

  #leaderSeeker(timers: Timers): LeaderSeeker {
    const channel = this.#channel;
    const path = '/etcdserverpb.Maintenance/Status';
    return new LeaderSeeker({
      timers, endpointCount: channel.endpointCount, current: () => channel.current, use: (endpoint, insteadOf) => { channel.use(endpoint, insteadOf); },
      abandon: (endpoint) => { channel.abandon(endpoint); },
      ask: async (endpoint, timeoutMs) => {
        const { header, leader, raftTerm } = codecs.statusResponse.decode(await channel.unaryAt(endpoint, path, grpcMessage(codecs.statusRequest, {}), timeoutMs));
        return { memberId: header?.memberId ?? 0n, leader, term: raftTerm };
      },
    });
  }

  async #call<Q extends object, R extends object>(path: string, request: Codec<Q>, response: Codec<R>, value: Q, repeatable: boolean): Promise<R> {
    this.#seeker?.begin();
    this.#silence?.began();
    try {
      return response.decode(await this.#channel.unary(`/etcdserverpb.${path}`, grpcMessage(request, value), repeatable));
    } finally {
      this.#silence?.ended();
    }
  }

  async range(options: RangeOptions): Promise<RangeResult> {
    const { header, kvs, more, count } = await this.#call('KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest(options), true);
    return { revision: header?.revision ?? 0, kvs, more, count };
  }

  async put(options: PutOptions): Promise<{ readonly revision: number; readonly prevKv?: KeyValue }> {
    const { header, prevKv } = await this.#call('KV/Put', codecs.putRequest, codecs.putResponse, putRequest(options), false);
    return { revision: header?.revision ?? 0, ...(prevKv === undefined ? {} : { prevKv }) };
  }

  async deleteRange(options: DeleteRangeOptions): Promise<{ readonly revision: number; readonly deleted: number; readonly prevKvs: readonly KeyValue[] }> {
    const { header, deleted, prevKvs } = await this.#call('KV/DeleteRange', codecs.deleteRangeRequest, codecs.deleteRangeResponse, deleteRangeRequest(options), false);
    return { revision: header?.revision ?? 0, deleted, prevKvs };
  }

  async txn(options: TxnOptions): Promise<TxnResult> {
    const readOnly = [...options.success, ...options.failure].every((op) => op.type === 'range');
    const response = await this.#call('KV/Txn', codecs.txnRequest, codecs.txnResponse, txnRequest(options), readOnly);
    return txnResult(response, response.header?.revision ?? 0);
  }

  async compact(revision: number): Promise<{ readonly revision: number }> {
    const { header } = await this.#call('KV/Compact', codecs.compactionRequest, codecs.compactionResponse, { revision, physical: false }, false);
    return { revision: header?.revision ?? 0 };
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return this.#watches.watch(options);
  }

  async requestProgress(): Promise<void> {
    this.#watches.requestProgress();
  }

  async leaseGrant(options: LeaseGrantOptions): Promise<{ readonly id: bigint; readonly ttlSeconds: number; readonly revision: number }> {
    const { header, ID, TTL } = await this.#call('Lease/LeaseGrant', codecs.leaseGrantRequest, codecs.leaseGrantResponse, { TTL: options.ttlSeconds, ID: options.id ?? 0n }, false);
    return { id: ID, ttlSeconds: TTL, revision: header?.revision ?? 0 };
  }

  async leaseRevoke(id: bigint): Promise<{ readonly revision: number }> {
    const { header } = await this.#call('Lease/LeaseRevoke', codecs.leaseRevokeRequest, codecs.leaseRevokeResponse, { ID: id }, false);
    return { revision: header?.revision ?? 0 };
  }

  /** The service is a stream; a stream of one request is the same bytes as a plain call. */
  async leaseKeepAlive(id: bigint): Promise<{ readonly ttlSeconds: number }> {
    const { TTL } = await this.#call('Lease/LeaseKeepAlive', codecs.leaseKeepAliveRequest, codecs.leaseKeepAliveResponse, { ID: id }, true);
    return { ttlSeconds: TTL };
  }

  async leaseTimeToLive(id: bigint): Promise<{ readonly ttlSeconds: number; readonly grantedTtlSeconds: number; readonly keys: readonly Uint8Array[] }> {
    const { TTL, grantedTTL, keys } = await this.#call('Lease/LeaseTimeToLive', codecs.leaseTimeToLiveRequest, codecs.leaseTimeToLiveResponse, { ID: id, keys: true }, true);
    return { ttlSeconds: TTL, grantedTtlSeconds: grantedTTL, keys };
  }

  async status(): Promise<MemberStatus> {
    const status = await this.#call('Maintenance/Status', codecs.statusRequest, codecs.statusResponse, {}, true);
    return {
      memberId: status.header?.memberId ?? 0n, version: status.version, dbSizeBytes: status.dbSize, leader: status.leader, raftTerm: status.raftTerm,
      raftIndex: status.raftIndex, raftAppliedIndex: status.raftAppliedIndex, revision: status.header?.revision ?? 0, errors: status.errors,
    };
  }

  async memberList(): Promise<readonly Member[]> {
    const { members } = await this.#call('Cluster/MemberList', codecs.memberListRequest, codecs.memberListResponse, { linearizable: true }, true);
    return members.map((member) => ({ id: member.ID, name: member.name, peerUrls: member.peerURLs, clientUrls: member.clientURLs, isLearner: member.isLearner }));
  }

  async close(): Promise<void> {
    this.#seeker?.close();
    this.#silence?.close();
    this.#channel.close();
  }
}
