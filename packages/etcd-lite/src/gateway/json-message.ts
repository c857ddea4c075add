import { assert, concatBytes, fromUtf8, utf8 } from '@coxswain/host';
import type { SchemaNode } from '../wire/codec.ts';
import { Reader } from '../wire/reader.ts';
import { ReverseWriter } from '../wire/writer.ts';

type Scalar = 'bytes' | 'string' | 'bool' | 'int32' | 'uint32' | 'int64' | 'uint64';
type FieldType = { readonly kind: Scalar } | { readonly kind: 'enum'; readonly numbers: ReadonlyMap<string, number>; readonly names: ReadonlyMap<number, string> } | { readonly kind: 'message'; readonly path: string };

interface Field {
  /** As in the description: what answers use. */
  readonly name: string;
  readonly id: number;
  readonly repeated: boolean;
  readonly oneof: string | undefined;
  readonly type: FieldType;
}

interface Message {
  readonly byId: ReadonlyMap<number, Field>;
  /** By the name of the description and by its lowerCamelCase. */
  readonly byName: ReadonlyMap<string, Field>;
}

/** A request that is no JSON of its message. */
export class JsonMistake extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonMistake';
  }
}

/** A number as it was written: an id may be more than a double holds. */
class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** Numbers become JsonNumber. Throws JsonMistake. */
export function parseJson(text: string): unknown {
  const keepNumbers: Reviver = (_key, value, { source }) => (typeof value === 'number' ? new JsonNumber(source ?? String(value)) : value);
  try {
    return JSON.parse(text, keepNumbers as (key: string, value: unknown) => unknown);
  } catch (error) {
    throw new JsonMistake(`proto: syntax error: ${(error as Error).message}`);
  }
}

const scalars: ReadonlySet<string> = new Set<Scalar>(['bytes', 'string', 'bool', 'int32', 'uint32', 'int64', 'uint64']);
const wireTypes: Readonly<Record<FieldType['kind'], number>> = { bytes: 2, string: 2, message: 2, bool: 0, enum: 0, int32: 0, uint32: 0, int64: 0, uint64: 0 };
const limits: Readonly<Record<'int32' | 'uint32' | 'int64' | 'uint64', readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n], uint32: [0n, 2n ** 32n - 1n], int64: [-(2n ** 63n), 2n ** 63n - 1n], uint64: [0n, 2n ** 64n - 1n],
};

/**
 * Between protobuf's bytes and its JSON (proto3 JSON mapping), driven by a description alone, with etcd's choices: answers have
 * the description's names and leave out what is zero; in requests both kinds of names do and unknown ones are skipped.
 */
export class JsonMessages {
  readonly #root: SchemaNode;
  readonly #messages = new Map<string, Message>();

  constructor(root: SchemaNode) {
    this.#root = root;
  }

