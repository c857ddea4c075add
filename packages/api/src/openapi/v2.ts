import { structNames, structOf } from '../description/raw.ts';
import type { JsonObject } from '../resource.ts';
import { common, consumedTypes, parameters, producedTypes, responses } from './operations.ts';
import { reachableTypes, typeSchema } from './schema.ts';
import { reference, type CustomSchema, type FieldTexts, type Operation } from './types.ts';
import { customListSchema, customSchema, listTypeName } from './custom.ts';

function operationBody(operation: Operation): JsonObject {
  const body: JsonObject[] = operation.body === null ? [] : [{ name: 'body', in: 'body', ...(operation.method === 'delete' ? {} : { required: true }), schema: reference(operation.body, 2) }];
  return {
    ...common(operation), consumes: [...consumedTypes(operation)], produces: producedTypes(operation), schemes: ['https'],
    parameters: [...body, ...parameters(operation, 2)], responses: responses(operation, 2),
  };
}

/** The one document of OpenAPI 2. */
export function buildV2(serverVersion: string, operations: readonly Operation[], custom: readonly CustomSchema[], texts: FieldTexts | undefined): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = operationBody(operation);
  const known = new Set(custom.flatMap((entry) => [entry.resource.typeName, listTypeName(entry.resource)]));
  const spoken = operations.flatMap((operation) => [operation.body, operation.response]).filter((name) => name !== null && !known.has(name)) as string[];
  const published = [...new Set([...structNames().filter((name) => structOf(name)?.published), ...spoken])];
  const definitions = [
    ...reachableTypes([...published, 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch']).map((type) => [type, typeSchema(type, 2, texts)] as const),
    ...custom.flatMap((entry) => [[entry.resource.typeName, customSchema(entry, 2, texts)], [listTypeName(entry.resource), customListSchema(entry, 2, texts)]] as const),
  ].sort((left, right) => (left[0] < right[0] ? -1 : 1));
  return {
    swagger: '2.0', info: { title: 'Kubernetes', version: serverVersion }, paths, definitions: Object.fromEntries(definitions),
    securityDefinitions: { BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' } },
    security: [{ BearerToken: [] }],
  };
}
