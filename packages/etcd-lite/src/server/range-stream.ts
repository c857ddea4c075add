import { EtcdError, grpcCode } from '../client/errors.ts';
import { validateRange } from '../mvcc/validate.ts';
import { sortOrder, sortTarget, type RangeRequest, type RangeResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';

const firstChunkKeys = 10;

/** Answers one piece of the range. The first call is asked as the client asked; the others are of the revision it gave. */
export type ReadRange = (request: RangeRequest) => Promise<RangeResponse>;

/**
 * etcdserverpb.KV/RangeStream: a range in parts of about `targetBytes`, all of the revision at which it began. Merged in their
 * order they are what Range answers; header, `more` and `count` come with the last.
 */
export async function* rangeStream(request: RangeRequest, targetBytes: number, read: ReadRange): AsyncGenerator<Uint8Array, void, undefined> {
  check(request);
  if (request.countOnly) {
    const { header, count } = await read(request);
    yield codecs.rangeStreamResponse.encode({ rangeResponse: { header, kvs: [], more: false, count } });
    return;
  }
  let left = request.limit > 0 ? request.limit : Number.MAX_SAFE_INTEGER;
  let keys = Math.min(firstChunkKeys, left);
  const first = await read({ ...request, limit: keys });
  let part = first;
  for (;;) {
    left -= part.kvs.length;
    const done = !part.more || left === 0;
    const rangeResponse = done ? { header: first.header, kvs: part.kvs, more: part.more, count: first.count } : { kvs: part.kvs, more: false, count: 0 };
    const message = codecs.rangeStreamResponse.encode({ rangeResponse });
    yield message;
    if (done) return;
    keys = Math.min(nextKeys(keys, message.length, targetBytes), left);
    const last = part.kvs[part.kvs.length - 1] as { readonly key: Uint8Array };
    part = await read({ ...request, key: successor(last.key), limit: keys, revision: request.revision > 0 ? request.revision : first.header?.revision ?? 0, serializable: true });
  }
}

function check(request: RangeRequest): void {
  validateRange(request);
  const plain = request.sortOrder === sortOrder.none || (request.sortTarget === sortTarget.key && request.sortOrder === sortOrder.ascend);
  if (!plain || request.sortTarget !== sortTarget.key) throw new EtcdError(grpcCode.unimplemented, 'RangeStream does not support custom sort orders');
  const filtered = request.minModRevision !== 0 || request.maxModRevision !== 0 || request.minCreateRevision !== 0 || request.maxCreateRevision !== 0;
  if (filtered) throw new EtcdError(grpcCode.unimplemented, 'RangeStream does not support revision filters');
}

/** Doubled or halved only far from the target, so that it settles. */
function nextKeys(keys: number, sizeBytes: number, targetBytes: number): number {
  if (sizeBytes < targetBytes / 2) return keys * 2;
  return sizeBytes > targetBytes * 2 ? Math.max(Math.floor(keys / 2), 1) : keys;
}

function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
