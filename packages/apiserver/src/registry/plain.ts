import { badRequest, decodeBody, JsonSyntaxError, scanJson, type JsonObject, type ScannedJson } from '@coxswain/api';
import { scanYaml } from '@coxswain/api/yaml';
import { deleteOptionsFromProtobuf, fromProtobuf } from '../negotiation/protobuf.ts';
import type { MediaType } from '../negotiation/accept.ts';
import type { Decoded } from './kind.ts';
import type { FieldValidation } from './options.ts';

const openBrace = 0x7b;

export interface KindName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly typeName?: string;
}

/** A body of any built-in kind, without defaults. */
export function decodePlain(body: Uint8Array, mediaType: MediaType, expected: KindName, validation: FieldValidation): Decoded {
  switch (mediaType) {
    case 'json': return decodeBody(expected, body, validation);
    case 'yaml': return decodeBody(expected, body, validation, () => scanYaml(body));
    case 'protobuf': return { object: fromProtobuf(body, expected), warnings: [] };
  }
}

/** YAML, of which JSON is a part that is read much faster. */
export function scanText(body: Uint8Array): ScannedJson {
  if (body[0] !== openBrace) return scanYaml(body);
  try {
    return scanJson(body);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return scanYaml(body);
    throw error;
  }
}

/** The body of a DELETE, if there is one. */
export function decodeOptional(body: Uint8Array, mediaType: MediaType): JsonObject | undefined {
  if (body.length === 0) return undefined;
  try {
    const value = mediaType === 'protobuf' ? deleteOptionsFromProtobuf(body) : scanText(body).value;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(`couldn't get version/kind; json parse error: ${error.message}`);
    throw error;
  }
  throw badRequest('the body of a delete must be an object of kind DeleteOptions');
}
