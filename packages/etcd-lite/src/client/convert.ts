import { assert, emptyBytes } from '@coxswain/host';
import {
  compareResult, compareTarget, eventType, sortOrder, sortTarget, type CompareMessage, type DeleteRangeRequest, type EventMessage, type PutRequest,
  type RangeRequest, type RequestOp, type ResponseOp, type TxnRequest, type TxnResponse,
} from '../wire/messages.ts';
import type {
  Compare, CompareOperator, DeleteRangeOptions, PutOptions, RangeOptions, TxnOp, TxnOpResult, TxnOptions, TxnResult, WatchEvent,
} from './types.ts';

/** Options of the client's interface as etcd's messages, and answers back. */
export function rangeRequest(options: RangeOptions): RangeRequest {
  return {
    key: options.key, rangeEnd: options.rangeEnd ?? emptyBytes, limit: options.limit ?? 0, revision: options.revision ?? 0,
    sortOrder: sortOrder.none, sortTarget: sortTarget.key, serializable: options.serializable ?? false, keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false, minModRevision: options.minModRevision ?? 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0,
  };
}

export function putRequest(options: PutOptions): PutRequest {
  return {
    key: options.key, value: options.value, lease: options.lease ?? 0n, prevKv: options.prevKv ?? false,
    ignoreValue: options.ignoreValue ?? false, ignoreLease: options.ignoreLease ?? false,
  };
}

export function deleteRangeRequest(options: DeleteRangeOptions): DeleteRangeRequest {
  return { key: options.key, rangeEnd: options.rangeEnd ?? emptyBytes, prevKv: options.prevKv ?? false };
}

export function txnRequest(options: TxnOptions): TxnRequest {
  return { compare: options.compare.map(compareMessage), success: options.success.map(requestOp), failure: options.failure.map(requestOp) };
}

const results: Readonly<Record<CompareOperator, number>> = {
  equal: compareResult.equal, greater: compareResult.greater, less: compareResult.less, 'not-equal': compareResult.notEqual,
};

function compareMessage(compare: Compare): CompareMessage {
  const common = { key: compare.key, rangeEnd: compare.rangeEnd ?? emptyBytes, result: results[compare.result] };
  switch (compare.target) {
    case 'version': return { ...common, target: compareTarget.version, version: compare.value };
    case 'create': return { ...common, target: compareTarget.create, createRevision: compare.value };
    case 'mod': return { ...common, target: compareTarget.mod, modRevision: compare.value };
    case 'lease': return { ...common, target: compareTarget.lease, lease: compare.value };
    case 'value': return { ...common, target: compareTarget.value, value: compare.value };
  }
}

function requestOp(op: TxnOp): RequestOp {
  switch (op.type) {
    case 'range': return { requestRange: rangeRequest(op) };
    case 'put': return { requestPut: putRequest(op) };
    case 'delete-range': return { requestDeleteRange: deleteRangeRequest(op) };
    case 'txn': return { requestTxn: txnRequest(op) };
  }
}

export function txnResult(response: TxnResponse, revision: number): TxnResult {
  return { revision, succeeded: response.succeeded, responses: response.responses.map(opResult) };
}

function opResult(response: ResponseOp): TxnOpResult {
  const { responseRange, responsePut, responseDeleteRange, responseTxn } = response;
  if (responseRange !== undefined) return { type: 'range', kvs: responseRange.kvs, more: responseRange.more, count: responseRange.count };
  if (responsePut !== undefined) return { type: 'put', ...(responsePut.prevKv === undefined ? {} : { prevKv: responsePut.prevKv }) };
  if (responseDeleteRange !== undefined) return { type: 'delete-range', deleted: responseDeleteRange.deleted, prevKvs: responseDeleteRange.prevKvs };
  assert(responseTxn !== undefined, 'a response must be of one kind');
  return { type: 'txn', succeeded: responseTxn.succeeded, responses: responseTxn.responses.map(opResult) };
}

export function watchEvent(event: EventMessage): WatchEvent {
  const type = event.type === eventType.delete ? 'DELETE' : 'PUT';
  return event.prevKv === undefined ? { type, kv: event.kv } : { type, kv: event.kv, prevKv: event.prevKv };
}
