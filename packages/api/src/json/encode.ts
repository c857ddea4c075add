import { planOf, schemaOfUnion, unionOf } from '../description/plan.ts';
import type { GoField, Shape } from '../description/raw.ts';
import { stringifyAny } from './any.ts';
import { quoteJson } from './quote.ts';

type Write = (value: unknown) => string;
/** `kept`: of some members the text as it is to be written. */
type WriteStruct = (value: unknown, kept?: ReadonlyMap<string, string>) => string;
/** Answers undefined where Go leaves the field out. */
type WriteField = (value: unknown) => string | undefined;

const writers = new Map<string, WriteStruct>();
const utf8 = new TextEncoder();

/** Of what is being written: reading the text gives it again. */
let isExact = true;

function inexact(text: string): string {
  isExact = false;
  return text;
}

/** Of what is being written: an empty list that Go does not leave out comes back as null. */
let losesEmptyLists = false;

/** Numbers that are written and read as they are, by whatever parser. */
const mostPlain = 1e15;
/** So are those in a value without a type, unless something looks like this. */
const unusualNumber = /\d{16}|[:,[]-0/;

const writeString: Write = (value) => (typeof value === 'string' ? (value.isWellFormed() ? quoteJson(value) : inexact(quoteJson(value))) : inexact('""'));
const writeNumber: Write = (value) => {
  if (typeof value === 'number' && value < mostPlain && value > -mostPlain && !Object.is(value, -0)) return String(value);
  return inexact(typeof value === 'number' || typeof value === 'bigint' ? String(value) : '0');
};
const writeBoolean: Write = (value) => (value === true ? 'true' : value === false ? 'false' : inexact('false'));
const writeIntOrString: Write = (value) => (typeof value === 'string' ? writeString(value) : writeNumber(value));
const writeNull: Write = (value) => (value === null ? 'null' : inexact('null'));
const writeTime: Write = (value) => (typeof value === 'string' && value !== '' ? writeString(value) : writeNull(value));
const writeQuantity: Write = (value) => (typeof value === 'string' && value !== '' ? writeString(value) : inexact(`"${writeNumber(value)}"`));
const writeDuration: Write = (value) => (typeof value === 'string' && value !== '' ? writeString(value) : inexact('"0s"'));
const writeAny: Write = (value) => {
  const text = stringifyAny(value);
  if (isExact && (typeof value !== 'object' || !isPlainText(text))) isExact = false;
  return text;
};

/** Where nothing is escaped the engine has written it, and reads the same. */
function isPlainText(text: string): boolean {
  return !text.includes('\\u') && !unusualNumber.test(text);
}

function writeList(item: Write): Write {
  return (value) => {
    if (!Array.isArray(value)) return writeNull(value);
    let text = '[';
    for (let index = 0; index < value.length; index++) text += index === 0 ? item(value[index]) : `,${item(value[index])}`;
    return `${text}]`;
  };
}

/** Go writes the keys of a map in order. */
function writeMap(member: Write): Write {
  return (value) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return writeNull(value);
    const keys = Object.keys(value);
    if (!inOrder(keys)) {
      isExact = false;
      keys.sort();
    }
    let text = '{';
    for (const key of keys) text += `${text === '{' ? '' : ','}${writeString(key)}:${member((value as Record<string, unknown>)[key])}`;
    return `${text}}`;
  };
}

function inOrder(keys: readonly string[]): boolean {
  for (let at = 1; at < keys.length; at += 1) if ((keys[at - 1] as string) > (keys[at] as string)) return false;
  return true;
}

function writerOf(shape: Shape): Write {
  switch (shape.kind) {
    case 'string': case 'bytes': return writeString;
    case 'boolean': return writeBoolean;
    case 'int32': case 'int64': case 'double': return writeNumber;
    case 'time': case 'micro-time': return writeTime;
    case 'duration': return writeDuration;
    case 'quantity': return writeQuantity;
    case 'int-or-string': return writeIntOrString;
    case 'any': return writeAny;
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
    case 'pointer': return (value) => (value === undefined || value === null ? (omitEmpty ? undefined : writeNull(value)) : write(value));
    case 'slice': case 'map':
      if (omitEmpty) return (value) => (isEmptyCollection(value) ? undefined : write(value));
      return (value) => (value === undefined || value === null || (losesEmptyLists && Array.isArray(value) && value.length === 0) ? writeNull(value) : write(value));
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

function makeStructWriter(typeName: string): WriteStruct {
  const fields = planOf(typeName).fields.map((field) => ({ name: field.name, start: `${quoteJson(field.name)}:`, write: fieldWriter(field) }));
  return (value, kept) => {
    const object = (value ?? {}) as Record<string, unknown>;
    let text = '';
    let known = 0;
    for (const field of fields) {
      const member = object[field.name];
      const written = kept?.get(field.name) ?? field.write(member);
      if (written === undefined) continue;
      if (member !== undefined) known += 1;
      else isExact = false;
      text += text === '' ? field.start + written : `,${field.start}${written}`;
    }
    // Something was left out, or there is nothing at all.
    if (isExact && (object !== value || Object.keys(object).length !== known)) isExact = false;
    return `{${text}}`;
  };
}

function unionWriter(typeName: string): Write {
  const schema = lazyStruct(schemaOfUnion(typeName));
  const write: Write = (value) => {
    if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
    return value !== null && typeof value === 'object' ? schema(value) : writeAny(value);
  };
  return write;
}

function structWriter(typeName: string): WriteStruct {
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

/**
 * As `stringifyObject`. `exact`: parsing the text gives an object equal to this one, so that it need not be parsed (only the fields of structs may
 * stand in another order). False where that is not certain. `kept`: what an earlier call wrote of some of its members. `as`: a Go server that keeps the object in this
 * form gets it back so; protobuf does not know whether an empty list was there.
 */
export function stringifyExactly(typeName: string, object: unknown, kept?: ReadonlyMap<string, string>, as: 'json' | 'protobuf' = 'json'): { readonly text: string; readonly exact: boolean } {
  isExact = true;
  losesEmptyLists = as === 'protobuf';
  try {
    const text = structWriter(typeName)(object, kept);
    return { text, exact: isExact };
  } finally {
    losesEmptyLists = false;
  }
}

/** The bytes of `stringifyObject`. */
export function encodeJson(typeName: string, object: unknown): Uint8Array {
  return utf8.encode(structWriter(typeName)(object));
}
