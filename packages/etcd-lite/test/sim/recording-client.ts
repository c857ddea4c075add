import { fromUtf8, utf8, type Host } from '@coxswain/host';
import { createEtcdClient, EtcdError, isEtcdError, type Compare as ClientCompare, type EtcdClient, type KeyValue, type TxnOp, type TxnOpResult } from '@coxswain/etcd-lite/client';
import type { Compare, Kv, Operation, Outcome, RefusalReason, Request, Step, StepAnswer, TxnRequest } from '../checkers/history.ts';

export function kvOf(kv: KeyValue): Kv {
  return { key: fromUtf8(kv.key), value: fromUtf8(kv.value), create: kv.createRevision, mod: kv.modRevision, version: kv.version, lease: kv.lease === 0n ? '' : kv.lease.toString(16) };
}

export const leaseId = (lease: string): bigint => (lease === '' ? 0n : BigInt(`0x${lease}`));

function txnOp(step: Step): TxnOp {
  const rangeEnd = 'end' in step && step.end !== undefined ? { rangeEnd: utf8(step.end) } : {};
  switch (step.type) {
    case 'range': return { type: 'range', key: utf8(step.key), ...rangeEnd, revision: step.revision, limit: step.limit };
    case 'put': return { type: 'put', key: utf8(step.key), value: utf8(step.value), lease: leaseId(step.lease) };
    case 'delete': return { type: 'delete-range', key: utf8(step.key), ...rangeEnd };
  }
}

function clientCompare(compare: Compare): ClientCompare {
  const common = { key: utf8(compare.key), result: compare.result };
  return compare.target === 'value' ? { ...common, target: 'value', value: utf8(compare.value) } : { ...common, target: compare.target, value: compare.value };
}

function answerOf(result: TxnOpResult): StepAnswer {
  switch (result.type) {
    case 'range': return { type: 'range', kvs: result.kvs.map(kvOf), count: result.count };
    case 'put': return { type: 'put' };
    case 'delete-range': return { type: 'delete', deleted: result.deleted };
    case 'txn': throw new Error('nested transactions are not recorded');
  }
}

type Ok = Extract<Outcome, { kind: 'ok' }>;

/** One client that does one thing at a time and writes down what it asked, when, and what it was told. */
export class RecordingClient {
  readonly history: Operation[];
  readonly host: Host;
  readonly etcd: EtcdClient;
  readonly name: string;
  /** The greatest revision it has heard of. */
  revision = 1;
  readonly #member: string | undefined;

  constructor(host: Host, name: string, history: Operation[], options: { readonly endpoints: readonly string[]; readonly member?: string; readonly requestTimeoutMs: number }) {
    this.host = host;
    this.name = name;
    this.history = history;
    this.#member = options.member;
    this.etcd = createEtcdClient(host, { endpoints: options.endpoints, requestTimeoutMs: options.requestTimeoutMs });
  }

  step(step: Step, serializable = false): Promise<Ok | undefined> {
    return this.txn({ kind: 'txn', compare: [], success: [step], failure: [], serializable });
  }

  txn(request: TxnRequest): Promise<Ok | undefined> {
    return this.#record(request, () => this.#send(request));
  }

  /** The plain calls where they say the same, so that they are exercised too. */
  async #send(request: TxnRequest): Promise<Ok> {
    const [step, second] = request.success;
    if (request.compare.length === 0 && second === undefined && step !== undefined) return this.#single(step, request.serializable);
    const result = await this.etcd.txn({ compare: request.compare.map(clientCompare), success: request.success.map(txnOp), failure: request.failure.map(txnOp) });
    return { kind: 'ok', revision: result.revision, succeeded: result.succeeded, answers: result.responses.map(answerOf) };
  }

  async #single(step: Step, serializable: boolean): Promise<Ok> {
    const op = txnOp(step);
    if (op.type === 'range') {
      const { revision, kvs, count } = await this.etcd.range({ ...op, serializable });
      return { kind: 'ok', revision, succeeded: true, answers: [{ type: 'range', kvs: kvs.map(kvOf), count }] };
    }
    if (op.type === 'put') return { kind: 'ok', revision: (await this.etcd.put(op)).revision, succeeded: true, answers: [{ type: 'put' }] };
    if (op.type !== 'delete-range') throw new Error('nested transactions are not recorded');
    const { revision, deleted } = await this.etcd.deleteRange(op);
    return { kind: 'ok', revision, succeeded: true, answers: [{ type: 'delete', deleted }] };
  }

  compact(revision: number): Promise<Ok | undefined> {
    return this.#plain({ kind: 'compact', revision }, () => this.etcd.compact(revision));
  }

  leaseGrant(lease: string, ttlMs: number): Promise<Ok | undefined> {
    return this.#plain({ kind: 'lease-grant', lease, ttlMs }, () => this.etcd.leaseGrant({ id: leaseId(lease), ttlSeconds: ttlMs / 1000 }));
  }

  leaseRevoke(lease: string): Promise<Ok | undefined> {
    return this.#plain({ kind: 'lease-revoke', lease }, () => this.etcd.leaseRevoke(leaseId(lease)));
  }

  leaseKeep(lease: string, ttlMs: number): Promise<Ok | undefined> {
    return this.#record({ kind: 'lease-keep', lease, ttlMs }, async () => {
      const { ttlSeconds } = await this.etcd.leaseKeepAlive(leaseId(lease));
      return ttlSeconds > 0 ? { kind: 'ok', revision: 0, succeeded: true, answers: [] } : { kind: 'refused', reason: 'lease-not-found' };
    });
  }

  #plain(request: Request, act: () => Promise<{ readonly revision: number }>): Promise<Ok | undefined> {
    return this.#record(request, async () => ({ kind: 'ok', revision: (await act()).revision, succeeded: true, answers: [] }));
  }

  async #record(request: Request, act: () => Promise<Outcome>): Promise<Ok | undefined> {
    const callMs = this.host.clock.monotonicMs();
    const outcome = await act().catch(outcomeOf);
    const returnMs = outcome.kind === 'unknown' ? Number.POSITIVE_INFINITY : this.host.clock.monotonicMs();
    this.history.push({ client: this.name, ...(this.#member === undefined ? {} : { member: this.#member }), callMs, returnMs, request, outcome });
    this.host.log.info(outcome.kind, { request, ...(outcome.kind === 'ok' ? { revision: outcome.revision, succeeded: outcome.succeeded } : {}) });
    if (outcome.kind !== 'ok') return undefined;
    this.revision = Math.max(this.revision, outcome.revision);
    return outcome;
  }
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof EtcdError)) throw error;
  if (error.outcomeUnknown) return { kind: 'unknown' };
  const reason = refusals.find(([name]) => isEtcdError(error, name))?.[1];
  return reason === undefined ? { kind: 'failed' } : { kind: 'refused', reason };
}

const refusals = [['compacted', 'compacted'], ['futureRevision', 'future-revision'], ['leaseNotFound', 'lease-not-found']] as const satisfies readonly (readonly [string, RefusalReason])[];
