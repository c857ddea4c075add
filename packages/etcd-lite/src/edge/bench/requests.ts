import { utf8 } from '@coxswain/host';
import { putRequest, rangeRequest, txnRequest } from '../../client/convert.ts';
import { grpcFrame } from '../../wire/grpc.ts';
import { codecs } from '../../wire/schema.ts';

export const paths = {
  put: '/etcdserverpb.KV/Put', range: '/etcdserverpb.KV/Range', txn: '/etcdserverpb.KV/Txn', compact: '/etcdserverpb.KV/Compact', watch: '/etcdserverpb.Watch/Watch',
  snapshot: '/etcdserverpb.Maintenance/Snapshot', defragment: '/etcdserverpb.Maintenance/Defragment', moveLeader: '/etcdserverpb.Maintenance/MoveLeader',
} as const;

const digits = 8;
/** Five bytes as a varint; what is put in its place is as long. */
const placeholder = 0x7_1234_5678;
const revisionBytes = 5;

/** A request as bytes; only key number and revision are written into it for each call. */
export interface Template {
  readonly path: string;
  readonly bytes: Buffer;
  readonly keyAt: readonly number[];
  readonly revisionAt: number | undefined;
}

export function keyOf(prefix: string, number: number): Uint8Array {
  return utf8(prefix + String(number).padStart(digits, '0'));
}

function template(path: string, prefix: string, message: Uint8Array): Template {
  const bytes = Buffer.from(grpcFrame(message));
  const key = Buffer.from(keyOf(prefix, 0));
  const keyAt: number[] = [];
  for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1)) keyAt.push(at + prefix.length);
  const revisionAt = bytes.indexOf(varint(placeholder));
  return { path, bytes, keyAt, revisionAt: revisionAt < 0 ? undefined : revisionAt };
}

function varint(value: number): Buffer {
  const out = Buffer.alloc(revisionBytes);
  writeVarint(out, 0, value);
  return out;
}

/** Always five bytes long: a varint may have idle zeros at its end. */
function writeVarint(out: Buffer, at: number, value: number): void {
  let rest = value;
  for (let index = 0; index < revisionBytes; index += 1) {
    out[at + index] = (rest % 128) | (index === revisionBytes - 1 ? 0 : 0x80);
    rest = Math.floor(rest / 128);
  }
}

export function setKey(to: Template, number: number): void {
  for (const at of to.keyAt) {
    let rest = number;
    for (let digit = digits - 1; digit >= 0; digit -= 1) {
      to.bytes[at + digit] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }
}

export function setRevision(to: Template, revision: number): void {
  if (to.revisionAt !== undefined) writeVarint(to.bytes, to.revisionAt, revision);
}

export function putTemplate(prefix: string, valueBytes: number): Template {
  return template(paths.put, prefix, codecs.putRequest.encode(putRequest({ key: keyOf(prefix, 0), value: new Uint8Array(valueBytes).fill(120) })));
}

export function getTemplate(prefix: string, serializable: boolean): Template {
  return template(paths.range, prefix, codecs.rangeRequest.encode(rangeRequest({ key: keyOf(prefix, 0), serializable })));
}

/** As the API server writes an object: if nobody changed it put it, else show what is there. */
export function updateTemplate(prefix: string, valueBytes: number): Template {
  const key = keyOf(prefix, 0);
  return template(paths.txn, prefix, codecs.txnRequest.encode(txnRequest({
    compare: [{ key, target: 'mod', result: 'equal', value: placeholder }],
    success: [{ type: 'put', key, value: new Uint8Array(valueBytes).fill(121) }], failure: [{ type: 'range', key }],
  })));
}

/** Field 1, 2 and 3 of the header, which is the first field of every answer; 0 if there is no revision. */
export function revisionOf(buffer: Buffer, start: number): number {
  const end = start + 2 + (buffer[start + 1] as number);
  let at = start + 2;
  while (at < end) {
    const tag = buffer[at] as number;
    let value = 0;
    let scale = 1;
    let byte: number;
    at += 1;
    do {
      byte = buffer[at] as number;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      at += 1;
    } while (byte >= 0x80);
    if (tag === 0x18) return value;
  }
  return 0;
}

/** Of a TxnResponse. */
export function succeeded(buffer: Buffer, start: number, end: number): boolean {
  const at = start + 2 + (buffer[start + 1] as number);
  return at + 1 < end && buffer[at] === 0x10 && buffer[at + 1] === 1;
}
