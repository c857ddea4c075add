import { append } from '@coxswain/host';
import { decodeObject, DecodeError } from '../decode/decode-object.ts';
import { scannedValue } from '../json/scan.ts';
import { isObject, own } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { memberOf, type Structural } from './structural.ts';

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

export interface CoercedMetadata {
  readonly metadata: JsonObject;
  /** `labels[0].x`, without `metadata.` before it. */
  readonly unknownFields: readonly string[];
}

/** Member by member, leaving out what does not fit: for objects that were stored before anybody checked. */
function lenient(value: Json): CoercedMetadata {
  const kept: JsonObject = {};
  for (const [key, member] of isObject(value) ? Object.entries(value) : []) {
    try {
      decodeObject(objectMeta, scannedValue({ [key]: member }));
      kept[key] = member;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
  return decoded(kept);
}

function decoded(value: Json): CoercedMetadata {
  const { object, unknownFields } = decodeObject(objectMeta, scannedValue(value ?? {}));
  return { metadata: object, unknownFields };
}

/** `value` as ObjectMeta. Throws DecodeError unless `dropInvalid`. */
export function coerceMetadata(value: Json, dropInvalid: boolean): CoercedMetadata {
  try {
    return decoded(value);
  } catch (error) {
    if (dropInvalid && error instanceof DecodeError) return lenient(value);
    throw error;
  }
}

function showGo(value: Json): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (isObject(value)) return `map[string]interface {}{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${showGo(value[key] as Json)}`).join(', ')}}`;
  if (Array.isArray(value)) return `[]interface {}{${value.map(showGo).join(', ')}}`;
  return value === null ? 'interface {}(nil)' : String(value);
}

class Coercer {
  readonly unknown: string[] = [];
  readonly #dropInvalid: boolean;

  constructor(dropInvalid: boolean) {
    this.#dropInvalid = dropInvalid;
  }

  visit(value: Json, schema: Structural | undefined, path: string): void {
    if (schema === undefined) return;
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.visit(item, schema.items, `${path}[${index}]`);
    } else if (isObject(value)) {
      if (schema.embeddedResource) this.#envelope(value, path);
      for (const key of Object.keys(value)) {
        const member = memberOf(schema, key);
        if (member !== 'undeclared') this.visit(value[key] as Json, member, path === '' ? key : schema.properties.has(key) ? `${path}.${key}` : `${path}[${key}]`);
      }
    }
  }

  #envelope(object: JsonObject, path: string): void {
    for (const key of ['apiVersion', 'kind']) {
      if (!Object.hasOwn(object, key) || typeof object[key] === 'string') continue;
      if (!this.#dropInvalid) throw new DecodeError(`${path}.${key}: Invalid value: ${showGo(object[key] as Json)}: must be a string`);
      delete object[key];
    }
    const metadata = own(object, 'metadata');
    if (metadata === undefined) return;
    try {
      const coerced = coerceMetadata(metadata, this.#dropInvalid);
      append(this.unknown, coerced.unknownFields.map((field) => `${path}.metadata.${field}`));
      if (coerced.metadata['creationTimestamp'] === null) delete coerced.metadata['creationTimestamp'];
      object['metadata'] = coerced.metadata;
    } catch (error) {
      if (error instanceof DecodeError) throw new DecodeError(`${path}.metadata: Invalid value: ${showGo(metadata)}: ${error.message}`, { cause: error });
      throw error;
    }
  }
}

/** Metadata of resources inside the object, in place; answers the paths of unknown fields, sorted. Throws DecodeError unless `dropInvalid`. */
export function coerceEmbedded(object: JsonObject, schema: Structural, dropInvalid: boolean): string[] {
  const coercer = new Coercer(dropInvalid);
  coercer.visit(object, schema, '');
  return coercer.unknown.sort();
}
