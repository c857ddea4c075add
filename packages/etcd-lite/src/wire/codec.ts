import { assert, emptyBytes, fromUtf8, utf8 } from '@coxswain/host';
import { Reader } from './reader.ts';
import { shapes } from './shapes.ts';
import { ReverseWriter } from './writer.ts';

/** A protobuf.js JSON description, as far as it is used here. */
export interface SchemaNode {
  readonly nested?: Readonly<Record<string, SchemaNode>>;
  readonly fields?: Readonly<Record<string, { readonly type: string; readonly id: number; readonly rule?: string }>>;
  readonly oneofs?: Readonly<Record<string, { readonly oneof: readonly string[] }>>;
  readonly values?: Readonly<Record<string, number>>;
}

/**
 * Messages are plain objects: field names in camelCase; 64-bit integers as numbers (revisions, counts), ids as bigint;
 * enums as numbers. After decoding every field is present (proto3's defaults), except messages and members of a oneof.
 */
export interface Codec<T> {
  /** `freeBytes`: in front of it, for its frame. */
  encode(value: T, freeBytes?: number): Uint8Array;
  decode(data: Uint8Array): T;
}

type Values = Record<string, unknown>;
type FieldKind = 'bytes' | 'string' | 'bool' | 'int32' | 'uint32' | 'int64' | 'id' | 'unsigned-id' | 'message';

interface FieldPlan {
  readonly name: string;
  readonly id: number;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** Written even if it has the default value. */
  readonly explicit: boolean;
  readonly message: MessagePlan | undefined;
  readonly initial: unknown;
}

interface MessagePlan {
  /** Made with all fields at once; undefined: they are put in one by one. */
  shape: (() => Values) | undefined;
  fields: readonly FieldPlan[];
  byId: (FieldPlan | undefined)[];
}

/** Random 64-bit numbers, which a double cannot hold. */
const idFields: ReadonlySet<string> = new Set(['ID', 'lease', 'cluster_id', 'member_id', 'memberID', 'leader', 'targetID', 'from', 'to']);

const initials: Readonly<Record<FieldKind, unknown>> = {
  bytes: emptyBytes, string: '', bool: false, int32: 0, uint32: 0, int64: 0, id: 0n, 'unsigned-id': 0n, message: undefined,
};

/** Compiles message types of one description on first use. */
export class Schema {
  readonly #root: SchemaNode;
  readonly #plans = new Map<string, MessagePlan>();

  constructor(root: SchemaNode) {
    this.#root = root;
  }

  /** The caller vouches that T is the shape of `typeName`; tests compare with protobuf.js. */
  codec<T extends object>(typeName: string): Codec<T> {
    const plan = this.#plan(typeName);
    return {
      encode: (value, freeBytes = 0) => encode(plan, value as Values, freeBytes),
      decode: (data) => decode(plan, new Reader(data)) as T,
    };
  }

  #find(typeName: string): SchemaNode | undefined {
    let node: SchemaNode | undefined = this.#root;
    for (const part of typeName.split('.')) node = node?.nested?.[part];
    return node;
  }

  /** As protobuf scopes names: innermost first. */
  #resolve(name: string, scope: string): { readonly path: string; readonly node: SchemaNode } {
    const parts = scope.split('.');
    for (let depth = parts.length; depth >= 0; depth -= 1) {
      const path = [...parts.slice(0, depth), name].join('.');
      const node = this.#find(path);
      if (node !== undefined) return { path, node };
    }
    throw new Error(`no type ${name} in ${scope}`);
  }

  #plan(path: string): MessagePlan {
    const known = this.#plans.get(path);
    if (known !== undefined) return known;
    const node = this.#find(path);
    assert(node?.fields !== undefined, 'no such message', { path });
    const plan: MessagePlan = { shape: shapes.get(path), fields: [], byId: [] };
    this.#plans.set(path, plan);
    const choices = new Set(Object.values(node.oneofs ?? {}).flatMap((group) => group.oneof));
    plan.fields = Object.entries(node.fields).map(([name, field]) => this.#field(path, name, field, choices.has(name)))
      .sort((a, b) => a.id - b.id);
    for (const field of plan.fields) plan.byId[field.id] = field;
    checkShape(path, plan);
    return plan;
  }

  #field(path: string, name: string, field: { readonly type: string; readonly id: number; readonly rule?: string }, explicit: boolean): FieldPlan {
    const { kind, message } = this.#kind(path, name, field.type);
    const repeated = field.rule === 'repeated';
    return { name: camelCase(name), id: field.id, kind, repeated, explicit, message, initial: explicit ? undefined : initials[kind] };
  }

  #kind(path: string, name: string, type: string): { readonly kind: FieldKind; readonly message?: MessagePlan } {
    switch (type) {
      case 'bytes': case 'string': case 'bool': return { kind: type };
      case 'int32': case 'uint32': return { kind: type };
      case 'int64': return { kind: idFields.has(name) ? 'id' : 'int64' };
      case 'uint64': return { kind: idFields.has(name) ? 'unsigned-id' : 'int64' };
      default: {
        const found = this.#resolve(type, path);
        return found.node.values === undefined ? { kind: 'message', message: this.#plan(found.path) } : { kind: 'int32' };
      }
    }
  }
}

