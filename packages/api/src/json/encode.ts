import { planOf, schemaOfUnion, unionOf } from '../description/plan.ts';
import type { GoField, Shape } from '../description/raw.ts';
import { stringifyAny } from './any.ts';
import { quoteJson } from './quote.ts';

type Write = (value: unknown) => string;
/** Answers undefined where Go leaves the field out. */
type WriteField = (value: unknown) => string | undefined;

const writers = new Map<string, Write>();
const utf8 = new TextEncoder();

const writeString: Write = (value) => (typeof value === 'string' ? quoteJson(value) : '""');
const writeNumber: Write = (value) => (typeof value === 'number' || typeof value === 'bigint' ? String(value) : '0');
const writeBoolean: Write = (value) => (value === true ? 'true' : 'false');
const writeIntOrString: Write = (value) => (typeof value === 'string' ? quoteJson(value) : writeNumber(value));
const writeTime: Write = (value) => (typeof value === 'string' && value !== '' ? quoteJson(value) : 'null');
const writeQuantity: Write = (value) => (typeof value === 'string' && value !== '' ? quoteJson(value) : `"${writeNumber(value)}"`);

function writeList(item: Write): Write {
  return (value) => {
    if (!Array.isArray(value)) return 'null';
    let text = '[';
    for (let index = 0; index < value.length; index++) text += index === 0 ? item(value[index]) : `,${item(value[index])}`;
    return `${text}]`;
  };
}

/** Go writes the keys of a map in order. */
function writeMap(member: Write): Write {
  return (value) => {
    if (value === null || typeof value !== 'object') return 'null';
    const keys = Object.keys(value);
    if (keys.length > 1) keys.sort();
    let text = '{';
    for (const key of keys) text += `${text === '{' ? '' : ','}${quoteJson(key)}:${member((value as Record<string, unknown>)[key])}`;
    return `${text}}`;
  };
}

function writerOf(shape: Shape): Write {
  switch (shape.kind) {
    case 'string': case 'bytes': return writeString;
    case 'boolean': return writeBoolean;
    case 'int32': case 'int64': case 'double': return writeNumber;
    case 'time': case 'micro-time': return writeTime;
    case 'duration': return (value) => quoteJson(typeof value === 'string' && value !== '' ? value : '0s');
    case 'quantity': return writeQuantity;
    case 'int-or-string': return writeIntOrString;
    case 'any': return stringifyAny;
    case 'list': return writeList(writerOf(shape.of));
    case 'map': return writeMap(writerOf(shape.of));
    case 'object': return lazyStruct(shape.type);
  }
}

/** Types refer to each other in circles, so a struct's writer is made at its first use. */
function lazyStruct(typeName: string): Write {
  let write: Write | undefined;
  return (value) => (write ??= structWriter(typeName))(value);
}

function isEmptyCollection(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' ? Object.keys(value).length === 0 : value === '';
}

function fieldWriter(field: GoField): WriteField {
  const write = writerOf(field.shape);
  const { omitEmpty } = field;
  switch (field.presence) {
    case 'pointer': return (value) => (value === undefined || value === null ? (omitEmpty ? undefined : 'null') : write(value));
    case 'slice': case 'map':
      if (omitEmpty) return (value) => (isEmptyCollection(value) ? undefined : write(value));
      return (value) => (value === undefined || value === null ? 'null' : write(value));
    case 'value': break;
  }
  switch (field.shape.kind) {
    case 'string': return (value) => (omitEmpty && (value === undefined || value === null || value === '') ? undefined : write(value));
    case 'boolean': return (value) => (omitEmpty && value !== true ? undefined : write(value));
    case 'int32': case 'int64': case 'double':
      return (value) => (omitEmpty && (value === undefined || value === null || value === 0 || value === 0n) ? undefined : write(value));
    default: return write;
  }
}

function makeStructWriter(typeName: string): Write {
  const fields = planOf(typeName).fields.map((field) => ({ name: field.name, start: `${quoteJson(field.name)}:`, write: fieldWriter(field) }));
  return (value) => {
    const object = (value ?? {}) as Record<string, unknown>;
    let text = '';
    for (const field of fields) {
      const written = field.write(object[field.name]);
      if (written !== undefined) text += text === '' ? field.start + written : `,${field.start}${written}`;
    }
    return `{${text}}`;
  };
}

function unionWriter(typeName: string): Write {
  const schema = lazyStruct(schemaOfUnion(typeName));
  const write: Write = (value) => {
    if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
    return value !== null && typeof value === 'object' ? schema(value) : stringifyAny(value);
  };
  return write;
}

function structWriter(typeName: string): Write {
  const known = writers.get(typeName);
  if (known !== undefined) return known;
  const made = unionOf(typeName) === undefined ? makeStructWriter(typeName) : unionWriter(typeName);
  writers.set(typeName, made);
  return made;
}

/**
 * JSON text as a Go server writes an object of this type: fields in the order of the struct, map keys sorted, `<`, `>` and `&` escaped, empty
 * values left out or written as the type says. Fields that the type does not have are left out. No newline at the end.
 */
export function stringifyObject(typeName: string, object: unknown): string {
  return structWriter(typeName)(object);
}

/** The bytes of `stringifyObject`. */
export function encodeJson(typeName: string, object: unknown): Uint8Array {
  return utf8.encode(structWriter(typeName)(object));
}
