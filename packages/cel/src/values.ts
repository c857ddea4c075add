/**
 * What expressions compute with. int is a bigint, double a number, bytes a Uint8Array; null, bool and string are themselves.
 * An error is a value, so that && and || can absorb it.
 */

export type CelValue =
  | null | boolean | bigint | number | string | Uint8Array
  | Uint | Timestamp | Duration | TypeValue | OptionalValue | ListValue | MapValue | OpaqueValue | CelError;

export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970. The offset is only how it is shown. */
export class Timestamp {
  readonly nanos: bigint;
  readonly offsetSeconds: number;
  constructor(nanos: bigint, offsetSeconds = 0) {
    this.nanos = nanos;
    this.offsetSeconds = offsetSeconds;
  }
}

/** Nanoseconds. */
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class OptionalValue {
  readonly value: CelValue | undefined;
  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}

export const optionalNone = new OptionalValue(undefined);

/** Lists and maps are abstract: literals hold values, JSON is looked at where it lies. */
export abstract class ListValue {
  abstract readonly size: number;
  abstract at(index: number): CelValue;
  /** It is JSON with a schema. */
  readonly typed?: boolean;
  /** Kubernetes' list types give `+` and `==` their own meaning. */
  add?(other: ListValue): CelValue;
  equals?(other: CelValue): boolean;

  *[Symbol.iterator](): Iterator<CelValue> {
    for (let index = 0; index < this.size; index++) yield this.at(index);
  }
}

export abstract class MapValue {
  abstract readonly size: number;
  abstract find(key: CelValue): CelValue | undefined;
  abstract keys(): Iterable<CelValue>;
  /** It is JSON with a schema. */
  readonly typed?: boolean;
  /** Where `==` is more than comparing entries. */
  equals?(other: MapValue): boolean;
}

/** Values of the libraries: quantities, URLs, addresses, the authorizer. */
export abstract class OpaqueValue {
  abstract readonly typeName: string;
  abstract equals(other: CelValue): boolean;
  /** What can be selected from it; undefined: there is no such field. */
  field?(name: CelValue): CelValue | undefined;
  /** Its size in costs. */
  get costSize(): number {
    return 1;
  }
}

export class ArrayList extends ListValue {
  readonly items: readonly CelValue[];
  constructor(items: readonly CelValue[]) {
    super();
    this.items = items;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): CelValue {
    return this.items[index] as CelValue;
  }
}

/** `a + b` without copying: what is doubled again and again stays small. */
export class ConcatList extends ListValue {
  readonly size: number;
  readonly #left: ListValue;
  readonly #right: ListValue;
  constructor(left: ListValue, right: ListValue) {
    super();
    this.#left = left;
    this.#right = right;
    this.size = left.size + right.size;
  }
  at(index: number): CelValue {
    const { size } = this.#left;
    return index < size ? this.#left.at(index) : this.#right.at(index - size);
  }
}

/** Filled by one comprehension while it runs, seen by nobody else until it is done. */
export class GrowingList extends ListValue {
  readonly items: CelValue[] = [];
  get size(): number {
    return this.items.length;
  }
  at(index: number): CelValue {
    return this.items[index] as CelValue;
  }
}

/** Numbers that are equal are the same key, whatever their type. */
export function mapKey(key: CelValue): string | undefined {
  switch (typeof key) {
    case 'string': return `s${key}`;
    case 'bigint': return `n${key}`;
    case 'boolean': return key ? 'true' : 'false';
    case 'number': return Number.isInteger(key) ? `n${BigInt(key)}` : undefined;
    default: return key instanceof Uint ? `n${key.value}` : undefined;
  }
}

export class EntryMap extends MapValue {
  readonly entries: Map<string, { readonly key: CelValue; readonly value: CelValue }>;
  constructor(entries: Map<string, { readonly key: CelValue; readonly value: CelValue }> = new Map()) {
    super();
    this.entries = entries;
  }
  get size(): number {
    return this.entries.size;
  }
  find(key: CelValue): CelValue | undefined {
    const text = mapKey(key);
    return text === undefined ? undefined : this.entries.get(text)?.value;
  }
  *keys(): Iterable<CelValue> {
    for (const { key } of this.entries.values()) yield key;
  }
}

export function isError(value: CelValue): value is CelError {
  return value instanceof CelError;
}

export const noSuchOverload = new CelError('no such overload');

export function typeNameOf(value: CelValue): string {
  switch (typeof value) {
    case 'boolean': return 'bool';
    case 'bigint': return 'int';
    case 'number': return 'double';
    case 'string': return 'string';
    default: return typeNameOfObject(value);
  }
}

function typeNameOfObject(value: Exclude<CelValue, boolean | bigint | number | string>): string {
  if (value === null) return 'null_type';
  if (value instanceof ListValue) return 'list';
  if (value instanceof MapValue) return 'map';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof OptionalValue) return 'optional_type';
  if (value instanceof CelError) return 'error';
  return value.typeName;
}

const surrogate = /[\ud800-\udbff]/;

/** In code points. */
export function stringSize(text: string): number {
  let size = text.length;
  if (!surrogate.test(text)) return size;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit < 0xdc00 && index + 1 < text.length && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      size--;
      index++;
    }
  }
  return size;
}

/** What the cost counts of a value. */
export function costSize(value: CelValue): number {
  if (typeof value === 'string') return stringSize(value);
  if (value instanceof ListValue || value instanceof MapValue) return value.size;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof OpaqueValue) return value.costSize;
  return 1;
}
