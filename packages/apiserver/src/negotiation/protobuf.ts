import { StatusError, type JsonObject } from '@coxswain/api';
import type { ServedKind } from '../registry/kind.ts';

function notYet(): StatusError {
  return new StatusError('NotAcceptable', 'protobuf is not available');
}

export function encodeProtobufObject(_object: JsonObject): Uint8Array {
  throw notYet();
}

export function listProtobuf(_kind: ServedKind, _metadata: JsonObject, _objects: readonly JsonObject[]): Uint8Array {
  throw notYet();
}

export function fromProtobuf(_body: Uint8Array, _expected: { readonly group: string; readonly version: string; readonly kind: string }): JsonObject {
  throw new StatusError('UnsupportedMediaType', 'protobuf is not available');
}

export function statusProtobuf(_error: StatusError): Uint8Array {
  throw notYet();
}

export function protobufWatchFrame(_type: string, _object: Uint8Array): Uint8Array {
  throw notYet();
}
