import { etcdError } from '../client/errors.ts';
import { executeRange } from '../mvcc/range.ts';
import { executeTxn } from '../mvcc/execute.ts';
import { isReadOnly, isSerializable, validateDeleteRange, validatePut, validateRange, validateTxn } from '../mvcc/validate.ts';
import {
  alarmAction, alarmType, type CompactionRequest, type DeleteRangeRequest, type DeleteRangeResponse, type HeaderResponse, type InternalRequest, type PutRequest,
  type PutResponse, type RangeRequest, type RangeResponse, type TxnRequest, type TxnResponse,
} from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { defaults } from './config.ts';
import { responseHeader } from './header.ts';
import type { Member } from './member.ts';
import { serverStream, unary, type Method } from './methods.ts';
import { rangeStream } from './range-stream.ts';

/** etcdserverpb.KV. Reads confirm with a quorum first unless the client takes a stale answer; writes go through the log. */
export class KvService {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      '/etcdserverpb.KV/Range': unary(codecs.rangeRequest, codecs.rangeResponse, (request) => this.range(request)),
      '/etcdserverpb.KV/RangeStream': serverStream(codecs.rangeRequest, (request) => rangeStream(request, this.#member.config.maxRequestBytes ?? defaults.maxRequestBytes, (part) => this.range(part))),
      '/etcdserverpb.KV/Put': unary(codecs.putRequest, codecs.putResponse, (request) => this.put(request)),
      '/etcdserverpb.KV/DeleteRange': unary(codecs.deleteRangeRequest, codecs.deleteRangeResponse, (request) => this.deleteRange(request)),
      '/etcdserverpb.KV/Txn': unary(codecs.txnRequest, codecs.txnResponse, (request) => this.txn(request)),
      '/etcdserverpb.KV/Compact': unary(codecs.compactionRequest, codecs.compactionResponse, (request) => this.compact(request)),
    };
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    validateRange(request);
    if (!request.serializable) await this.#member.reads.confirm();
    const response = executeRange(this.#member.applier.machine.store, request);
    response.header = responseHeader(this.#member);
    return response;
  }

  async put(request: PutRequest): Promise<PutResponse> {
    validatePut(request);
    return this.#write<PutResponse>({ put: request }, true);
  }

  async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
    validateDeleteRange(request);
    return this.#write<DeleteRangeResponse>({ deleteRange: request }, false);
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    validateTxn(request, this.#member.config.maxTxnOps ?? defaults.maxTxnOps);
    if (!isReadOnly(request)) return this.#write<TxnResponse>({ txn: request }, true);
    if (!isSerializable(request)) await this.#member.reads.confirm();
    const { store, leases } = this.#member.applier.machine;
    const { response } = executeTxn(store, leases, request);
    response.header = responseHeader(this.#member);
    return response;
  }

  async compact(request: CompactionRequest): Promise<HeaderResponse> {
    const outcome = this.#write<HeaderResponse>({ compaction: request }, false);
    if (!request.physical) return outcome;
    // As etcd: also when it was refused because another one had come first, of which something may be left.
    await Promise.allSettled([outcome]);
    await this.#member.applier.pruned();
    return outcome;
  }

  /** `grows`: refused while the store is over its quota; deleting and compacting must stay possible. */
  async #write<T extends HeaderResponse>(request: Omit<InternalRequest, 'ID'>, grows: boolean): Promise<T> {
    if (grows) await this.checkSpace();
    const applied = await this.#member.propose(request);
    const response = applied.response as T;
    // The store may have moved on before this answer: the header tells of this write where it wrote.
    const written = applied.record?.revision ?? response.header?.revision;
    response.header = responseHeader(this.#member, written);
    return response;
  }

  async checkSpace(): Promise<void> {
    const { machine } = this.#member.applier;
    if (machine.alarms.some((alarm) => alarm.alarm === alarmType.noSpace)) throw etcdError('noSpace');
    const quotaBytes = this.#member.config.quotaBackendBytes ?? defaults.quotaBackendBytes;
    if (quotaBytes <= 0 || machine.store.sizeBytes <= quotaBytes) return;
    this.#member.host.log.error('the store is over its quota: writes are refused until history is compacted and the alarm is disarmed', { sizeBytes: machine.store.sizeBytes, quotaBytes });
    await this.#member.propose({ alarm: { action: alarmAction.activate, memberID: this.#member.cluster.self.id, alarm: alarmType.noSpace } });
    throw etcdError('noSpace');
  }
}
