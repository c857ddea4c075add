import { AuthState } from '../auth/auth-state.ts';
import { checkRequest } from '../auth/check-request.ts';
import { EtcdError, etcdError } from '../client/errors.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { executeDeleteKeys, executeDeleteRange, executePut, executeTxn } from '../mvcc/execute.ts';
import type { RevisionRecord } from '../mvcc/history.ts';
import { MvccStore } from '../mvcc/store.ts';
import { fromMembershipMessage, noMembership, type MembershipState } from './membership.ts';
import { alarmAction, alarmType, type AlarmMember, type ClusterVersionsMessage, type InternalRequest, type MemberMessage } from '../wire/messages.ts';

export interface Applied {
  /** The operation's response message (its own type), or why it was refused. Refusals are part of the replicated outcome. */
  readonly response: object | undefined;
  readonly error: EtcdError | undefined;
  readonly record: RevisionRecord | undefined;
}

/** Clients may raise them for members that never were. */
const maxAlarms = 1000;

const undecidedVersions: ClusterVersionsMessage = { clusterVersion: '', downgrade: { enabled: false, targetVersion: '' } };

/**
 * The replicated state: the same requests in the same order give the same state and answers on every member. It knows
 * neither time nor network nor disk.
 */
export class Machine {
  readonly store = new MvccStore();
  readonly leases = new LeaseTable();
  readonly auth = new AuthState();
  /** What members have published of themselves. */
  readonly members = new Map<bigint, MemberMessage>();
  /** Empty only in a member that knows nothing yet, and in data from before members could change. */
  membership: MembershipState = noMembership;
  versions: ClusterVersionsMessage = undecidedVersions;
  #alarms: AlarmMember[] = [];

  get alarms(): readonly AlarmMember[] {
    return this.#alarms;
  }

  restoreAlarms(alarms: readonly AlarmMember[]): void {
    this.#alarms = [...alarms];
  }

  apply(request: InternalRequest): Applied {
    try {
      checkRequest(this, request);
      return { ...this.#execute(request), error: undefined };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      return { response: undefined, error, record: undefined };
    }
  }

  #execute(request: InternalRequest): { readonly response: object; readonly record: RevisionRecord | undefined } {
    const { store, leases } = this;
    if (request.txn !== undefined) return executeTxn(store, leases, request.txn);
    if (request.put !== undefined) return executePut(store, leases, request.put);
    if (request.deleteRange !== undefined) return executeDeleteRange(store, leases, request.deleteRange);
    if (request.compaction !== undefined) {
      store.compact(request.compaction.revision);
      return { response: {}, record: undefined };
    }
    if (request.leaseGrant !== undefined) {
      const lease = leases.grant(request.leaseGrant.ID, request.leaseGrant.TTL);
      return { response: { ID: lease.id, TTL: lease.ttlSeconds, error: '' }, record: undefined };
    }
    if (request.leaseRevoke !== undefined) {
      const record = executeDeleteKeys(store, leases, leases.keysOf(request.leaseRevoke.ID));
      leases.remove(request.leaseRevoke.ID);
      return { response: {}, record };
    }
    if (request.leaseCheckpoint !== undefined) {
      for (const { ID, remainingTTL } of request.leaseCheckpoint.checkpoints) leases.checkpoint(ID, remainingTTL);
      return { response: {}, record: undefined };
    }
    if (request.alarm !== undefined) return { response: { alarms: this.#alarm(request.alarm) }, record: undefined };
    if (request.publish !== undefined) {
      this.members.set(request.publish.ID, request.publish);
      return { response: {}, record: undefined };
    }
    if (request.membership !== undefined) {
      this.membership = fromMembershipMessage(request.membership);
      for (const id of this.membership.removed) this.members.delete(id);
      return { response: {}, record: undefined };
    }
    if (request.auth !== undefined) {
      this.auth.apply(request.auth);
      return { response: {}, record: undefined };
    }
    if (request.clusterVersionSet !== undefined) {
      this.versions = { ...this.versions, clusterVersion: request.clusterVersionSet.version };
      return { response: {}, record: undefined };
    }
    if (request.downgradeSet !== undefined) {
      this.versions = { ...this.versions, downgrade: request.downgradeSet };
      return { response: {}, record: undefined };
    }
    throw etcdError('keyNotFound');
  }

  #alarm(change: { readonly action: number; readonly memberID: bigint; readonly alarm: number }): readonly AlarmMember[] {
    const same = (one: AlarmMember): boolean => one.memberID === change.memberID && one.alarm === change.alarm;
    const had = this.#alarms.filter(same);
    if (change.action === alarmAction.activate && change.alarm !== alarmType.none && had.length === 0) {
      if (this.#alarms.length >= maxAlarms) throw etcdError('tooManyRequests');
      this.#alarms.push({ memberID: change.memberID, alarm: change.alarm });
    }
    if (change.action === alarmAction.deactivate) this.#alarms = this.#alarms.filter((one) => !same(one));
    return change.action === alarmAction.deactivate ? had : this.#alarms.filter(same);
  }
}
