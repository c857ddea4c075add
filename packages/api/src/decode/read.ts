import { planOf, schemaOfUnion, unionOf, type UnionKind } from '../description/plan.ts';
import { goTypeOf, type GoField, type Shape } from '../description/raw.ts';
import { stringifyAny } from '../json/any.ts';
import { cloneJson } from '../patch/values.ts';
import { canonicalQuantity } from '../quantity/quantity.ts';
import type { Json, JsonObject } from '../resource.ts';
import { canonicalBase64 } from './base64.ts';
import { jsonKind, type DecodeContext } from './context.ts';
import { itemLimitOf } from './limits.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { canonicalMicroTime, canonicalTime } from './time.ts';

/** Turns a JSON value that is not null into what Go would write for it again. */
export type Read = (value: Json, context: DecodeContext) => Json;
/** `known`: has been read before; what the value shares with it is copied. */
type ReadStruct = (value: Json, context: DecodeContext, known?: JsonObject) => Json;

const structReaders = new Map<string, ReadStruct>();

function readString(goType: string): Read {
  return (value, context) => (typeof value === 'string' ? value : context.mismatch(jsonKind(value), goType));
}

function readBoolean(goType: string): Read {
  return (value, context) => (typeof value === 'boolean' ? value : context.mismatch(jsonKind(value), goType));
}

function readInteger(goType: string, low: bigint, high: bigint): Read {
  const [lowNumber, highNumber] = [Number(low), Number(high)];
  return (value, context) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= lowNumber && value <= highNumber) {
      const literal = context.floatLiteral();
      return literal === undefined ? value : context.mismatch(`number ${literal}`, goType);
    }
    if (typeof value === 'bigint' && value >= low && value <= high) return value;
    const number = typeof value === 'number' || typeof value === 'bigint';
    return context.mismatch(number ? `number ${context.floatLiteral() ?? String(value)}` : jsonKind(value), goType);
  };
}

function readDouble(goType: string): Read {
  return (value, context) => (typeof value === 'number' || typeof value === 'bigint' ? value : context.mismatch(jsonKind(value), goType));
}

/** Types with a decoder of their own read a string by themselves. */
function readText(convert: (text: string) => string): Read {
  return (value, context) => (typeof value === 'string' ? convert(value) : context.mismatch(jsonKind(value), 'string'));
}

function readBytes(goType: string): Read {
  return (value, context) => (typeof value === 'string' ? canonicalBase64(value) : context.mismatch(jsonKind(value), goType));
}

const readQuantity: Read = (value) => canonicalQuantity((typeof value === 'string' ? value : stringifyAny(value)).trim());

const readIntOrString: Read = (value, context) => {
  if (typeof value === 'string') return value;
  const literal = context.floatLiteral();
  if (literal === undefined && typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31) return value;
  const found = typeof value === 'number' || typeof value === 'bigint' ? `number ${literal ?? String(value)}` : jsonKind(value);
  return context.mismatch(found, 'int32');
};

function readList(of: Shape, goType: string): Read {
  const read = readerOf(of, goType.startsWith('[]') ? goType.slice(2) : goTypeOf(of));
  const limit = of.kind === 'object' ? itemLimitOf(of.type) : undefined;
  return (value, context) => {
    if (!Array.isArray(value)) return context.mismatch(jsonKind(value), goType);
    if (limit !== undefined) context.count(limit, value.length);
    const list: Json[] = [];
    for (let index = 0; index < value.length; index++) {
      const item = value[index] as Json;
      context.parent = value;
      context.key = index;
      context.path.push(index);
      list.push(item === null ? zeroOf(of) : read(item, context));
      context.path.pop();
    }
    return list;
  };
}

function readMap(of: Shape, goType: string): Read {
  const read = readerOf(of, goType.startsWith('map[string]') ? goType.slice(11) : goTypeOf(of));
  return (value, context) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return context.mismatch(jsonKind(value), goType);
    const map: JsonObject = {};
    for (const key of Object.keys(value)) {
      const member = value[key] as Json;
      context.parent = value;
      context.key = key;
      context.path.push(key);
      setMember(map, key, member === null ? zeroOf(of) : read(member, context));
      context.path.pop();
    }
    context.noteDuplicates(value);
    return map;
  };
}