/** A field that came to the description must come to the shape. */
function checkShape(path: string, { shape, fields }: MessagePlan): void {
  const made = shape === undefined ? [] : Object.entries(shape());
  const same = shape === undefined || (made.length === fields.length && fields.every((field, at) => !field.repeated && made[at]?.[0] === field.name && made[at][1] === field.initial));
  assert(same, 'the shape of a message is not as described', { path });
}

function camelCase(name: string): string {
  return name.replace(/_([a-zA-Z])/g, (_all, letter: string) => letter.toUpperCase());
}

function encode(plan: MessagePlan, value: Values, freeBytes: number): Uint8Array {
  const writer = new ReverseWriter();
  writeMessage(writer, plan, value);
  return writer.finish(freeBytes);
}

function writeMessage(writer: ReverseWriter, plan: MessagePlan, value: Values): void {
  for (let at = plan.fields.length - 1; at >= 0; at -= 1) {
    const field = plan.fields[at] as FieldPlan;
    const content = value[field.name];
    if (content === undefined) continue;
    if (field.repeated) writeRepeated(writer, field, content as readonly unknown[]);
    else if (field.explicit || !isInitial(field, content)) writeField(writer, field, content);
  }
}

function isInitial(field: FieldPlan, content: unknown): boolean {
  return field.kind === 'bytes' ? (content as Uint8Array).length === 0 : content === field.initial;
}

function writeRepeated(writer: ReverseWriter, field: FieldPlan, items: readonly unknown[]): void {
  if (items.length === 0) return;
  if (isPacked(field.kind)) {
    const before = writer.sizeBytes;
    for (let at = items.length - 1; at >= 0; at -= 1) writeScalar(writer, field, items[at]);
    writer.varint(writer.sizeBytes - before);
    writer.varint(field.id * 8 + 2);
    return;
  }
  for (let at = items.length - 1; at >= 0; at -= 1) writeField(writer, field, items[at]);
}

function isPacked(kind: FieldKind): boolean {
  return kind !== 'bytes' && kind !== 'string' && kind !== 'message';
}

function writeField(writer: ReverseWriter, field: FieldPlan, content: unknown): void {
  if (field.message !== undefined) {
    const before = writer.sizeBytes;
    writeMessage(writer, field.message, content as Values);
    writer.varint(writer.sizeBytes - before);
    writer.varint(field.id * 8 + 2);
  } else if (field.kind === 'bytes' || field.kind === 'string') {
    const data = field.kind === 'bytes' ? content as Uint8Array : utf8(content as string);
    writer.bytes(data);
    writer.varint(data.length);
    writer.varint(field.id * 8 + 2);
  } else {
    writeScalar(writer, field, content);
    writer.varint(field.id * 8);
  }
}

function writeScalar(writer: ReverseWriter, field: FieldPlan, content: unknown): void {
  if (typeof content === 'bigint') writer.bigint(content);
  else if (typeof content === 'boolean') writer.varint(content ? 1 : 0);
  else writer.int64(content as number);
}

function blank(plan: MessagePlan): Values {
  const out: Values = {};
  for (const field of plan.fields) out[field.name] = field.repeated ? [] : field.initial;
  return out;
}

function decode(plan: MessagePlan, reader: Reader): Values {
  const out = plan.shape === undefined ? blank(plan) : plan.shape();
  while (!reader.done) {
    const tag = reader.int64();
    const field = plan.byId[Math.floor(tag / 8)];
    const wireType = tag % 8;
    if (field === undefined) reader.skip(wireType);
    else if (field.repeated) readRepeated(reader, field, wireType, out[field.name] as unknown[]);
    else if (wireType !== wireTypeOf(field.kind)) reader.skip(wireType);
    else out[field.name] = readField(reader, field);
  }
  return out;
}

function wireTypeOf(kind: FieldKind): number {
  return isPacked(kind) ? 0 : 2;
}

function readRepeated(reader: Reader, field: FieldPlan, wireType: number, items: unknown[]): void {
  if (isPacked(field.kind) && wireType === 2) {
    const end = reader.limit();
    while (reader.position < end) items.push(readField(reader, field));
  } else if (wireType === wireTypeOf(field.kind)) {
    items.push(readField(reader, field));
  } else {
    reader.skip(wireType);
  }
}

function readField(reader: Reader, field: FieldPlan): unknown {
  switch (field.kind) {
    case 'message': {
      const end = reader.limit();
      const value = decode(field.message as MessagePlan, new Reader(reader.buffer, reader.position, end));
      reader.position = end;
      return value;
    }
    case 'bytes': return reader.bytes();
    case 'string': return fromUtf8(reader.bytes());
    case 'bool': return reader.int64() !== 0;
    case 'int32': return reader.int64() | 0;
    case 'uint32': return reader.int64() >>> 0;
    case 'int64': return reader.int64();
    case 'id': return reader.bigint(true);
    case 'unsigned-id': return reader.bigint(false);
  }
}
