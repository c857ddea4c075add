import { stringifyAny, type JsonObject, type StatusError } from '@coxswain/api';
import { concatBytes, utf8 } from '@coxswain/host';
import type { ServedKind } from '../registry/kind.ts';
import { meta, text as fieldText } from '../registry/object.ts';
import type { StoredObject } from '../storage/codec.ts';
import type { Negotiated } from './accept.ts';
import { servedObject, servedParts, servedProtobuf, servedText } from './served.ts';
import { metadataText, partialMetadata } from './partial-metadata.ts';
import { encodeProtobufObject, protobufWatchFrame, statusProtobuf } from './protobuf.ts';
import { includeObjectOf, tableOf } from './table.ts';

export interface FrameMaker {
  /** Frames of one event with equal keys are equal; '' if they are not shared. */
  readonly shareKey: string;
  frame(type: string, object: StoredObject): Uint8Array;
  bookmark(object: JsonObject): Uint8Array;
  error(error: StatusError): Uint8Array;
}

function jsonFrame(type: string, text: string): Uint8Array {
  return utf8(`{"type":"${type}","object":${text}}\n`);
}

function textFrames(shareKey: string, textOf: (object: StoredObject) => string, bookmarkText: (object: JsonObject) => string): FrameMaker {
  return {
    shareKey,
    frame: (type, object) => jsonFrame(type, textOf(object)),
    bookmark: (object) => jsonFrame('BOOKMARK', bookmarkText(object)),
    error: (error) => jsonFrame('ERROR', stringifyAny(error.status)),
  };
}

function revisionOf(object: JsonObject): string {
  return fieldText(meta(object), 'resourceVersion');
}

function tableFrames(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams): FrameMaker {
  let first = true;
  const version = negotiated.transform?.version ?? 'v1';
  const includeObject = includeObjectOf(query);
  /** Columns are told once; later tables have rows only. */
  const text = (objects: readonly JsonObject[], revision: string): string => {
    const made = tableOf(kind, objects, { version, includeObject, metadata: { resourceVersion: revision }, columns: first });
    first = false;
    return made;
  };
  return textFrames('', (stored) => text([servedObject(kind, stored)], String(stored.revision)), (object) => {
    return text([object], revisionOf(object));
  });
}

function protobufFrames(shareKey: string, encode: (object: JsonObject) => Uint8Array, encodeStored: (object: StoredObject) => Uint8Array): FrameMaker {
  return {
    shareKey,
    frame: (type, object) => protobufWatchFrame(type, encodeStored(object)),
    bookmark: (object) => protobufWatchFrame('BOOKMARK', encode(object)),
    error: (error) => protobufWatchFrame('ERROR', statusProtobuf(error)),
  };
}

function metadataFrames(kind: ServedKind, version: string, protobuf: boolean): FrameMaker {
  if (protobuf) {
    const encode = (object: JsonObject): Uint8Array => encodeProtobufObject(partialMetadata(object, version));
    return protobufFrames(`protobuf metadata ${version}`, encode, (stored) => encode(servedObject(kind, stored)));
  }
  const text = (object: JsonObject): string => metadataText(partialMetadata(object, version));
  return textFrames(`metadata ${version}`, (stored) => text(servedObject(kind, stored)), text);
}

/** Without a text in between. */
function jsonFrames(kind: ServedKind): FrameMaker {
  const heads = new Map<string, Uint8Array>();
  return {
    ...textFrames('json', (stored) => servedText(kind, stored), (object) => kind.codec.encode(object)),
    frame: (type, stored) => {
      let head = heads.get(type);
      if (head === undefined) {
        head = utf8(`{"type":"${type}","object":`);
        heads.set(type, head);
      }
      return concatBytes([head, ...servedParts(kind, stored), frameEnd]);
    },
  };
}

const frameEnd = utf8('}\n');

export function frameMaker(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams): FrameMaker {
  if (negotiated.transform?.kind === 'Table') return tableFrames(kind, negotiated, query);
  if (negotiated.transform !== undefined) return metadataFrames(kind, negotiated.transform.version, negotiated.mediaType === 'protobuf');
  if (negotiated.mediaType === 'protobuf' && kind.codec.encodeProtobuf !== undefined) return protobufFrames('protobuf', kind.codec.encodeProtobuf, (stored) => servedProtobuf(kind, stored));
  return jsonFrames(kind);
}
