import { badRequest, decodeBody, DecodeError, decodeObject, JsonSyntaxError, scanJson, type JsonObject, type ScannedJson } from '@coxswain/api';
import { scanYaml } from '@coxswain/api/yaml';
import { deleteOptionsFromProtobuf, fromProtobuf } from '../negotiation/protobuf.ts';
import type { MediaType } from '../negotiation/accept.ts';
import type { Decoded } from './kind.ts';
import type { Scan } from './large-body.ts';
import { isObject, text } from './object.ts';
import type { FieldValidation } from './options.ts';

const openBrace = 0x7b;

export interface KindName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly typeName?: string;
}

/** A body of any built-in kind, without defaults. */
export function decodePlain(body: Uint8Array, mediaType: MediaType, expected: KindName, validation: FieldValidation, scan?: Scan): Decoded {
  switch (mediaType) {
    case 'json': return decodeBody(expected, body, validation, scan);
    case 'yaml': return decodeBody(expected, body, validation, scan ?? (() => scanYaml(body)));
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

const deleteOptionsType = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

function deleteOptionsOf(scanned: ScannedJson): JsonObject {
  const kind = isObject(scanned.value) ? scanned.value['kind'] : undefined;
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions') {
    const version = isObject(scanned.value) ? text(scanned.value, 'apiVersion') : '';
    throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(version)} in scheme "pkg/runtime/scheme.go:100"`);
  }
  return decodeObject(deleteOptionsType, { ...scanned, value: scanned.value ?? {} }).object;
}

/** The body of a DELETE, if there is one: DeleteOptions in the name of whatever group. What upstream answers with 500 is a bad request here. */
export function decodeOptional(body: Uint8Array, mediaType: MediaType, scan: Scan = () => (mediaType === 'yaml' ? scanText(body) : scanJson(body))): JsonObject | undefined {
  if (body.length === 0) return undefined;
  if (mediaType === 'protobuf') return deleteOptionsFromProtobuf(body);
  try {
    return deleteOptionsOf(scan());
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(`couldn't get version/kind; json parse error: ${error.message}`);
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}
