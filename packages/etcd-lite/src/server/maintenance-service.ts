import { etcdError } from '../client/errors.ts';
import { hashStore } from '../mvcc/hash.ts';
import { etcdVersion } from '../version.ts';
import {
  alarmAction, alarmType, downgradeAction, type AlarmMember, type AlarmRequest, type AlarmResponse, type ClusterVersionsMessage, type DowngradeRequest, type DowngradeResponse,
  type HashKvResponse, type StatusResponse,
} from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { defaults } from './config.ts';
import { responseHeader } from './header.ts';
import type { Member } from './member.ts';
import { serverStream, unary, type Method } from './methods.ts';
import { snapshotStream } from './snapshot-stream.ts';
import { checkDowngrade, clusterVersionOf, shortVersion } from './versions.ts';

/** etcd's word for it in HashKV. */
const neverCompacted = -1;

/** As etcd prints the message. */
function alarmText({ memberID, alarm }: AlarmMember): string {
  const kind = alarm === alarmType.noSpace ? 'NOSPACE' : 'CORRUPT';
  return memberID === 0n ? `alarm:${kind} ` : `memberID:${memberID} alarm:${kind} `;
}

/** etcdserverpb.Maintenance. */
export class MaintenanceService {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      '/etcdserverpb.Maintenance/Status': unary(codecs.statusRequest, codecs.statusResponse, async () => this.status()),
      '/etcdserverpb.Maintenance/Alarm': unary(codecs.alarmRequest, codecs.alarmResponse, (request) => this.#alarm(request)),
      // (etcd answers without a header.)
      '/etcdserverpb.Maintenance/Defragment': unary(codecs.defragmentRequest, codecs.defragmentResponse, async () => {
        await this.#member.applier.defragment();
        return {};
      }),
      '/etcdserverpb.Maintenance/Snapshot': serverStream(codecs.snapshotRequest, () => snapshotStream(this.#member)),
      '/etcdserverpb.Maintenance/Hash': unary(codecs.hashRequest, codecs.hashResponse, async () => ({ header: responseHeader(this.#member), hash: this.#hashKv(0).hash })),
      '/etcdserverpb.Maintenance/HashKV': unary(codecs.hashKvRequest, codecs.hashKvResponse, async ({ revision }) => this.#hashKv(revision)),
      '/etcdserverpb.Maintenance/MoveLeader': unary(codecs.moveLeaderRequest, codecs.moveLeaderResponse, async ({ targetID }) => {
        await this.#member.transferLeader(targetID);
        return {};
      }),
      '/etcdserverpb.Maintenance/Downgrade': unary(codecs.downgradeRequest, codecs.downgradeResponse, (request) => this.#downgrade(request)),
    };
  }

  status(): StatusResponse {
    const { raft, applier, config } = this.#member;
    const { store, alarms, versions } = applier.machine;
    const errors = raft.leader === 0n ? ['etcdserver: no leader'] : [];
    const quotaBytes = config.quotaBackendBytes ?? 0;
    return {
      header: responseHeader(this.#member), version: etcdVersion, dbSize: Math.max(applier.diskBytes, store.sizeBytes), leader: raft.leader, raftIndex: raft.log.committed,
      raftTerm: raft.term, raftAppliedIndex: applier.index, errors: [...errors, ...alarms.map(alarmText)], dbSizeInUse: store.sizeBytes, isLearner: this.#member.cluster.isLearner,
      storageVersion: versions.clusterVersion, dbSizeQuota: quotaBytes === 0 ? defaults.quotaBackendBytes : quotaBytes, downgradeInfo: versions.downgrade,
    };
  }

  /** A question sees what a quorum has agreed on, as in etcd, where it goes through the log. It is filtered by kind only. */
  async #alarm(request: AlarmRequest): Promise<AlarmResponse> {
    if (request.action === alarmAction.get) {
      await this.#member.reads.confirm();
      const { alarms } = this.#member.applier.machine;
      return { header: responseHeader(this.#member), alarms: request.alarm === alarmType.none ? alarms : alarms.filter((one) => one.alarm === request.alarm) };
    }
    const applied = await this.#member.propose({ alarm: request });
    return { header: responseHeader(this.#member), alarms: (applied.response as AlarmResponse).alarms };
  }

  async #downgrade(request: DowngradeRequest): Promise<DowngradeResponse> {
    const answer = (): DowngradeResponse => ({ header: responseHeader(this.#member), version: shortVersion(this.#versions.clusterVersion) });
    switch (request.action) {
      case downgradeAction.validate: {
        await this.#checkDowngrade(clusterVersionOf(request.version));
        return answer();
      }
      case downgradeAction.enable: {
        const targetVersion = clusterVersionOf(request.version);
        await this.#checkDowngrade(targetVersion);
        await this.#member.propose({ downgradeSet: { enabled: true, targetVersion } });
        return answer();
      }
      case downgradeAction.cancel: {
        await this.#member.reads.confirm();
        // As etcd: that there is none is no error.
        if (this.#versions.downgrade.enabled) await this.#member.propose({ downgradeSet: { enabled: false, targetVersion: '' } });
        return answer();
      }
      default: throw etcdError('unknownMethod');
    }
  }

  get #versions(): ClusterVersionsMessage {
    return this.#member.applier.machine.versions;
  }

  async #checkDowngrade(target: string): Promise<void> {
    if (this.#versions.clusterVersion === '') throw etcdError('clusterVersionUnavailable');
    await this.#member.reads.confirm();
    checkDowngrade(this.#versions, target);
  }

  /** Of the newest revision. */
  hash(): number {
    return this.#hashKv(0).hash;
  }

  #hashKv(revision: number): HashKvResponse {
    const { store } = this.#member.applier.machine;
    store.checkRevision(revision);
    const hashRevision = revision === 0 ? store.revision : revision;
    return { header: responseHeader(this.#member), hash: hashStore(store, hashRevision), compactRevision: store.compactRevision === 0 ? neverCompacted : store.compactRevision, hashRevision };
  }
}
