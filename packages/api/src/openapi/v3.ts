import type { JsonObject } from '../resource.ts';
import { common, consumedTypes, parameters, responses } from './operations.ts';
import { customListSchema, customSchema, listTypeName } from './custom.ts';
import { reachableTypes, typeSchema } from './schema.ts';
import { reference, type CustomSchema, type FieldTexts, type Operation } from './types.ts';

/** The document that a path belongs to: `api/v1`, `apis/apps`, `version`, … */
export function documentOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts[0] === 'api') return parts.slice(0, 2).join('/');
  return parts[0] === 'apis' ? parts.slice(0, 3).join('/') : parts.join('/');
}

function requestBody(operation: Operation): JsonObject {
  if (operation.body === null) return {};
  const types = consumedTypes(operation);
  const schema = reference(operation.body, 3);
  return { requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema }])), ...(operation.action === 'delete' || operation.action === 'deletecollection' ? {} : { required: true }) } };
}

function paths(operations: readonly Operation[]): JsonObject {
  const found: Record<string, JsonObject> = {};
  for (const operation of operations) {
    const item = (found[operation.path] ??= {});
    item[operation.method] = { ...common(operation), parameters: parameters(operation, 3), ...requestBody(operation), responses: responses(operation, 3) };
  }
  return found;
}

/** One document of OpenAPI 3: the operations of a group version and the types they speak of. */
export function buildV3(serverVersion: string, operations: readonly Operation[], custom: readonly CustomSchema[], texts: FieldTexts | undefined): JsonObject {
  const customTypes = new Map(custom.flatMap((entry) => [[entry.resource.typeName, customSchema(entry, 3, texts)], [listTypeName(entry.resource), customListSchema(entry, 3, texts)]] as const));
  const roots = operations.flatMap((operation) => [operation.body, operation.response]).filter((type) => type !== null && !customTypes.has(type)) as string[];
  if (custom.length > 0) roots.push('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta');
  const schemas = [...reachableTypes(roots).map((type) => [type, typeSchema(type, 3, texts)] as const), ...customTypes].sort((left, right) => (left[0] < right[0] ? -1 : 1));
  return {
    openapi: '3.0.0', info: custom.length > 0 ? { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' } : { title: 'Kubernetes', version: serverVersion }, paths: paths(operations),
    components: {
      schemas: Object.fromEntries(schemas),
      securitySchemes: { BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' } },
    },
  };
}
