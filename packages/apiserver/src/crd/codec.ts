import {
  applyFieldValidation, badRequest, cannotBeHandled, DecodeError, invalid, invalidValue, JsonSyntaxError, jsonKind, parseApiVersion, parseStoredJson, scanJson, StatusError, stringifySorted, typedProblems, unrecognized, YamlSyntaxError, type ApiResource, type Json, type JsonObject, type ScannedJson,
} from '@coxswain/api';
import { scanYaml } from '@coxswain/api/yaml';
import { assert, fromUtf8 } from '@coxswain/host';
import type { MediaType } from '../negotiation/accept.ts';
import { scanApplied } from '../registry/applied.ts';
import { apiVersionOf, type Decoded, type KindCodec } from '../registry/kind.ts';
import { copy, isObject, text } from '../registry/object.ts';
import type { FieldValidation } from '../registry/options.ts';
import { scanText } from '../registry/plain.ts';
import type { StorageCodec } from '../storage/codec.ts';
import { repairGeneration, type VersionSchemas } from './version-schemas.ts';

const maxInt64 = 2n ** 63n;

/** Integers that no int64 holds become floats, as Go reads them. */
function boundIntegers(value: Json): Json {
  if (typeof value === 'bigint') return value >= -maxInt64 && value < maxInt64 ? value : Number(value);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) value[index] = boundIntegers(item);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const member = value[key] as Json;
      if (typeof member === 'bigint' || typeof member === 'object') Object.defineProperty(value, key, { value: boundIntegers(member), writable: true, enumerable: true, configurable: true });
    }
  }
  return value;
}

const envelopeType = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

interface Body {
  readonly scanned: ScannedJson;
  readonly object: JsonObject;
}

function scanBody(body: Uint8Array, mediaType: MediaType): ScannedJson {
  return mediaType === 'yaml' ? scanYaml(body) : scanJson(body);
}

