import { checkDeleteRange, checkPut, checkTxn } from '../auth/check-request.ts';
import { etcdError } from '../client/errors.ts';
import { isReadOnly, isSerializable, validateDeleteRange, validatePut, validateRange, validateTxn } from '../mvcc/validate.ts';
import {
  alarmAction, alarmType, type CompactionRequest, type DeleteRangeRequest, type DeleteRangeResponse, type HeaderResponse, type InternalRequest, type PutRequest,
  type PutResponse, type RangeRequest, type RangeResponse, type TxnRequest, type TxnResponse,
} from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { defaults } from './config.ts';
import { responseHeader } from './header.ts';
import type { Member } from './member.ts';
import type { Guard } from './guard.ts';
import { serverStream, unary, type CallContext, type Method } from './methods.ts';
import { rangeStream } from './range-stream.ts';
import { setNoSpace, spaceOf } from './space-keeper.ts';

/** etcdserverpb.KV. Reads confirm with a quorum first unless the client takes a stale answer; writes go through the log. */
export class KvService {
  readonly #member: Member;
  readonly #guard: Guard;

  constructor(member: Member, guard: Guard) {
    this.#member = member;
    this.#guard = guard;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      '/etcdserverpb.KV/Range': unary(codecs.rangeRequest, codecs.rangeResponse, (request, call) => this.range(request, call)),
      '/etcdserverpb.KV/RangeStream': serverStream(codecs.rangeRequest, (request, call) => rangeStream(request, this.#member.config.maxRequestBytes ?? defaults.maxRequestBytes, (part) => this.range(part, call))),
      '/etcdserverpb.KV/Put': unary(codecs.putRequest, codecs.putResponse, (request, call, data) => this.put(request, call, data)),
      '/etcdserverpb.KV/DeleteRange': unary(codecs.deleteRangeRequest, codecs.deleteRangeResponse, (request, call) => this.deleteRange(request, call)),
      '/etcdserverpb.KV/Txn': unary(codecs.txnRequest, codecs.txnResponse, (request, call, data) => this.txn(request, call, data)),
      '/etcdserverpb.KV/Compact': unary(codecs.compactionRequest, codecs.compactionResponse, (request, call) => this.compact(request, call)),
    };
  }

  /** `call` undefined, here and below: this member itself asks, and may. */
  async range(request: RangeRequest, call?: CallContext): Promise<RangeResponse> {
    validateRange(request);
    if (!request.serializable) await this.#member.reads.confirm();
    if (this.#guard.enabled) {
      const who = await this.#guard.identify(call);
      this.#guard.state.auth.check(who, 'read', request.key, request.rangeEnd);
    }
    return this.#member.applier.readRange(request, () => responseHeader(this.#member));
  }

  /** `encoded`, here and below: the request as it came over the wire. */
  async put(request: PutRequest, call?: CallContext, encoded?: Uint8Array): Promise<PutResponse> {
    validatePut(request);
    const asker = this.#guard.enabled ? await this.#guard.allow(call, (state, who) => { checkPut(state, who, request); }) : {};
    return this.#write<PutResponse>({ put: request, ...asker }, true, encoded);
  }

  async deleteRange(request: DeleteRangeRequest, call?: CallContext): Promise<DeleteRangeResponse> {
    validateDeleteRange(request);
    const asker = this.#guard.enabled ? await this.#guard.allow(call, (state, who) => { checkDeleteRange(state, who, request); }) : {};
    return this.#write<DeleteRangeResponse>({ deleteRange: request, ...asker }, false);
  }

  async txn(request: TxnRequest, call?: CallContext, encoded?: Uint8Array): Promise<TxnResponse> {
    validateTxn(request, this.#member.config.maxTxnOps ?? defaults.maxTxnOps);
    if (!isReadOnly(request)) {
      const asker = this.#guard.enabled ? await this.#guard.allow(call, (state, who) => { checkTxn(state, who, request); }) : {};
      return this.#write<TxnResponse>({ txn: request, ...asker }, true, encoded);
    }
    if (!isSerializable(request)) await this.#member.reads.confirm();
    if (this.#guard.enabled) {
      const who = await this.#guard.identify(call);
      checkTxn(this.#guard.state, who, request);
    }
    return this.#member.applier.readTxn(request, () => responseHeader(this.#member));
  }

  async compact(request: CompactionRequest, call?: CallContext): Promise<HeaderResponse> {
    const asker = await this.#guard.requireRoot(call);
    const outcome = this.#write<HeaderResponse>({ compaction: request, ...asker }, false);
    if (!request.physical) return outcome;
    // As etcd: also when it was refused because another one had come first, of which something may be left.
    await Promise.allSettled([outcome]);
    await this.#member.applier.pruned();
    return outcome;
  }

  /** `grows`: refused while the store is over its quota; deleting and compacting must stay possible. */
  async #write<T extends HeaderResponse>(request: Omit<InternalRequest, 'ID'>, grows: boolean, encoded?: Uint8Array): Promise<T> {
    if (grows && this.#lacksSpace()) await this.#refuseForSpace();
    const applied = await this.#member.propose(request, encoded);
    const response = applied.response as T;
    // The store may have moved on before this answer: the header tells of this write where it wrote.
    const written = applied.record?.revision ?? response.header?.revision;
    response.header = responseHeader(this.#member, written);
    return response;
  }

  async checkSpace(): Promise<void> {
    if (this.#lacksSpace()) await this.#refuseForSpace();
  }

  #alarmed(): boolean {
    return this.#member.applier.machine.alarms.some((alarm) => alarm.alarm === alarmType.noSpace);
  }

  #lacksSpace(): boolean {
    const { usedBytes, quotaBytes } = spaceOf(this.#member);
    return this.#alarmed() || (quotaBytes !== 0 && usedBytes > quotaBytes);
  }

  async #refuseForSpace(): Promise<never> {
    if (this.#alarmed()) throw etcdError('noSpace');
    const { usedBytes, quotaBytes } = spaceOf(this.#member);
    this.#member.host.log.error('the store is over its quota: writes are refused until there is space again', { usedBytes, quotaBytes });
    await setNoSpace(this.#member, this.#member.cluster.self.id, alarmAction.activate);
    throw etcdError('noSpace');
  }
}
