import {
  decodeBody, decodeObject, normalizeObject, strategyFor, stringifyObject, validateMetadata, validateMetadataUpdate, type ApiResource, type JsonObject,
} from '@coxswain/api';
import { StatusError } from '@coxswain/api';
import { scanYaml } from '@coxswain/api/yaml';
import { fromUtf8 } from '@coxswain/host';
import type { MediaType } from '../negotiation/accept.ts';
import type { StorageCodec } from '../storage/codec.ts';
import type { KindCodec, MetadataRules } from './kind.ts';
import { meta } from './object.ts';
import type { FieldValidation } from './options.ts';
import { decodePlain } from './plain.ts';

/** Where the generic machinery meets the description of the built-in kinds. */

function withDefaults(api: ApiResource, object: JsonObject): JsonObject {
  return normalizeObject(api.typeName, object);
}

function decode(api: ApiResource, body: Uint8Array, mediaType: MediaType, validation: FieldValidation): ReturnType<KindCodec['decode']> {
  const { object, warnings } = decodePlain(body, mediaType, api, validation);
  return { object: withDefaults(api, object), warnings };
}

export function builtinCodec(api: ApiResource): KindCodec {
  return {
    decode: (body, mediaType, validation) => decode(api, body, mediaType, validation),
    decodeApply: (body, validation) => decodeBody(api, body, validation, () => scanYaml(body)),
    convert: (value, validation) => {
      const text = JSON.stringify(value);
      const { object, warnings } = decodeBody(api, new TextEncoder().encode(text), validation);
      return { object: withDefaults(api, object), warnings };
    },
    encode: (object) => stringifyObject(api.typeName, object),
    encodeProtobuf: undefined,
  };
}

export function builtinStorageCodec(api: ApiResource): StorageCodec {
  return {
    encode: (object) => stringifyObject(api.typeName, object),
    decode: (value) => {
      if (value[0] !== 0x7b) throw new StatusError('InternalError', `the store holds a value of ${api.kind} that is no JSON`);
      const object = decodeObject(api.typeName, fromUtf8(value)).object;
      return object;
    },
  };
}

export function metadataRules(api: ApiResource): MetadataRules {
  const nameRule = strategyFor(api.group, api.resource).nameRule;
  const rules = { namespaced: api.namespaced, ...(nameRule === undefined ? {} : { nameRule }) };
  return {
    validate: (object) => validateMetadata(meta(object), rules),
    validateUpdate: (object, old) => validateMetadataUpdate(meta(object), meta(old), rules),
  };
}