function envelopeText(object: JsonObject, key: string): string {
  const value = object[key];
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go struct field .${key} of type string`);
  return value;
}

/** Requests and the store: one version of a custom kind as bytes. */
export class CustomCodec implements KindCodec {
  readonly encodeProtobuf = undefined;
  readonly #api: ApiResource;
  readonly #schemas: VersionSchemas;

  constructor(api: ApiResource, schemas: VersionSchemas) {
    this.#api = api;
    this.#schemas = schemas;
  }

  #read(body: Uint8Array, scan: () => ScannedJson): Body {
    const { kind } = this.#api;
    try {
      const scanned = scan();
      const { value } = scanned;
      if (!isObject(value)) throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type ${envelopeType}`);
      envelopeText(value, 'apiVersion');
      if (envelopeText(value, 'kind') === '') throw unrecognized(kind, `Object 'Kind' is missing in '${fromUtf8(body)}'`, body);
      return { scanned, object: value };
    } catch (error) {
      if (error instanceof YamlSyntaxError) throw unrecognized(kind, error.message, body);
      if (error instanceof JsonSyntaxError || error instanceof DecodeError) throw unrecognized(kind, `couldn't get version/kind; json parse error: ${error.message}`, body);
      throw error;
    }
  }

  /** `strict` are the findings of the scanner, which come first. */
  #coerced(object: JsonObject, strict: readonly string[], validation: FieldValidation): Decoded {
    const actual = { kind: text(object, 'kind'), version: parseApiVersion(text(object, 'apiVersion'))?.version ?? '' };
    try {
      const unknown = this.#schemas.coerce(boundIntegers(object) as JsonObject, { stored: false });
      const warnings = applyFieldValidation([...strict, ...unknown.map((path) => `unknown field "${path}"`)], validation, actual, this.#api.kind);
      this.#schemas.fillDefaults(object);
      return { object, warnings };
    } catch (error) {
      if (error instanceof DecodeError) throw cannotBeHandled(actual, this.#api.kind, error.message);
      throw error;
    }
  }

  #checkVersion(object: JsonObject): void {
    const expected = apiVersionOf(this.#api);
    const given = typeof object['apiVersion'] === 'string' ? object['apiVersion'] : '';
    if (given !== expected) throw badRequest(`the API version in the data (${given}) does not match the expected API version (${expected})`);
  }

  decode(body: Uint8Array, mediaType: MediaType, validation: FieldValidation, scan: () => ScannedJson = () => scanBody(body, mediaType)): Decoded {
    const { scanned, object } = this.#read(body, scan);
    const duplicates = [...(scanned.strictErrors ?? []), ...scanned.duplicates.map(({ path }) => `duplicate field "${path}"`)];
    const decoded = this.#coerced(object, duplicates, validation);
    this.#checkVersion(decoded.object);
    return decoded;
  }

  decodeApply(body: Uint8Array, validation: FieldValidation, scan: () => ScannedJson = () => scanText(body)): Decoded {
    const { value: object, duplicates, strictErrors } = scanApplied(scan, this.#api);
    const doubled = [...(strictErrors ?? []), ...duplicates.map(({ path }) => `duplicate field "${path}"`)];
    const warnings = applyFieldValidation(doubled, validation, this.#api, this.#api.kind);
    const problems = typedProblems(object, this.#schemas.of(this.#api.version));
    if (problems.length > 0) throw this.#untyped(object, problems);
    this.#coerced(copy(object), [], 'Ignore');
    return { object, warnings };
  }

  #untyped(object: JsonObject, problems: readonly string[]): StatusError {
    const shown = problems.length === 1 ? problems[0] : `errors:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
    const { metadata } = object;
    const key = isObject(metadata) ? `${text(metadata, 'namespace')}/${text(metadata, 'name')}` : '/';
    return badRequest(`failed to create typed patch object (${key}; ${apiVersionOf(this.#api)}, Kind=${this.#api.kind}): ${shown}`);
  }

  /** A patch may name another version or kind; validation says so. */
  convert(value: JsonObject, validation: FieldValidation): Decoded {
    const whole = stringifySorted(value);
    try {
      return this.#coerced(value, [], validation);
    } catch (error) {
      if (!(error instanceof StatusError) || error.reason !== 'BadRequest') throw error;
      const why = error.message.replace(/^.*? cannot be handled as a [^:]*: /, '');
      throw invalid({ group: '', kind: '' }, '', [invalidValue('patch', whole, why)]);
    }
  }

  encode(object: JsonObject): string {
    return stringifySorted(object);
  }
}

/** Objects of one version, kept in the definition's storage version where nothing but apiVersion tells versions apart. */
export function customStorageCodec(api: ApiResource, storageVersion: string, schemas: VersionSchemas): StorageCodec {
  const served = apiVersionOf(api);
  const stored = apiVersionOf({ group: api.group, version: storageVersion });
  const toVersion = (object: JsonObject, apiVersion: string): JsonObject => {
    const converted = { ...object, apiVersion };
    if (object['apiVersion'] !== apiVersion) schemas.coerce(converted, { stored: false });
    return converted;
  };
  return {
    encode: stringifySorted,
    toStore: (object) => stringifySorted(object['apiVersion'] === stored ? object : toVersion(copy(object), stored)),
    decode: (value) => toVersion(readStored(value, schemas), served),
    isCurrent: (value) => parseStoredJson(fromUtf8(value))['apiVersion'] === stored,
  };
}

/** Where a webhook converts: what comes from the store and goes there is of the served version already. */
export function convertedStorageCodec(schemas: VersionSchemas): StorageCodec {
  return { encode: stringifySorted, toStore: stringifySorted, decode: (value) => readStored(value, schemas) };
}

/** As it stands in the store, with the defaults of the version that it is stored in. */
export function readStored(value: Uint8Array, schemas: VersionSchemas): JsonObject {
  const object = parseStoredJson(fromUtf8(value));
  assert(isObject(object), 'a stored custom resource is no object', {});
  schemas.coerce(object, { stored: true });
  repairGeneration(object);
  schemas.fillDefaults(object);
  return object;
}
