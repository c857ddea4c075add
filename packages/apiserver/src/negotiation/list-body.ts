import { encodeProtobuf, openProtobuf, stringifyAny, type JsonObject } from '@coxswain/api';
import { concatBytes, emptyBytes, utf8, type ByteSource } from '@coxswain/host';
import { apiVersionOf, type ServedKind } from '../registry/kind.ts';
import type { StoredObject } from '../storage/codec.ts';
import { startsWith } from '../storage/splice.ts';
import { typeOf } from './protobuf.ts';
import { servedParts } from './served.ts';

/** Longer lists are sent in pieces, so that no list is ever in memory as a whole and other requests have their turn in between. */
const chunkBytes = 128 * 1024;
const openBrace = Uint8Array.of(0x7b);
const comma = Uint8Array.of(0x2c);

/** Items of built-in lists do not repeat what the list says. */
function itemOf(kind: ServedKind, stored: StoredObject, head: Uint8Array): readonly Uint8Array[] {
  const served = servedParts(kind, stored);
  const [first] = served;
  if (kind.hub.custom || first === undefined || !startsWith(first, head, 0)) return served;
  return [openBrace, first.subarray(head.length), ...served.slice(1)];
}

function* partsOf(kind: ServedKind, metadata: JsonObject, items: readonly StoredObject[]): Generator<Uint8Array, void, undefined> {
  const { listKind } = kind.api;
  const apiVersion = apiVersionOf(kind.api);
  const custom = kind.hub.custom;
  // Lists without a type say that they are complete.
  const meta = stringifyAny(custom ? { continue: '', ...metadata } : metadata);
  const head = utf8(`{"kind":"${kind.api.kind}","apiVersion":"${apiVersion}",`);
  yield utf8(custom ? `{"apiVersion":"${apiVersion}","items":[` : `{"kind":"${listKind}","apiVersion":"${apiVersion}","metadata":${meta},"items":[`);
  let first = true;
  for (const item of items) {
    if (!first) yield comma;
    first = false;
    yield* itemOf(kind, item, head);
  }
  yield utf8(custom ? `],"kind":"${listKind}","metadata":${meta}}\n` : ']}\n');
}

/** Joins parts into pieces of about one size; the last one is smaller. */
function* chunksOf(parts: Iterable<Uint8Array>): Generator<Uint8Array, void, undefined> {
  let chunk: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const part of parts) {
    chunk.push(part);
    sizeBytes += part.length;
    if (sizeBytes < chunkBytes) continue;
    yield concatBytes(chunk);
    chunk = [];
    sizeBytes = 0;
  }
  if (sizeBytes > 0) yield concatBytes(chunk);
}

async function* inTurns(first: Uint8Array, chunks: Iterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  for (let next = chunks.next(); next.done !== true; next = chunks.next()) yield next.value;
}

/** Whole if it fits into one piece. */
export function pieces(parts: Iterable<Uint8Array>): Uint8Array | ByteSource {
  const chunks = chunksOf(parts)[Symbol.iterator]();
  const first = chunks.next();
  if (first.done === true) return emptyBytes;
  return first.value.length < chunkBytes ? first.value : inTurns(first.value, chunks);
}

export function jsonList(kind: ServedKind, metadata: JsonObject, items: readonly StoredObject[]): Uint8Array | ByteSource {
  return pieces(partsOf(kind, metadata, items));
}

/**
 * runtime.Unknown around a list whose items are messages already. Lengths come before what they count, so all items must be encoded
 * before the first byte leaves.
 */
export function protobufList(kind: ServedKind, metadata: JsonObject, messages: readonly Uint8Array[]): Uint8Array | ByteSource {
  const { group, version, listKind } = kind.api;
  const empty = openProtobuf(encodeProtobuf(typeOf(group, version, listKind), { kind: listKind, apiVersion: apiVersionOf(kind.api), metadata, items: [] })).raw;
  const heads = messages.map((message) => lengthHead(itemsField, message.length));
  const rawBytes = messages.reduce((sum, message, at) => sum + message.length + (heads[at] as Uint8Array).length, empty.length);
  const type = concatBytes([text(1, apiVersionOf(kind.api)), text(2, listKind)]);
  function* parts(): Generator<Uint8Array, void, undefined> {
    yield magic;
    yield concatBytes([lengthHead(1, type.length), type, lengthHead(2, rawBytes), empty]);
    for (const [at, message] of messages.entries()) {
      yield heads[at] as Uint8Array;
      yield message;
    }
    yield concatBytes([text(3, ''), text(4, '')]);
  }
  return pieces(parts());
}

const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0);
/** Of every list type. */
const itemsField = 2;

function lengthHead(field: number, length: number): Uint8Array {
  const head = [field * 8 + 2];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  return Uint8Array.from(head);
}

function text(field: number, value: string): Uint8Array {
  const bytes = utf8(value);
  return concatBytes([lengthHead(field, bytes.length), bytes]);
}
