import { normalizeObject } from '../decode/decode-object.ts';
import { typeOfKind } from '../description/resources.ts';
import type { JsonObject } from '../resource.ts';
import { readBoundedStruct } from './decode.ts';
import { structWriter } from './encode.ts';
import { JsonTranscoder } from './from-json.ts';
import { ProtobufError, Reader } from './reader.ts';
import { wirePlan } from './wire-plan.ts';
import { BackwardWriter } from './writer.ts';

export { maxMessageFields, ProtobufError, ProtobufTooLongError } from './reader.ts';

/** Every protobuf body of Kubernetes starts with `k8s` and a zero. */
const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0);

export function isProtobuf(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

/** Of all messages: one is written at a time. */
const shared = new BackwardWriter();
const transcoder = new JsonTranscoder(shared);
/** Two empty texts. */
const envelopeEndBytes = 4;

function emptyWriter(): BackwardWriter {
  shared.reset();
  return shared;
}

/**
 * A built-in object as Kubernetes' protobuf: the magic, then runtime.Unknown around the message. Map entries are in order of their keys, so
 * equal objects give equal bytes.
 */
export function encodeProtobuf(typeName: string, object: JsonObject): Uint8Array {
  const writer = emptyWriter();
  writeEnvelopeEnd(writer);
  structWriter(typeName)(writer, object);
  const { kind, apiVersion } = object;
  writeEnvelopeStart(writer, typeof kind === 'string' ? kind : '', typeof apiVersion === 'string' ? apiVersion : '');
  return writer.finish();
}

/**
 * As `encodeProtobuf` of what decoding this JSON would give, without decoding it; for JSON as `stringifyObject` writes it. `resourceVersion` takes the place of
 * what it says. undefined: there is something in it for which it has to be decoded. A view, good until anything else is encoded.
 */
export function protobufOfJson(typeName: string, json: Uint8Array, resourceVersion?: string): Uint8Array | undefined {
  if (!transcoder.read(wirePlan(typeName), json, resourceVersion)) return undefined;
  const writer = emptyWriter();
  writeEnvelopeEnd(writer);
  transcoder.write();
  writeEnvelopeStart(writer, transcoder.textOf('kind'), transcoder.textOf('apiVersion'));
  return writer.view();
}

/** What comes last on the wire is written first. */
function writeEnvelopeEnd(writer: BackwardWriter): void {
  writer.string('');
  writer.tag(4, 2);
  writer.string('');
  writer.tag(3, 2);
}

function writeEnvelopeStart(writer: BackwardWriter, kind: string, apiVersion: string): void {
  writer.varint(writer.size - envelopeEndBytes);
  writer.tag(2, 2);
  const typeEnd = writer.size;
  writer.string(kind);
  writer.tag(2, 2);
  writer.string(apiVersion);
  writer.tag(1, 2);
  writer.varint(writer.size - typeEnd);
  writer.tag(1, 2);
  writer.raw(magic);
}

export interface ProtobufEnvelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

/** Takes the magic and runtime.Unknown off; `raw` is a view. Throws ProtobufError. */
export function openProtobuf(bytes: Uint8Array): ProtobufEnvelope {
  if (!isProtobuf(bytes)) throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const reader = new Reader(bytes.subarray(magic.length));
  let [apiVersion, kind] = ['', ''];
  let raw: Uint8Array = new Uint8Array();
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === 2) {
      const type = new Reader(reader.bytes());
      while (!type.done) {
        const tag = type.tag();
        if (tag.field === 1 && tag.wireType === 2) apiVersion = type.string();
        else if (tag.field === 2 && tag.wireType === 2) kind = type.string();
        else type.skip(tag.wireType);
      }
    } else if (field === 2 && wireType === 2) raw = reader.bytes();
    else reader.skip(wireType);
  }
  return { apiVersion, kind, raw };
}

/** Undoes `encodeProtobuf`. `typeName` decides what the message is, else the envelope's kind. Throws ProtobufError; ProtobufTooLongError if there are more fields in it. */
export function decodeProtobuf(bytes: Uint8Array, typeName?: string, maxFields = Infinity): JsonObject {
  const { apiVersion, kind, raw } = openProtobuf(bytes);
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
  const type = typeName ?? typeOfKind(group, version, kind);
  if (type === undefined) throw new ProtobufError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  const message = readBoundedStruct(type, raw, maxFields) as JsonObject;
  return normalizeObject(type, { ...(kind === '' ? {} : { kind }), ...(apiVersion === '' ? {} : { apiVersion }), ...message });
}

/** One frame of a watch in protobuf: length, then a WatchEvent around an object that is encoded already. */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array {
  const writer = emptyWriter();
  const end = writer.size;
  writer.bytes(object);
  writer.tag(1, 2);
  writer.varint(writer.size - end);
  writer.tag(2, 2);
  writer.string(type);
  writer.tag(1, 2);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, writer.size);
  writer.raw(length);
  return writer.finish();
}
