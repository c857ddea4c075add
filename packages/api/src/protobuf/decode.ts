import { assert } from '@coxswain/host';
import { formatDuration } from '../decode/duration.ts';
import { setMember } from '../decode/read.ts';
import { schemaOfUnion, unionOf } from '../description/plan.ts';
import { structOf, type GoField, type Shape } from '../description/raw.ts';
import { scanJson } from '../json/scan.ts';
import { JsonSyntaxError } from '../json/syntax-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { ProtobufError, ProtobufTooLongError, Reader } from './reader.ts';

type ReadValue = (reader: Reader) => Json;
type ReadInto = (reader: Reader, object: JsonObject) => void;

/** Fields that the message that is being read may still have: one is read at a time. */
let fieldsLeft = Infinity;

function countField(): void {
  fieldsLeft -= 1;
  if (fieldsLeft < 0) throw new ProtobufTooLongError();
}

const readers = new Map<string, (bytes: Uint8Array) => Json>();

function toNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Fields 1 … n of a small message, by number. */
function smallMessage(bytes: Uint8Array): Map<number, bigint | Uint8Array> {
  const reader = new Reader(bytes);
  const fields = new Map<number, bigint | Uint8Array>();
  while (!reader.done) {
    countField();
    const { field, wireType } = reader.tag();
    if (wireType === 0) fields.set(field, reader.varint());
    else if (wireType === 2) fields.set(field, reader.bytes());
    else reader.skip(wireType);
  }
  return fields;
}

function integerAt(fields: Map<number, bigint | Uint8Array>, field: number): bigint {
  const value = fields.get(field);
  return typeof value === 'bigint' ? value : 0n;
}

function textAt(fields: Map<number, bigint | Uint8Array>, field: number): string {
  const value = fields.get(field);
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : '';
}

function readTime(micro: boolean): ReadValue {
  return (reader) => {
    const fields = smallMessage(reader.bytes());
    if (fields.size === 0) return null;
    const ms = Number(integerAt(fields, 1)) * 1000;
    if (Math.abs(ms) > 8.64e15) throw new ProtobufError('time out of range');
    const seconds = new Date(ms).toISOString().slice(0, 19);
    return micro ? `${seconds}.${String(integerAt(fields, 2) / 1000n).padStart(6, '0')}Z` : `${seconds}Z`;
  };
}

const readAny: ReadValue = (reader) => {
  const raw = smallMessage(reader.bytes()).get(1);
  return raw instanceof Uint8Array && raw.length > 0 ? jsonWithin(raw) : null;
};

/** An object of any kind is JSON inside the message; a client may write there what is none. */
function jsonWithin(raw: Uint8Array): Json {
  try {
    return scanJson(raw).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new ProtobufError(error.message);
    throw error;
  }
}

const readIntOrString: ReadValue = (reader) => {
  const fields = smallMessage(reader.bytes());
  return integerAt(fields, 1) === 1n ? textAt(fields, 3) : toNumber(integerAt(fields, 2));
};

const readStringList: ReadValue = (reader) => {
  const inner = new Reader(reader.bytes());
  const items: Json[] = [];
  while (!inner.done) {
    countField();
    const { field, wireType } = inner.tag();
    if (field === 1 && wireType === 2) items.push(inner.string());
    else inner.skip(wireType);
  }
  return items;
};

function single(shape: Shape): { readonly wireType: number; readonly read: ReadValue } {
  switch (shape.kind) {
    case 'string': return { wireType: 2, read: (reader) => reader.string() };
    case 'bytes': return { wireType: 2, read: (reader) => reader.bytes().toBase64() };
    case 'boolean': return { wireType: 0, read: (reader) => reader.varint() !== 0n };
    case 'int32': return { wireType: 0, read: (reader) => Number(BigInt.asIntN(32, reader.varint())) };
    case 'int64': return { wireType: 0, read: (reader) => toNumber(reader.varint()) };
    case 'double': return { wireType: 1, read: (reader) => reader.double() };
    case 'time': return { wireType: 2, read: readTime(false) };
    case 'micro-time': return { wireType: 2, read: readTime(true) };
    case 'duration': return { wireType: 2, read: (reader) => formatDuration(integerAt(smallMessage(reader.bytes()), 1)) };
    case 'quantity': return { wireType: 2, read: (reader) => textAt(smallMessage(reader.bytes()), 1) };
    case 'int-or-string': return { wireType: 2, read: readIntOrString };
    case 'any': return { wireType: 2, read: readAny };
    case 'list': case 'map': return { wireType: 2, read: readStringList };
    case 'object': return { wireType: 2, read: (reader) => readStruct(shape.type, reader.bytes()) };
  }
}

