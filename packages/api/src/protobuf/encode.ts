import { assert } from '@coxswain/host';
import { parseDuration } from '../decode/duration.ts';
import { schemaOfUnion, unionOf } from '../description/plan.ts';
import { structOf, type GoField, type Shape } from '../description/raw.ts';
import { stringifyAny } from '../json/any.ts';
import type { BackwardWriter } from './writer.ts';

type Plain = Record<string, unknown>;
/** Writes a message without its length. */
export type WriteMessage = (writer: BackwardWriter, value: unknown) => void;
/** Writes a whole field, tag included; of a list or map every entry. */
type WriteField = (writer: BackwardWriter, value: unknown) => void;

const utf8 = new TextEncoder();
const messages = new Map<string, WriteMessage>();

function integer(value: unknown): number | bigint {
  return typeof value === 'number' || typeof value === 'bigint' ? value : 0;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
}

/** Absent times are empty messages. */
function writeTime(fractionDigits: 0 | 6): WriteMessage {
  return (writer, value) => {
    if (typeof value !== 'string' || value === '') return;
    const fraction = /\.(\d+)/.exec(value)?.[1] ?? '';
    writer.varint(fractionDigits === 0 ? 0 : Number(fraction.slice(0, 6).padEnd(6, '0')) * 1000);
    writer.tag(2, 0);
    writer.varint(Math.floor(Date.parse(value.replace(/\.\d+/, '')) / 1000));
    writer.tag(1, 0);
  };
}

const writeQuantity: WriteMessage = (writer, value) => {
  writer.string(textOf(value) || '0');
  writer.tag(1, 2);
};

const writeIntOrString: WriteMessage = (writer, value) => {
  const text = typeof value === 'string';
  writer.string(text ? value : '');
  writer.tag(3, 2);
  writer.varint(text ? 0 : integer(value));
  writer.tag(2, 0);
  writer.varint(text ? 1 : 0);
  writer.tag(1, 0);
};

/** Values without a type travel as their JSON; bytes are that already. */
const writeAny: WriteMessage = (writer, value) => {
  if (value === undefined || value === null) return;
  writer.bytes(value instanceof Uint8Array ? value : utf8.encode(stringifyAny(value)));
  writer.tag(1, 2);
};

const writeDuration: WriteMessage = (writer, value) => {
  writer.varint(typeof value === 'string' && value !== '' ? parseDuration(value) : 0);
  writer.tag(1, 0);
};

/** ExtraValue and Verbs: a list on the JSON wire, a message around it here. */
const writeStringList: WriteMessage = (writer, value) => {
  const items = Array.isArray(value) ? value : [];
  for (const item of items.toReversed()) {
    writer.string(textOf(item));
    writer.tag(1, 2);
  }
};

export function messageOf(shape: Shape): WriteMessage | undefined {
  switch (shape.kind) {
    case 'time': return writeTime(0);
    case 'micro-time': return writeTime(6);
    case 'quantity': return writeQuantity;
    case 'int-or-string': return writeIntOrString;
    case 'any': return writeAny;
    case 'duration': return writeDuration;
    case 'list': return writeStringList;
    case 'object': return (writer, value) => structWriter(shape.type)(writer, value);
    default: return undefined;
  }
}

function single(number: number, shape: Shape): WriteField {
  const message = messageOf(shape);
  if (message !== undefined) {
    return (writer, value) => {
      const end = writer.size;
      message(writer, value);
      writer.varint(writer.size - end);
      writer.tag(number, 2);
    };
  }
  switch (shape.kind) {
    case 'string': return (writer, value) => {
      writer.string(textOf(value));
      writer.tag(number, 2);
    };
    case 'bytes': return (writer, value) => {
      writer.bytes(typeof value === 'string' ? Uint8Array.fromBase64(value) : new Uint8Array());
      writer.tag(number, 2);
    };
    case 'boolean': return (writer, value) => {
      writer.varint(value === true ? 1 : 0);
      writer.tag(number, 0);
    };
    case 'double': return (writer, value) => {
      writer.double(Number(value ?? 0));
      writer.tag(number, 1);
    };
    default: return (writer, value) => {
      writer.varint(integer(value));
      writer.tag(number, 0);
    };
  }
}

function repeated(number: number, of: Shape): WriteField {
  const write = single(number, of);
  return (writer, value) => {
    if (!Array.isArray(value)) return;
    for (let index = value.length - 1; index >= 0; index--) write(writer, value[index]);
  };
}

/** Entries in order of their keys, as messages of key and value. */
function mapped(number: number, of: Shape): WriteField {
  const write = single(2, of);
  return (writer, value) => {
    if (value === null || typeof value !== 'object') return;
    for (const key of Object.keys(value).sort().reverse()) {
      const end = writer.size;
      write(writer, (value as Plain)[key]);
      writer.string(key);
      writer.tag(1, 2);
      writer.varint(writer.size - end);
      writer.tag(number, 2);
    }
  };
}

function present(write: WriteField): WriteField {
  return (writer, value) => {
    if (value !== undefined && value !== null) write(writer, value);
  };
}

export function fieldWriter(field: GoField): WriteField {
  const { shape, protoNumber } = field;
  if (field.goType === 'v1.Verbs') return present(single(protoNumber, shape));
  if (shape.kind === 'list') return repeated(protoNumber, shape.of);
  if (shape.kind === 'map') return mapped(protoNumber, shape.of);
  return field.presence === 'value' ? single(protoNumber, shape) : present(single(protoNumber, shape));
}

function makeStructWriter(typeName: string): WriteMessage {
  const struct = structOf(typeName);
  assert(struct !== undefined, `no type ${typeName} in the API description`);
  const fields = struct.fields.filter((field) => field.protoNumber > 0).sort((left, right) => right.protoNumber - left.protoNumber)
    .map((field) => ({ name: field.name, inline: field.inline, write: fieldWriter(field) }));
  return (writer, value) => {
    const object = (value ?? {}) as Plain;
    // What JSON flattens into this object is a message of its own here, made of the same object.
    for (const field of fields) field.write(writer, field.inline ? object : object[field.name]);
  };
}

function unionWriter(typeName: string): WriteMessage {
  const schema = schemaOfUnion(typeName);
  const one = single(1, { kind: 'object', type: schema });
  const second = single(2, { kind: 'object', type: schema });
  const isObject = (value: unknown): boolean => value !== null && typeof value === 'object' && !Array.isArray(value);
  if (unionOf(typeName) === 'boolean') {
    return (writer, value) => {
      if (isObject(value)) second(writer, value);
      writer.varint(value === false ? 0 : 1);
      writer.tag(1, 0);
    };
  }
  const list = repeated(2, unionOf(typeName) === 'array' ? { kind: 'object', type: schema } : { kind: 'string' });
  return (writer, value) => {
    list(writer, value);
    if (isObject(value)) one(writer, value);
  };
}

export function structWriter(typeName: string): WriteMessage {
  const known = messages.get(typeName);
  if (known !== undefined) return known;
  const made = unionOf(typeName) === undefined ? makeStructWriter(typeName) : unionWriter(typeName);
  messages.set(typeName, made);
  return made;
}
