import { isObject, setOwn } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { definitionPrefix, parameterPrefix } from './references.ts';

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'];
const texts = ['description', 'tags', 'summary', 'deprecated', 'operationId', 'externalDocs'];

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function strings(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function mapped(value: Json | undefined, convert: (item: JsonObject) => JsonObject): JsonObject {
  const made: JsonObject = {};
  if (isObject(value)) for (const [key, item] of Object.entries(value)) setOwn(made, key, isObject(item) ? convert(item) : item);
  return made;
}

/** A schema beside whose reference something stands keeps both only inside `allOf`. */
function schema(from: JsonObject): JsonObject {
  const { $ref, properties, items, additionalProperties, ...rest } = from;
  const made: JsonObject = {
    ...rest, ...(properties === undefined ? {} : { properties: mapped(properties, schema) }), ...(isObject(items) ? { items: schema(items) } : {}),
    ...(additionalProperties === undefined ? {} : { additionalProperties: isObject(additionalProperties) ? schema(additionalProperties) : additionalProperties }),
  };
  if (typeof $ref !== 'string') return made;
  const reference = { $ref: $ref.startsWith(definitionPrefix) ? `#/components/schemas/${$ref.slice(definitionPrefix.length)}` : $ref };
  return Object.keys(made).length === 0 ? reference : { ...made, allOf: [reference] };
}

function parameter(from: JsonObject): JsonObject {
  const { name, in: place, description, required, allowEmptyValue, type, format, uniqueItems, schema: own } = from;
  const simple = { ...(type === undefined ? {} : { type }), ...(format === undefined ? {} : { format }), ...(uniqueItems === undefined ? {} : { uniqueItems }) };
  return {
    name: name ?? '', in: place ?? '', ...(description === undefined ? {} : { description }), ...(required === undefined ? {} : { required }),
    ...(allowEmptyValue === undefined ? {} : { allowEmptyValue }), schema: isObject(own) ? schema(own) : simple,
  };
}

function content(types: readonly string[], of: JsonObject): JsonObject {
  return Object.fromEntries(types.map((type) => [type, { schema: schema(of) }]));
}

function response(from: JsonObject, types: readonly string[]): JsonObject {
  return { description: from['description'] ?? '', ...(isObject(from['schema']) ? { content: content(types, from['schema']) } : {}) };
}

function operation(from: JsonObject, resolve: (parameter: JsonObject) => JsonObject): JsonObject {
  const parameters = objects(from['parameters']).map(resolve);
  const body = parameters.find((one) => one['in'] === 'body' && isObject(one['schema']));
  const plain = parameters.filter((one) => one !== body).map(parameter);
  return {
    ...Object.fromEntries(Object.entries(from).filter(([key]) => texts.includes(key) || key.startsWith('x-'))), ...(plain.length === 0 ? {} : { parameters: plain }),
    ...(body === undefined ? {} : { requestBody: { content: content(strings(from['consumes']), body['schema'] as JsonObject), ...(body['required'] === true ? { required: true } : {}) } }),
    responses: mapped(from['responses'], (one) => response(one, strings(from['produces']))),
  };
}

/** A document of OpenAPI 2 as one of OpenAPI 3, for servers that have only the former. Parameters that it shares stand where they are used. */
export function convertV2(document: JsonObject): JsonObject {
  const shared = isObject(document['parameters']) ? document['parameters'] : {};
  const resolve = (one: JsonObject): JsonObject => {
    const name = typeof one['$ref'] === 'string' && one['$ref'].startsWith(parameterPrefix) ? one['$ref'].slice(parameterPrefix.length) : undefined;
    const found = name !== undefined && Object.hasOwn(shared, name) ? shared[name] : undefined;
    return isObject(found) ? found : one;
  };
  const path = (item: JsonObject): JsonObject => {
    const parameters = objects(item['parameters']).map((one) => parameter(resolve(one)));
    const operations = methods.flatMap((method) => (isObject(item[method]) ? [[method, operation(item[method], resolve)] as const] : []));
    return { ...Object.fromEntries(operations), ...(parameters.length === 0 ? {} : { parameters }) };
  };
  return {
    openapi: '3.0.0', ...(isObject(document['info']) ? { info: document['info'] } : {}), paths: mapped(document['paths'], path),
    components: { schemas: mapped(document['definitions'], schema), ...(isObject(document['securityDefinitions']) ? { securitySchemes: document['securityDefinitions'] } : {}) },
  };
}
