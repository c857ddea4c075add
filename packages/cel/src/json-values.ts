import { equal } from './equality.ts';
import { parseDate, parseDuration, parseTimestamp } from './time.ts';
import type { DeclType, Json, JsonObject } from './types.ts';
import { ArrayList, CelError, Duration, ListValue, MapValue, OptionalValue, Timestamp, TypeValue, Uint, noSuchOverload, optionalNone, type CelValue } from './values.ts';
import { escapeName, unescapeName } from './names.ts';
import { toText } from './lib/conversions.ts';
import { Quantity } from './lib/quantity.ts';
import { goText } from './lib/go-text.ts';
import { StructValue } from './structs.ts';
import { work } from './work.ts';
import { IpAddress, ipText } from './lib/addresses.ts';

/** JSON of which nothing is known. */
export function untypedValue(json: Json): CelValue {
  switch (typeof json) {
    case 'number': return Number.isInteger(json) ? BigInt(json) : json;
    case 'object':
      if (json === null) return null;
      return Array.isArray(json) ? new JsonList(json, undefined) : new UntypedMap(json);
    default: return json;
  }
}

type Scalar = Exclude<DeclType['kind'], 'list' | 'map' | 'object' | 'optional' | 'opaque'>;

const goTypeOf = (json: Json): string => {
  switch (typeof json) {
    case 'number': return Number.isInteger(json) ? 'int64' : 'float64';
    case 'bigint': return 'int64';
    case 'boolean': return 'bool';
    case 'string': return 'string';
    default: return Array.isArray(json) ? '[]interface {}' : 'map[string]interface {}';
  }
};

const asInt = (json: Json): bigint | undefined => (typeof json === 'bigint' ? json : typeof json === 'number' && Number.isInteger(json) ? BigInt(json) : undefined);

/** JSON as its schema says. */
export function typedValue(json: Json, type: DeclType): CelValue {
  if (type.kind === 'optional') return json === null ? optionalNone : new OptionalValue(typedValue(json, type.of));
  if (type.kind === 'dyn' && type.format === undefined) return untypedValue(json);
  if (json === null) return type.kind !== 'opaque' && type.nullable === true ? null : new CelError('invalid data, got null for schema with nullable=false');
  switch (type.kind) {
    case 'object': return isObject(json) ? new ObjectView(json, type) : new CelError('invalid data, expected a map for the provided schema with type=object');
    case 'map': return isObject(json) ? new MapView(json, type.value) : new CelError('invalid data, expected a map for the provided schema with type=object');
    case 'list': return Array.isArray(json) ? new JsonList(json, type) : new CelError('invalid data, expected an array for the provided schema with type=array');
    case 'opaque': return new CelError(`a ${type.name} is no JSON`);
    default: return scalarValue(json, type.kind, type.format);
  }
}

function scalarValue(json: Json, kind: Scalar, format: string | undefined): CelValue {
  switch (kind) {
    case 'dyn':
      return typeof json === 'string' ? json : asInt(json) ?? new CelError('invalid data, expected XIntOrString value to be either a string or integer');
    case 'bool': return typeof json === 'boolean' ? json : new CelError(`invalid data, expected bool, got ${goTypeOf(json)}`);
    case 'int': return asInt(json) ?? new CelError(`invalid data, expected int, got ${goTypeOf(json)}`);
    case 'uint': { const value = asInt(json); return value === undefined ? noSuchOverload : new Uint(value); }
    case 'double': return typeof json === 'number' || typeof json === 'bigint' ? Number(json) : new CelError(`invalid data, expected float, got ${goTypeOf(json)}`);
    case 'null': return null;
    default: return typeof json === 'string' ? textValue(json, kind, format) : new CelError(`invalid data, expected string, got ${goTypeOf(json)}`);
  }
}

function textValue(text: string, kind: 'string' | 'bytes' | 'timestamp' | 'duration', format: string | undefined): CelValue {
  switch (kind) {
    case 'string': return text;
    case 'bytes': return base64Bytes(text) ?? new CelError(`Invalid byte formatted string ${text}: illegal base64 data`);
    case 'duration': return parseDuration(text) ?? new CelError(`Invalid duration ${text}: time: invalid duration "${text}"`);
    case 'timestamp': return (format === 'date' ? parseDate(text) : parseTimestamp(text)) ?? new CelError(`Invalid ${format === 'date' ? 'date' : 'date-time'} formatted string ${text}`);
  }
}

function base64Bytes(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

const isObject = (json: Json): json is JsonObject => typeof json === 'object' && json !== null && !Array.isArray(json);

class UntypedMap extends MapValue {
  readonly json: JsonObject;
  #size: number | undefined;
  constructor(json: JsonObject) {
    super();
    this.json = json;
  }
  get size(): number {
    this.#size ??= Object.keys(this.json).length;
    return this.#size;
  }
  find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.json, key)) return undefined;
    return untypedValue(this.json[key] as Json);
  }
  keys(): Iterable<CelValue> {
    return Object.keys(this.json);
  }
}

class MapView extends UntypedMap {
  override readonly typed = true;
  readonly #value: DeclType;
  constructor(json: JsonObject, value: DeclType) {
    super(json);
    this.#value = value;
  }
  override find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return noSuchOverload;
    return Object.hasOwn(this.json, key) ? typedValue(this.json[key] as Json, this.#value) : undefined;
  }
}

