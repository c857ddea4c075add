import { emptyBytes } from '@coxswain/host';

/**
 * Messages that come by the hundred in a transaction or a watch's answer, as they are without any field: an object that is made with all of
 * its members costs half of one that gets them one after the other. By the names of proto/etcd-v3.json; members in order of the fields' numbers.
 */
export const shapes: ReadonlyMap<string, () => Record<string, unknown>> = new Map<string, () => Record<string, unknown>>(Object.entries({
  'etcdserverpb.RangeRequest': () => ({
    key: emptyBytes, rangeEnd: emptyBytes, limit: 0, revision: 0, sortOrder: 0, sortTarget: 0, serializable: false, keysOnly: false, countOnly: false,
    minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0,
  }),
  'etcdserverpb.PutRequest': () => ({ key: emptyBytes, value: emptyBytes, lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false }),
  'etcdserverpb.RequestOp': () => ({ requestRange: undefined, requestPut: undefined, requestDeleteRange: undefined, requestTxn: undefined }),
  'etcdserverpb.Compare': () => ({
    result: 0, target: 0, key: emptyBytes, version: undefined, createRevision: undefined, modRevision: undefined, value: undefined, lease: undefined, rangeEnd: emptyBytes,
  }),
  'etcdserverpb.ResponseHeader': () => ({ clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 }),
  'etcdserverpb.PutResponse': () => ({ header: undefined, prevKv: undefined }),
  'etcdserverpb.ResponseOp': () => ({ responseRange: undefined, responsePut: undefined, responseDeleteRange: undefined, responseTxn: undefined }),
  'mvccpb.KeyValue': () => ({ key: emptyBytes, createRevision: 0, modRevision: 0, version: 0, value: emptyBytes, lease: 0n }),
  'mvccpb.Event': () => ({ type: 0, kv: undefined, prevKv: undefined }),
}));
