import { cannotBeHandled, decodeBody, DecodeError, decodeProtobuf, encodeProtobuf, encodeWatchFrame, isProtobuf, maxMessageFields, openProtobuf, ProtobufError, ProtobufTooLongError, StatusError, typeOfKind, badRequest, unrecognized, type JsonObject } from '@coxswain/api';
import { assert, utf8 } from '@coxswain/host';
import { text } from '../registry/object.ts';

export interface ExpectedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly typeName?: string;
}

const statusType = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
/** Sent in the name of any group and version. */
const deleteOptionsType = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

export function typeOf(group: string, version: string, kind: string): string {
  // Metadata forms are the same message in both of their versions.
  const type = typeOfKind(group, group === 'meta.k8s.io' ? 'v1' : version, kind);
  assert(type !== undefined, 'no type to encode in protobuf', { group, version, kind });
  return type;
}

/** An object of any built-in kind that says its kind. */
export function encodeProtobufObject(object: JsonObject): Uint8Array {
  const apiVersion = text(object, 'apiVersion');
  const slash = apiVersion.indexOf('/');
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  // `/api` says no version of its own.
  return encodeProtobuf(typeOf(group, version === '' ? 'v1' : version, text(object, 'kind')), object);
}

function tooLong(error: unknown): unknown {
  return error instanceof ProtobufTooLongError ? new StatusError('RequestEntityTooLarge', `Request entity too large: ${error.message}`) : error;
}

/** A request's body. Refuses other kinds with the words that a JSON body would get. */
export function fromProtobuf(body: Uint8Array, expected: ExpectedKind): JsonObject {
  try {
    const { kind, apiVersion } = openProtobuf(body);
    // What the envelope does not say is what was expected.
    const named = decodeBody(expected, utf8(JSON.stringify({ kind, apiVersion })), 'Ignore').object;
    const object = decodeProtobuf(body, expected.typeName ?? typeOf(expected.group, expected.version, expected.kind), maxMessageFields);
    return { ...object, kind: named['kind'] ?? null, apiVersion: named['apiVersion'] ?? null };
  } catch (error) {
    if (error instanceof ProtobufError) throw unrecognized(expected.kind, error.message, body);
    // Texts that are no quantities.
    if (error instanceof DecodeError) throw cannotBeHandled(expected, expected.kind, error.message);
    throw tooLong(error);
  }
}

export function deleteOptionsFromProtobuf(body: Uint8Array): JsonObject {
  try {
    return decodeProtobuf(body, deleteOptionsType, maxMessageFields);
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequest(`the object provided is unrecognized (must be of type DeleteOptions): ${error.message}`);
    throw tooLong(error);
  }
}

/** What upstream wrote to a store that was taken over. */
export function storedProtobuf(value: Uint8Array, typeName: string): JsonObject | undefined {
  return isProtobuf(value) ? decodeProtobuf(value, typeName) : undefined;
}

export function statusProtobuf(error: StatusError): Uint8Array {
  return encodeProtobuf(statusType, error.status as unknown as JsonObject);
}

/** Of the number before each frame of a watch, which says how long it is. */
export const watchFrameLengthBytes = 4;

export function protobufWatchFrame(type: string, object: Uint8Array): Uint8Array {
  return encodeWatchFrame(type, object);
}
