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

const plainFields: Readonly<Record<string, string>> = {
  format: 'format', title: 'title', description: 'description', required: 'required', multipleOf: 'multiple_of', maximum: 'maximum', exclusiveMaximum: 'exclusive_maximum', minimum: 'minimum', exclusiveMinimum: 'exclusive_minimum',
  maxLength: 'max_length', minLength: 'min_length', pattern: 'pattern', maxItems: 'max_items', minItems: 'min_items', uniqueItems: 'unique_items', maxProperties: 'max_properties', minProperties: 'min_properties',
};

function schema(from: JsonObject): Message {
  const { $ref, type, items, properties, additionalProperties, default: initial, enum: choices, allOf } = from;
  const more: JsonObject | boolean | undefined = additionalProperties as JsonObject | boolean | undefined;
  return {
    ...($ref === undefined ? {} : { _ref: $ref }),
    ...Object.fromEntries(Object.entries(plainFields).flatMap(([name, field]) => (from[name] === undefined ? [] : [[field, from[name]]]))),
    ...(type === undefined ? {} : { type: { value: [type].flat() } }),
    ...(items === undefined ? {} : { items: { schema: [schema(items as JsonObject)] } }),
    ...(properties === undefined ? {} : { properties: { additional_properties: Object.entries(properties as JsonObject).map(([name, value]) => ({ name, value: schema(value as JsonObject) })) } }),
    ...(more === undefined ? {} : { additional_properties: typeof more === 'boolean' ? { boolean: more } : { schema: schema(more) } }),
    ...(initial === undefined ? {} : { default: any(initial) }),
    ...(Array.isArray(choices) ? { enum: choices.map(any) } : {}), ...(Array.isArray(allOf) ? { all_of: allOf.map((one) => schema(one as JsonObject)) } : {}),
    vendor_extension: extensions(from),
  };
}

function parameter(from: JsonObject): Message {
  const { name, in: place, required, description, type, format, schema: body } = from;
  if (place === 'body') return { body_parameter: { name, in: place, required, description, schema: schema(body as JsonObject) } };
  const shared = { name, in: place, description, type, format, unique_items: from['uniqueItems'] };
  const sub = place === 'path' ? { path_parameter_sub_schema: { ...shared, required } } : { query_parameter_sub_schema: shared };
  return { non_body_parameter: sub };
}

/** One that stands here, or a reference to one that several operations share. */
function parameterItem(from: JsonObject): Message {
  return typeof from['$ref'] === 'string' ? { json_reference: { _ref: from['$ref'] } } : { parameter: parameter(from) };
}

function response(from: JsonObject): Message {
  const { description, schema: body } = from;
  return { response: { description, ...(body === undefined ? {} : { schema: { schema: schema(body as JsonObject) } }) } };
}

function operation(from: JsonObject): Message {
  const { tags, operationId, produces, consumes, schemes, parameters, responses } = from;
  return {
    tags, operation_id: operationId, produces, consumes, schemes, parameters: ((parameters ?? []) as JsonObject[]).map(parameterItem),
    responses: { response_code: named(responses, response) }, vendor_extension: extensions(from),
  };
}

function pathItem(from: JsonObject): Message {
  const operations = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'].filter((method) => method in from).map((method) => [method, operation(from[method] as JsonObject)] as const);
  return { ...Object.fromEntries(operations), ...(Array.isArray(from['parameters']) ? { parameters: (from['parameters'] as JsonObject[]).map(parameterItem) } : {}) };
}

/** An OpenAPI 2 document as `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, which older clients read. */
export function encodeV2Protobuf(from: JsonObject): Uint8Array {
  const { swagger, info, paths, definitions, parameters } = from;
  const message = {
    swagger, info, paths: { path: named(paths, pathItem) },
    definitions: { additional_properties: Object.entries(definitions as JsonObject).map(([name, value]) => ({ name, value: schema(value as JsonObject) })) },
    ...(parameters === undefined ? {} : { parameters: { additional_properties: named(parameters, parameter) } }),
  };
  return document.encode(message).finish();
}
