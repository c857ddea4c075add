import {
  applyDefaults, applyProblem, badRequest, decodeBody, decodeObject, encodeProtobuf, protobufOfJson, strategyFor, stringifyExactly, stringifyObject, validateMetadata, validateMetadataUpdate, type ApiResource, type JsonObject,
} from '@coxswain/api';
import { emptyBytes, fromUtf8 } from '@coxswain/host';
import type { MediaType } from '../negotiation/accept.ts';
import { storedProtobuf } from '../negotiation/protobuf.ts';
import { isOwnJson, type StorageCodec } from '../storage/codec.ts';
import { apiVersionOf, type KindCodec, type MetadataRules } from './kind.ts';
import { scanApplied } from './applied.ts';
import { meta } from './object.ts';
import type { Scan } from './large-body.ts';
import type { FieldValidation } from './options.ts';
import { decodePlain, scanText } from './plain.ts';
import { fromBetaDefinition } from './stored-definitions.ts';

/** Where the generic machinery meets the description of the built-in kinds. */

function withDefaults(api: ApiResource, object: JsonObject): JsonObject {
  applyDefaults(api.typeName, object);
  return object;
}

function decode(api: ApiResource, body: Uint8Array, mediaType: MediaType, validation: FieldValidation, scan?: Scan): ReturnType<KindCodec['decode']> {
  const { object, warnings } = decodePlain(body, mediaType, api, validation, scan);
  return { object: withDefaults(api, object), warnings };
}

/** What an applier leaves out it has no opinion of: the body is checked by decoding it, but used as it came. */
function decodeApply(api: ApiResource, body: Uint8Array, validation: FieldValidation, scan: Scan = () => scanText(body)): ReturnType<KindCodec['decode']> {
  const scanned = scanApplied(scan, api);
  const problem = applyProblem(api.typeName, scanned.value, apiVersionOf(api), api.kind);
  if (problem !== undefined) throw badRequest(problem);
  return { object: scanned.value, warnings: decodeBody(api, body, validation, () => scanned).warnings };
}

export function builtinCodec(api: ApiResource): KindCodec {
  return {
    decode: (body, mediaType, validation, scan) => decode(api, body, mediaType, validation, scan),
    decodeApply: (body, validation, scan) => decodeApply(api, body, validation, scan),
    convert: (value, validation, known) => {
      const { object, warnings } = decodeBody(api, emptyBytes, validation, () => ({ value, duplicates: [], wholeFloats: new Map() }), known);
      return { object: withDefaults(api, object), warnings };
    },
    encode: (object) => stringifyObject(api.typeName, object),
    encodeProtobuf: (object) => encodeProtobuf(api.typeName, object),
  };
}

/** Numbers that a double cannot hold, and those whose sign it would keep. */
const unusualNumber = /\d{16}|[:,[]-0/;

/** What we wrote is canonical already, so that Node's own parser gives what ours would. kube-apiserver writes JSON for some groups, and ends it with a line feed. */
function storedJson(value: Uint8Array, typeName: string): JsonObject {
  const text = fromUtf8(value);
  if (!isOwnJson(value)) return decodeObject(typeName, { value: fromBetaDefinition(scanText(value).value as JsonObject), duplicates: [], wholeFloats: new Map() }).object;
  const plain: unknown = unusualNumber.test(text) ? undefined : JSON.parse(text);
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain) ? (plain as JsonObject) : decodeObject(typeName, text).object;
}

/** The groups whose objects upstream keeps as JSON. */
const keptAsJson: ReadonlySet<string> = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

export function builtinStorageCodec(api: ApiResource): StorageCodec {
  const storedForm = keptAsJson.has(api.group) ? 'json' : 'protobuf';
  return {
    encode: (object) => stringifyObject(api.typeName, object),
    encodeExactly: (object, kept) => stringifyExactly(api.typeName, object, kept, storedForm),
    transcode: (value, resourceVersion) => protobufOfJson(api.typeName, value, resourceVersion),
    decode: (value) => (isOwnJson(value) ? storedJson(value, api.typeName) : withDefaults(api, storedProtobuf(value, api.typeName) ?? storedJson(value, api.typeName))),
  };
}

export function metadataRules(api: ApiResource): MetadataRules {
  const { nameRule, metadataPasses, freeFinalizers = false, requiredName } = strategyFor(api.group, api.resource);
  const anyName = { namespaced: api.namespaced, custom: freeFinalizers, ...(nameRule === undefined ? {} : { nameRule }) };
  const rulesFor = (object: JsonObject): Parameters<typeof validateMetadata>[1] => (requiredName === undefined ? anyName : { ...anyName, requiredName: requiredName(object) });
  return {
    validate: (object) => validateMetadata(meta(object), rulesFor(object)),
    validateUpdate: (object, old, subresource) => validateMetadataUpdate(meta(object), meta(old), rulesFor(object), metadataPasses?.(subresource)),
  };
}