/** `__proto__` is a key like any other. */
export function setMember(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

const maxInt32 = 2n ** 31n, maxInt64 = 2n ** 63n;

function readerOf(shape: Shape, goType: string): Read {
  switch (shape.kind) {
    case 'string': return readString(goType);
    case 'boolean': return readBoolean(goType);
    case 'int32': return readInteger(goType, -maxInt32, maxInt32 - 1n);
    case 'int64': return readInteger(goType, -maxInt64, maxInt64 - 1n);
    case 'double': return readDouble(goType);
    case 'bytes': return readBytes(goType);
    case 'time': return readText(canonicalTime);
    case 'micro-time': return readText(canonicalMicroTime);
    case 'duration': return readText((text) => formatDuration(parseDuration(text)));
    case 'quantity': return readQuantity;
    case 'int-or-string': return readIntOrString;
    case 'any': return (value) => value;
    case 'list': return readList(shape.of, goType);
    case 'map': return readMap(shape.of, goType);
    case 'object': return lazyReader(shape.type);
  }
}

/** Types refer to each other in circles, so a struct's reader is made at its first use. */
function lazyReader(typeName: string): Read {
  let read: Read | undefined;
  return (value, context) => (read ??= structReader(typeName))(value, context);
}

/** What Go writes for a value that was never set. */
function zeroOf(shape: Shape): Json {
  switch (shape.kind) {
    case 'string': return '';
    case 'boolean': return false;
    case 'int32': case 'int64': case 'double': case 'int-or-string': return 0;
    case 'quantity': return '0';
    case 'duration': return '0s';
    case 'object': return unionOf(shape.type) === undefined ? zeroStruct(shape.type) : null;
    default: return null;
  }
}

function zeroStruct(typeName: string): JsonObject {
  const object: JsonObject = {};
  for (const field of planOf(typeName).fields) {
    const value = absentValue(field);
    if (value !== undefined) object[field.name] = value;
  }
  return object;
}

/** What stands for a field that is absent or null; undefined: nothing. */
function absentValue(field: GoField): Json | undefined {
  if (field.presence !== 'value') return field.omitEmpty ? undefined : null;
  switch (field.shape.kind) {
    case 'string': case 'boolean': case 'int32': case 'int64': case 'double': return field.omitEmpty ? undefined : zeroOf(field.shape);
    default: return zeroOf(field.shape);
  }
}

function isOmitted(field: GoField, value: Json): boolean {
  if (!field.omitEmpty || field.presence === 'pointer') return false;
  if (Array.isArray(value)) return field.presence === 'slice' && value.length === 0;
  switch (typeof value) {
    case 'string': return value === '' && (field.shape.kind === 'string' || field.shape.kind === 'bytes');
    case 'number': return value === 0 && field.shape.kind !== 'int-or-string';
    case 'boolean': return !value;
    case 'object': return field.presence === 'map' && value !== null && Object.keys(value).length === 0;
    default: return false;
  }
}

interface FieldReader { readonly field: GoField; readonly name: string; readonly read: Read; readonly fresh: boolean; readonly absent: Json | undefined }

/** Objects must not be shared between results. */
function absentOf({ field, fresh, absent }: FieldReader): Json | undefined {
  return fresh ? absentValue(field) : absent;
}

function makeFieldReader(field: GoField): FieldReader {
  const fresh = field.presence === 'value' && field.shape.kind === 'object';
  return { field, name: field.name, read: readerOf(field.shape, field.goType), fresh, absent: fresh ? undefined : absentValue(field) };
}

function makeStructReader(typeName: string): ReadStruct {
  const plan = planOf(typeName);
  const goType = goTypeOf({ kind: 'object', type: typeName });
  const readers = plan.fields.map(makeFieldReader);
  return (value, context, known) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return context.mismatch(jsonKind(value), goType);
    const object: JsonObject = {};
    const outer = context.struct;
    let found = 0;
    for (const reader of readers) {
      const { name } = reader;
      const given = value[name];
      if (given !== undefined) found++;
      if (given === undefined || given === null) {
        const absent = absentOf(reader);
        if (absent !== undefined) object[name] = absent;
        continue;
      }
      if (known !== undefined && typeof given === 'object' && given === known[name]) {
        object[name] = cloneJson(given);
        continue;
      }
      context.struct = plan.simpleName;
      context.parent = value;
      context.key = name;
      context.path.push(name);
      context.fields.push(name);
      const decoded = reader.read(given, context);
      context.path.pop();
      context.fields.pop();
      if (!isOmitted(reader.field, decoded)) object[name] = decoded;
    }
    context.struct = outer;
    noteUnknown(value, found, plan.byName, context);
    context.noteDuplicates(value);
    return object;
  };
}

function noteUnknown(value: JsonObject, known: number, fields: ReadonlyMap<string, GoField>, context: DecodeContext): void {
  const keys = Object.keys(value);
  if (keys.length === known) return;
  for (const key of keys) if (!fields.has(key)) context.unknown(key);
}

function unionReader(typeName: string, kind: UnionKind): Read {
  const schema = schemaOfUnion(typeName);
  const readSchema = lazyReader(schema);
  const list = kind === 'array' ? readList({ kind: 'object', type: schema }, '[]v1.JSONSchemaProps') : kind === 'strings' ? readList({ kind: 'string' }, '[]string') : undefined;
  return (value, context) => {
    if (kind === 'boolean' && typeof value === 'boolean') return value;
    if (Array.isArray(value) && list !== undefined) return list(value, context);
    return readSchema(value, context);
  };
}

/** The reader of a struct type. */
export function structReader(typeName: string): ReadStruct {
  const known = structReaders.get(typeName);
  if (known !== undefined) return known;
  const union = unionOf(typeName);
  const made = union === undefined ? makeStructReader(typeName) : unionReader(typeName, union);
  structReaders.set(typeName, made);
  return made;
}