  #find(path: string): SchemaNode | undefined {
    let node: SchemaNode | undefined = this.#root;
    for (const part of path.split('.')) node = node?.nested?.[part];
    return node;
  }

  /** The full name of `name` as seen in `scope`, innermost first. */
  resolve(name: string, scope: string): string {
    const parts = scope.split('.');
    for (let depth = parts.length; depth >= 0; depth -= 1) {
      const path = [...parts.slice(0, depth), name].join('.');
      if (this.#find(path) !== undefined) return path;
    }
    throw new Error(`no type ${name} in ${scope}`);
  }

  #message(path: string): Message {
    let message = this.#messages.get(path);
    if (message !== undefined) return message;
    const node = this.#find(path);
    assert(node?.fields !== undefined, 'no such message', { path });
    const oneofs = new Map(Object.entries(node.oneofs ?? {}).flatMap(([group, { oneof }]) => oneof.map((name) => [name, group] as const)));
    const fields = Object.entries(node.fields).map(([name, field]): Field => ({ name, id: field.id, repeated: field.rule === 'repeated', oneof: oneofs.get(name), type: this.#type(path, field.type) }));
    message = { byId: new Map(fields.map((field) => [field.id, field])), byName: new Map(fields.flatMap((field) => [[field.name, field], [lowerCamel(field.name), field]])) };
    this.#messages.set(path, message);
    return message;
  }

  #type(scope: string, type: string): FieldType {
    if (scalars.has(type)) return { kind: type as Scalar };
    const path = this.resolve(type, scope);
    const values = this.#find(path)?.values;
    if (values === undefined) return { kind: 'message', path };
    return { kind: 'enum', numbers: new Map(Object.entries(values)), names: new Map(Object.entries(values).map(([name, value]) => [value, name])) };
  }

  toJson(path: string, data: Uint8Array): Record<string, unknown> {
    const message = this.#message(path);
    const reader = new Reader(data);
    const out: Record<string, unknown> = {};
    while (!reader.done) {
      const tag = Number(reader.bigint(false));
      const field = message.byId.get(Math.floor(tag / 8));
      if (field === undefined) reader.skip(tag % 8);
      else if (field.repeated) this.#readRepeated(reader, field, tag % 8, (out[field.name] ??= []) as unknown[]);
      else out[field.name] = this.#readValue(reader, field.type);
    }
    return out;
  }

  #readRepeated(reader: Reader, field: Field, wireType: number, items: unknown[]): void {
    if (wireType !== 2 || wireTypes[field.type.kind] === 2) {
      items.push(this.#readValue(reader, field.type));
      return;
    }
    const packed = new Reader(reader.bytes());
    while (!packed.done) items.push(this.#readValue(packed, field.type));
  }

  #readValue(reader: Reader, type: FieldType): unknown {
    switch (type.kind) {
      case 'bytes': return toBase64(reader.bytes());
      case 'string': return fromUtf8(reader.bytes());
      case 'message': return this.toJson(type.path, reader.bytes());
      case 'bool': return reader.bigint(false) !== 0n;
      case 'int64': return reader.bigint(true).toString();
      case 'uint64': return reader.bigint(false).toString();
      case 'uint32': return Number(BigInt.asUintN(32, reader.bigint(false)));
      case 'int32': return Number(BigInt.asIntN(32, reader.bigint(false)));
      case 'enum': {
        const number = Number(BigInt.asIntN(32, reader.bigint(false)));
        return type.names.get(number) ?? number;
      }
    }
  }

  /** Throws JsonMistake. */
  fromJson(path: string, value: unknown): Uint8Array {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof JsonNumber) throw new JsonMistake(`proto: unexpected token for ${path}: an object is wanted`);
    const message = this.#message(path);
    const parts: Uint8Array[] = [];
    const seen = new Set<string>();
    for (const [name, content] of Object.entries(value)) {
      const field = message.byName.get(name);
      if (field === undefined) continue;
      if (seen.has(field.name)) throw new JsonMistake(`proto: duplicate field ${JSON.stringify(field.name)}`);
      seen.add(field.name);
      if (content === null) continue;
      if (field.oneof !== undefined) {
        if (seen.has(`oneof ${field.oneof}`)) throw new JsonMistake(`proto: error parsing ${JSON.stringify(name)}, oneof ${field.oneof} is already set`);
        seen.add(`oneof ${field.oneof}`);
      }
      parts.push(...this.#writeField(field, content));
    }
    return concatBytes(parts);
  }

  #writeField(field: Field, content: unknown): Uint8Array[] {
    if (!field.repeated) return this.#writeValue(field, content);
    if (!Array.isArray(content)) throw new JsonMistake(`proto: unexpected token for repeated field ${field.name}: a list is wanted`);
    return content.flatMap((item: unknown) => this.#writeValue(field, item));
  }

  #writeValue(field: Field, content: unknown): Uint8Array[] {
    const { type } = field;
    const writer = new ReverseWriter();
    if (wireTypes[type.kind] === 0) {
      writer.bigint(numberOf(field, content));
      writer.varint(field.id * 8);
      return [writer.finish()];
    }
    const data = type.kind === 'message' ? this.fromJson(type.path, content) : bytesOf(field, content);
    writer.varint(data.length);
    writer.varint(field.id * 8 + 2);
    return [writer.finish(), data];
  }
}

function mistake(field: Field, content: unknown): JsonMistake {
  const text = content instanceof JsonNumber ? content.text : JSON.stringify(content);
  return new JsonMistake(`proto: invalid value for ${field.type.kind} field ${lowerCamel(field.name)}: ${text}`);
}

function numberOf(field: Field, content: unknown): bigint {
  const { type } = field;
  if (type.kind === 'bool') {
    if (typeof content !== 'boolean') throw mistake(field, content);
    return content ? 1n : 0n;
  }
  if (type.kind === 'enum' && typeof content === 'string') {
    const number = type.numbers.get(content);
    if (number === undefined) throw mistake(field, content);
    return BigInt(number);
  }
  const text = content instanceof JsonNumber ? content.text : typeof content === 'string' && type.kind !== 'enum' ? content : '';
  const value = integerOf(text);
  const [least, greatest] = limits[type.kind === 'enum' ? 'int32' : type.kind as keyof typeof limits];
  if (value === undefined || value < least || value > greatest) throw mistake(field, content);
  return value;
}

const maxNumberChars = 400;

/** Also `1e3` and `2.0`, as the mapping allows. */
function integerOf(text: string): bigint | undefined {
  // Megabytes of digits would hold up everything else.
  if (text.length > maxNumberChars) return undefined;
  if (/^-?\d+$/.test(text)) return BigInt(text);
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) && Number.isSafeInteger(Number(text)) ? BigInt(Number(text)) : undefined;
}

function bytesOf(field: Field, content: unknown): Uint8Array {
  if (typeof content !== 'string') throw mistake(field, content);
  if (field.type.kind === 'string') return utf8(content);
  const data = fromBase64(content);
  if (data === undefined) throw mistake(field, content);
  return data;
}

function lowerCamel(name: string): string {
  return name.replaceAll(/_([a-zA-Z0-9])/g, (_all, letter: string) => letter.toUpperCase());
}

function toBase64(data: Uint8Array): string {
  let text = '';
  for (let at = 0; at < data.length; at += 4096) text += String.fromCharCode(...data.subarray(at, at + 4096));
  return btoa(text);
}

/** Both alphabets, with or without padding. */
function fromBase64(text: string): Uint8Array | undefined {
  const plain = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0));
}
