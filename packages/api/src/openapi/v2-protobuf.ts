import protobuf from 'protobufjs/light.js';
import descriptor from '../../../../proto/openapi-v2.json' with { type: 'json' };
import type { Json, JsonObject } from '../resource.ts';

const document = protobuf.Root.fromJSON(descriptor).lookupType('openapi.v2.Document');

type Message = Record<string, unknown>;

/** Any JSON is YAML, which is what these messages hold. */
function any(value: Json): Message {
  return { yaml: JSON.stringify(value) };
}

function extensions(object: JsonObject): Message[] {
  return Object.entries(object).filter(([name]) => name.startsWith('x-')).map(([name, value]) => ({ name, value: any(value) }));
}

function named<T>(object: Json | undefined, convert: (value: JsonObject) => T): { name: string; value: T }[] {
  return Object.entries((object ?? {}) as JsonObject).filter(([name]) => !name.startsWith('x-')).map(([name, value]) => ({ name, value: convert(value as JsonObject) }));
}

function schema(from: JsonObject): Message {
  const { $ref, type, items, properties, additionalProperties, default: initial, enum: choices } = from;
  const more: JsonObject | boolean | undefined = additionalProperties as JsonObject | boolean | undefined;
  return {
    ...($ref === undefined ? {} : { _ref: $ref }),
    format: from['format'], description: from['description'], required: from['required'],
    ...(type === undefined ? {} : { type: { value: [type] } }),
    ...(items === undefined ? {} : { items: { schema: [schema(items as JsonObject)] } }),
    ...(properties === undefined ? {} : { properties: { additional_properties: Object.entries(properties as JsonObject).map(([name, value]) => ({ name, value: schema(value as JsonObject) })) } }),
    ...(more === undefined ? {} : { additional_properties: typeof more === 'boolean' ? { boolean: more } : { schema: schema(more) } }),
    ...(initial === undefined ? {} : { default: any(initial) }),
    ...(Array.isArray(choices) ? { enum: choices.map(any) } : {}),
    vendor_extension: extensions(from),
  };
}

function parameter(from: JsonObject): Message {
  const { name, in: place, required, description, type, schema: body } = from;
  if (place === 'body') return { parameter: { body_parameter: { name, in: place, required, description, schema: schema(body as JsonObject) } } };
  const shared = { name, in: place, description, type, unique_items: from['uniqueItems'] };
  const sub = place === 'path' ? { path_parameter_sub_schema: { ...shared, required } } : { query_parameter_sub_schema: shared };
  return { parameter: { non_body_parameter: sub } };
}

function response(from: JsonObject): Message {
  const { description, schema: body } = from;
  return { response: { description, ...(body === undefined ? {} : { schema: { schema: schema(body as JsonObject) } }) } };
}

function operation(from: JsonObject): Message {
  const { tags, operationId, produces, consumes, schemes, parameters, responses } = from;
  return {
    tags, operation_id: operationId, produces, consumes, schemes, parameters: ((parameters ?? []) as JsonObject[]).map(parameter),
    responses: { response_code: named(responses, response) }, vendor_extension: extensions(from),
  };
}

function pathItem(from: JsonObject): Message {
  return Object.fromEntries(['get', 'put', 'post', 'delete', 'head', 'patch'].filter((method) => method in from).map((method) => [method, operation(from[method] as JsonObject)]));
}

/** An OpenAPI 2 document as `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, which older clients read. */
export function encodeV2Protobuf(from: JsonObject): Uint8Array {
  const { swagger, info, paths, definitions } = from;
  const message = {
    swagger, info, paths: { path: named(paths, pathItem) },
    definitions: { additional_properties: Object.entries(definitions as JsonObject).map(([name, value]) => ({ name, value: schema(value as JsonObject) })) },
  };
  return document.encode(message).finish();
}
