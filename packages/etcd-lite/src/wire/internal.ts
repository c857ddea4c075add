import type { InternalRequest } from './messages.ts';
import { Reader } from './reader.ts';
import { codecs } from './schema.ts';
import { ReverseWriter } from './writer.ts';

const idTag = 1 * 8;
const putTag = 2 * 8 + 2;
const txnTag = 4 * 8 + 2;

/** `encoded`: its put or transaction as it came over the wire, which then goes into the log as it is. */
export function encodeInternal(request: Omit<InternalRequest, 'ID'>, ID: bigint, encoded?: Uint8Array): Uint8Array {
  if (encoded === undefined || request.user !== undefined) return codecs.internalRequest.encode({ ...request, ID });
  const writer = new ReverseWriter();
  writer.varint(encoded.length);
  writer.varint(request.put === undefined ? txnTag : putTag);
  writer.bigint(ID);
  writer.varint(idTag);
  return writer.finish(0, encoded);
}

/** Of what `encodeInternal` gave; undefined: it does not begin with one. */
export function internalId(data: Uint8Array): bigint | undefined {
  return data[0] === idTag ? new Reader(data, 1).bigint(false) : undefined;
}
