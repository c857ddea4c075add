import { hashStore } from '../mvcc/hash.ts';
import { etcdVersion } from '../version.ts';
import { alarmAction, alarmType, type AlarmRequest, type AlarmResponse, type HashKvResponse, type MemberListResponse, type StatusResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { defaults } from './config.ts';
import { responseHeader } from './header.ts';
import type { Member } from './member.ts';
import { unary, type Method } from './methods.ts';

/** etcdserverpb.Maintenance and Cluster, as far as they are built; the rest answers unimplemented. */
export class MaintenanceService {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      '/etcdserverpb.Maintenance/Status': unary(codecs.statusRequest, codecs.statusResponse, async () => this.status()),
      '/etcdserverpb.Maintenance/Alarm': unary(codecs.alarmRequest, codecs.alarmResponse, (request) => this.#alarm(request)),
      // Nothing to do: what is compacted is gone from memory, and the log is cut by snapshots.
      '/etcdserverpb.Maintenance/Defragment': unary(codecs.defragmentRequest, codecs.defragmentResponse, async () => ({ header: responseHeader(this.#member) })),
      '/etcdserverpb.Maintenance/Hash': unary(codecs.hashRequest, codecs.hashResponse, async () => ({ header: responseHeader(this.#member), hash: this.#hashKv(0).hash })),
      '/etcdserverpb.Maintenance/HashKV': unary(codecs.hashKvRequest, codecs.hashKvResponse, async ({ revision }) => this.#hashKv(revision)),
      '/etcdserverpb.Maintenance/MoveLeader': unary(codecs.moveLeaderRequest, codecs.moveLeaderResponse, async ({ targetID }) => {
        await this.#member.transferLeader(targetID);
        return { header: responseHeader(this.#member) };
      }),
      '/etcdserverpb.Cluster/MemberList': unary(codecs.memberListRequest, codecs.memberListResponse, async ({ linearizable }) => {
        if (linearizable) await this.#member.reads.confirm();
        return this.memberList();
      }),
    };
  }

  status(): StatusResponse {
    const { raft, applier, config } = this.#member;
    const { store, alarms } = applier.machine;
    const errors = alarms.map((alarm) => `memberID:${alarm.memberID} alarm:${alarm.alarm === alarmType.noSpace ? 'NOSPACE' : 'CORRUPT'} `);
    if (raft.leader === 0n) errors.push('etcdserver: no leader');
    return {
      header: responseHeader(this.#member), version: etcdVersion, dbSize: store.sizeBytes, leader: raft.leader, raftIndex: raft.log.committed,
      raftTerm: raft.term, raftAppliedIndex: applier.index, errors, dbSizeInUse: store.sizeBytes, isLearner: false,
      dbSizeQuota: config.quotaBackendBytes ?? defaults.quotaBackendBytes,
    };
  }

  memberList(): MemberListResponse {
    const published = this.#member.applier.machine.members;
    const members = this.#member.cluster.members.map(({ id, name, peerUrls }) => ({
      ID: id, name: published.has(id) ? name : '', peerURLs: peerUrls, clientURLs: published.get(id)?.clientURLs ?? [], isLearner: false,
    }));
    return { header: responseHeader(this.#member), members };
  }

  async #alarm(request: AlarmRequest): Promise<AlarmResponse> {
    if (request.action === alarmAction.get) {
      const alarms = this.#member.applier.machine.alarms.filter((one) =>
        (request.memberID === 0n || one.memberID === request.memberID) && (request.alarm === alarmType.none || one.alarm === request.alarm));
      return { header: responseHeader(this.#member), alarms };
    }
    const applied = await this.#member.propose({ alarm: request });
    return { header: responseHeader(this.#member), alarms: (applied.response as AlarmResponse).alarms };
  }

  /** Of the newest revision. */
  hash(): number {
    return this.#hashKv(0).hash;
  }

  #hashKv(revision: number): HashKvResponse {
    const { store } = this.#member.applier.machine;
    store.checkRevision(revision);
    const hashRevision = revision === 0 ? store.revision : revision;
    return { header: responseHeader(this.#member), hash: hashStore(store, hashRevision), compactRevision: store.compactRevision, hashRevision };
  }
}