/** An object with known fields; null is the same as absent. */
class ObjectView extends UntypedMap {
  override readonly typed = true;
  readonly #type: DeclType & { readonly kind: 'object' };
  constructor(json: JsonObject, type: DeclType & { readonly kind: 'object' }) {
    super(json);
    this.#type = type;
  }
  override find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return noSuchOverload;
    const name = unescapeName(key);
    if (name === undefined || !Object.hasOwn(this.json, name)) return undefined;
    const value = this.json[name] as Json;
    const field = this.#type.fields.get(escapeName(name) ?? key);
    return value === null || field === undefined ? undefined : typedValue(value, field.type);
  }
  /** A null field is like no other; what the schema does not know is compared as it is. */
  override equals(other: MapValue): boolean {
    for (const [name, value] of Object.entries(this.json)) {
      const escaped = escapeName(name);
      const field = escaped === undefined ? undefined : this.#type.fields.get(escaped);
      if (escaped !== undefined && field !== undefined) {
        const theirs = other.find(escaped);
        if (theirs === undefined || !equal(typedValue(value, field.type), theirs)) return false;
      } else if (other instanceof UntypedMap && Object.hasOwn(other.json, name) && !equal(untypedValue(value), untypedValue(other.json[name] as Json))) return false;
    }
    return true;
  }
  override *keys(): Iterable<CelValue> {
    for (const name of Object.keys(this.json)) {
      const escaped = escapeName(name);
      if (escaped !== undefined && this.#type.fields.has(escaped)) yield escaped;
    }
  }
}

type ListDecl = DeclType & { readonly kind: 'list' };

/** Lists of type set and map are compared without regard to order, and added as Kubernetes merges them. */
class JsonList extends ListValue {
  readonly json: readonly Json[];
  readonly #type: ListDecl | undefined;
  override readonly typed: boolean;
  override add?: (other: ListValue) => CelValue;
  override equals?: (other: CelValue) => boolean;

  constructor(json: readonly Json[], type: ListDecl | undefined) {
    super();
    this.json = json;
    this.#type = type;
    this.typed = type !== undefined;
    if (type?.listType === 'set') {
      this.add = (other) => this.#union(other, (item) => item);
      this.equals = (other) => other instanceof ListValue && other.size === this.size && [...other].every((item) => [...this].some((own) => equal(own, item)));
    } else if (type?.listType === 'map') {
      this.add = (other) => this.#union(other, (item) => this.#key(item));
      this.equals = (other) => other instanceof ListValue && this.#equalsByKey(other);
    }
  }
  get size(): number {
    return this.json.length;
  }
  at(index: number): CelValue {
    const json = this.json[index] as Json;
    return this.#type === undefined ? untypedValue(json) : typedValue(json, this.#type.element);
  }

  #key(item: CelValue): CelValue {
    return new ArrayList((this.#type?.mapKeys ?? []).map((key) => (item instanceof MapValue ? item.find(escapeName(key) ?? key) ?? null : null)));
  }

  #equalsByKey(other: ListValue): boolean {
    if (other.size !== this.size) return false;
    const own = [...this].map((item) => ({ key: this.#key(item), item }));
    return [...other].every((item) => {
      const key = this.#key(item);
      const found = own.find((entry) => equal(entry.key, key));
      return found !== undefined && equal(found.item, item);
    });
  }

  /** What is there keeps its place; of equal keys the later one wins. */
  #union(other: ListValue, keyOf: (item: CelValue) => CelValue): CelValue {
    const items = [...this];
    const keys = items.map(keyOf);
    for (const item of other) {
      const key = keyOf(item);
      const at = keys.findIndex((own) => equal(own, key));
      if (at >= 0) items[at] = item;
      else {
        items.push(item);
        keys.push(key);
      }
    }
    return new ArrayList(items);
  }
}

/** A result as JSON; undefined where it has none. */
export function toJson(value: CelValue): Json | undefined {
  work();
  if (value instanceof UntypedMap) return value.json;
  if (value instanceof JsonList) return [...value.json];
  if (value instanceof ListValue) return listJson(value);
  if (value instanceof MapValue) return mapJson(value);
  if (value instanceof StructValue) return structJson(value);
  if (value instanceof OptionalValue) return value.value === undefined ? undefined : toJson(value.value);
  if (value instanceof Uint8Array) return value.toBase64();
  if (value instanceof Timestamp || value instanceof Duration) return toText(value) as string;
  if (value instanceof Uint) return intJson(value.value);
  if (typeof value === 'bigint') return intJson(value);
  if (value instanceof IpAddress) return ipText(value);
  if (value instanceof Quantity || value instanceof CelError || value instanceof TypeValue) return undefined;
  return typeof value === 'object' && value !== null ? undefined : value;
}

const intJson = (value: bigint): Json => (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value);

function listJson(list: ListValue): Json | undefined {
  const items: Json[] = [];
  for (const item of list) {
    const json = toJson(item);
    if (json === undefined) return undefined;
    items.push(json);
  }
  return items;
}

function structJson(struct: StructValue): Json | undefined {
  const object: JsonObject = Object.create(null) as JsonObject;
  for (const [name, value] of struct.fields) {
    const json = toJson(value);
    if (json === undefined) return undefined;
    object[name] = json;
  }
  return object;
}

function mapJson(map: MapValue): Json | undefined {
  const object: JsonObject = Object.create(null) as JsonObject;
  for (const key of map.keys()) {
    const json = toJson(map.find(key) as CelValue);
    const name = typeof key === 'string' ? key : goText(key);
    if (json === undefined) return undefined;
    object[name] = json;
  }
  return object;
}
