import { encodeProtobuf, openProtobuf, stringifyAny, type JsonObject } from '@coxswain/api';
import { assert, concatBytes, copyBytes, utf8, type ByteSource } from '@coxswain/host';
import { apiVersionOf, type ServedKind } from '../registry/kind.ts';
import type { StoredObject } from '../storage/codec.ts';
import type { BytePart } from '../storage/encoded.ts';
import { startsWith } from '../storage/splice.ts';
import { Filler, pieces, type ItemWriter } from './pieces.ts';
import { typeOf } from './protobuf.ts';
import { servedBytes } from './served.ts';

const openBrace = 0x7b;
const comma = 0x2c;

/** Stored bytes go out as they are, without a view or a copy of an object in between. */
class JsonItems implements ItemWriter<StoredObject> {
  readonly #kind: ServedKind;
  /** Items of built-in lists do not repeat what the list says. */
  readonly #head: Uint8Array;
  /** Of an object that has another form in the store. */
  #made: Uint8Array | undefined;
  #first = true;

  constructor(kind: ServedKind) {
    this.#kind = kind;
    this.#head = utf8(`{"kind":"${kind.api.kind}","apiVersion":"${apiVersionOf(kind.api)}",`);
  }

  sizeBytesMax(stored: StoredObject): number {
    this.#made = this.#kind.isHub && stored.versionAt >= 0 ? undefined : servedBytes(this.#kind, stored);
    return (this.#made?.length ?? stored.servedBytesMax) + 2;
  }

  write(stored: StoredObject, target: Uint8Array, start: number): number {
    let at = start;
    if (!this.#first) target[at++] = comma;
    this.#first = false;
    const made = this.#made;
    const bare = !this.#kind.hub.custom && startsWith(made ?? stored.value, this.#head, 0);
    if (bare) target[at++] = openBrace;
    const from = bare ? this.#head.length : 0;
    if (made === undefined) return stored.writeServed(from, target, at);
    copyBytes(made, from, made.length, target, at);
    return at + made.length - from;
  }
}

export function jsonList(kind: ServedKind, metadata: JsonObject, items: readonly StoredObject[]): Uint8Array | ByteSource {
  const { listKind } = kind.api;
  const apiVersion = apiVersionOf(kind.api);
  const { custom } = kind.hub;
  // Lists without a type say that they are complete.
  const meta = stringifyAny(custom ? { continue: '', ...metadata } : metadata);
  return pieces(new Filler(
    utf8(custom ? `{"apiVersion":"${apiVersion}","items":[` : `{"kind":"${listKind}","apiVersion":"${apiVersion}","metadata":${meta},"items":[`),
    items, new JsonItems(kind),
    utf8(custom ? `],"kind":"${listKind}","metadata":${meta}}\n` : ']}\n'),
  ));
}

/** Where the message begins that an envelope as we write it holds: behind a type that is shorter than 128 bytes, and its own length. */
function messageAt({ bytes, from }: BytePart): number {
  let at = from + magic.length;
  assert(bytes[at] === typeTag && bytes[at + 2 + (bytes[at + 1] as number)] === rawTag, 'an envelope of another shape', {});
  at += 3 + (bytes[at + 1] as number);
  while ((bytes[at] as number) >= 0x80) at += 1;
  return at + 1;
}

class ProtobufItems implements ItemWriter<BytePart> {
  sizeBytesMax({ from, to }: BytePart): number {
    return to - from + lengthHeadBytesMax;
  }

  write(envelope: BytePart, target: Uint8Array, start: number): number {
    const from = messageAt(envelope);
    const to = envelope.to - tailBytes;
    const at = writeLengthHead(itemsField, to - from, target, start);
    copyBytes(envelope.bytes, from, to, target, at);
    return at + to - from;
  }
}

/**
 * runtime.Unknown around a list; its items are given as messages with their own envelopes. Lengths come before what they count, so all
 * items must be encoded before the first byte leaves.
 */
export function protobufList(kind: ServedKind, metadata: JsonObject, envelopes: readonly BytePart[]): Uint8Array | ByteSource {
  const { group, version, listKind } = kind.api;
  const empty = openProtobuf(encodeProtobuf(typeOf(group, version, listKind), { kind: listKind, apiVersion: apiVersionOf(kind.api), metadata, items: [] })).raw;
  let rawBytes = empty.length;
  for (const envelope of envelopes) {
    const sizeBytes = envelope.to - tailBytes - messageAt(envelope);
    rawBytes += sizeBytes + lengthHeadBytes(sizeBytes);
  }
  const type = concatBytes([text(1, apiVersionOf(kind.api)), text(2, listKind)]);
  const head = concatBytes([magic, lengthHead(1, type.length), type, lengthHead(2, rawBytes), empty]);
  return pieces(new Filler(head, envelopes, new ProtobufItems(), concatBytes([text(3, ''), text(4, '')])));
}

const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0);
/** Of an envelope: two empty texts. */
const tailBytes = 4;
const typeTag = 0x0a;
const rawTag = 0x12;
/** Of every list type. */
const itemsField = 2;
/** A field's number and a length below 2^35. */
const lengthHeadBytesMax = 6;

function lengthHeadBytes(length: number): number {
  let bytes = 2;
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

function writeLengthHead(field: number, length: number, target: Uint8Array, start: number): number {
  let at = start;
  target[at++] = field * 8 + 2;
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}

function lengthHead(field: number, length: number): Uint8Array {
  const head = new Uint8Array(lengthHeadBytes(length));
  writeLengthHead(field, length, head, 0);
  return head;
}

function text(field: number, value: string): Uint8Array {
  const bytes = utf8(value);
  return concatBytes([lengthHead(field, bytes.length), bytes]);
}