function mapEntry(of: Shape): (bytes: Uint8Array) => readonly [string, Json | undefined] {
  const value = single(of);
  return (bytes) => {
    const reader = new Reader(bytes);
    let key = '';
    let found: Json | undefined;
    while (!reader.done) {
      countField();
      const tag = reader.tag();
      if (tag.field === 1 && tag.wireType === 2) key = reader.string();
      else if (tag.field === 2 && tag.wireType === value.wireType) found = value.read(reader);
      else reader.skip(tag.wireType);
    }
    return [key, found];
  };
}

function repeatedInto(name: string, of: Shape): { readonly wireType: number; readonly read: ReadInto } {
  const item = single(of);
  return {
    wireType: item.wireType,
    read: (reader, object) => {
      const list = object[name];
      const value = item.read(reader);
      if (Array.isArray(list)) list.push(value);
      else object[name] = [value];
    },
  };
}

function mapInto(name: string, of: Shape): ReadInto {
  const entry = mapEntry(of);
  return (reader, object) => {
    const [key, value] = entry(reader.bytes());
    const map = object[name];
    if (map !== null && typeof map === 'object' && !Array.isArray(map)) setMember(map, key, value ?? null);
    else {
      const made: JsonObject = {};
      setMember(made, key, value ?? null);
      object[name] = made;
    }
  };
}

function fieldReader(field: GoField): { readonly wireType: number; readonly read: ReadInto } {
  const { name, shape } = field;
  if (field.inline && shape.kind === 'object') return { wireType: 2, read: (reader, object) => void Object.assign(object, readStruct(shape.type, reader.bytes())) };
  if (shape.kind === 'list' && field.goType !== 'v1.Verbs') return repeatedInto(name, shape.of);
  if (shape.kind === 'map') return { wireType: 2, read: mapInto(name, shape.of) };
  const value = single(shape);
  return {
    wireType: value.wireType,
    read: (reader, object) => {
      object[name] = value.read(reader);
    },
  };
}

function makeStructReader(typeName: string): (bytes: Uint8Array) => Json {
  const struct = structOf(typeName);
  assert(struct !== undefined, `no type ${typeName} in the API description`);
  const fields = new Map(struct.fields.filter((field) => field.protoNumber > 0).map((field) => [field.protoNumber, { name: field.name, ...fieldReader(field) }]));
  return (bytes) => {
    const reader = new Reader(bytes);
    const object: JsonObject = {};
    while (!reader.done) {
      countField();
      const tag = reader.tag();
      const field = fields.get(tag.field);
      if (field === undefined) reader.skip(tag.wireType);
      else if (field.wireType !== tag.wireType) throw new ProtobufError(`proto: wrong wireType = ${tag.wireType} for field ${field.name}`);
      else field.read(reader, object);
    }
    return object;
  };
}

function unionReader(typeName: string): (bytes: Uint8Array) => Json {
  const schema = schemaOfUnion(typeName);
  const kind = unionOf(typeName);
  return (bytes) => {
    const reader = new Reader(bytes);
    const list: Json[] = [];
    let found: Json | undefined;
    let allows = false;
    while (!reader.done) {
      countField();
      const { field, wireType } = reader.tag();
      if (wireType === 0 && field === 1) allows = reader.varint() !== 0n;
      else if (wireType !== 2) reader.skip(wireType);
      else if (kind === 'boolean' || field === 1) found = readStruct(schema, reader.bytes());
      else list.push(kind === 'array' ? readStruct(schema, reader.bytes()) : reader.string());
    }
    return found ?? (kind === 'boolean' ? allows : list);
  };
}

/** An object as its fields stand on the wire: what Go's zero values would add is not in it. */
function readStruct(typeName: string, bytes: Uint8Array): Json {
  let read = readers.get(typeName);
  if (read === undefined) {
    read = unionOf(typeName) === undefined ? makeStructReader(typeName) : unionReader(typeName);
    readers.set(typeName, read);
  }
  return read(bytes);
}

/** As `readStruct`, of a message with at most so many fields; throws ProtobufTooLongError. */
export function readBoundedStruct(typeName: string, bytes: Uint8Array, maxFields: number): Json {
  fieldsLeft = maxFields;
  try {
    return readStruct(typeName, bytes);
  } finally {
    fieldsLeft = Infinity;
  }
}
