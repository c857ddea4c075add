import { badRequest, jsonKind, JsonSyntaxError, parseApiVersion, YamlSyntaxError, type ApiResource, type Json, type JsonObject, type ScannedJson } from '@coxswain/api';
import { apiVersionOf } from './kind.ts';
import { isObject, text } from './object.ts';
import type { Scan } from './large-body.ts';

/** Go's GroupVersionKind of an object without a type. */
function shownType(object: JsonObject): string {
  const of = parseApiVersion(text(object, 'apiVersion'));
  return of === undefined ? '/, Kind=' : `${of.group}/${of.version}, Kind=${text(object, 'kind')}`;
}

function scanned(scan: Scan): ScannedJson {
  try {
    return scan();
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof YamlSyntaxError) throw badRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`);
    throw error;
  }
}

/** An applied object of the kind that is asked for; what is wrong with it is told in other words than of other bodies. */
export function scanApplied(scan: Scan, api: ApiResource): ScannedJson & { readonly value: JsonObject } {
  const found = scanned(scan);
  // An empty document says nothing.
  const value: Json = found.value ?? {};
  if (!isObject(value)) throw badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`);
  if (value['kind'] !== api.kind || value['apiVersion'] !== apiVersionOf(api)) throw badRequest(`invalid object type: ${shownType(value)}`);
  return { ...found, value };
}
