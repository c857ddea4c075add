import type { Json, JsonObject } from '@coxswain/api';
import { isObject } from './object.ts';

const group = 'apiextensions.k8s.io';

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function column({ JSONPath, ...rest }: JsonObject): JsonObject {
  return JSONPath === undefined ? rest : { ...rest, jsonPath: JSONPath };
}

/** What v1beta1 says once for all versions belongs to each that says nothing of its own. */
function version(own: JsonObject, spec: JsonObject): JsonObject {
  const made = { ...own };
  const schema = own['schema'] ?? spec['validation'];
  const subresources = own['subresources'] ?? spec['subresources'];
  const columns = own['additionalPrinterColumns'] ?? spec['additionalPrinterColumns'];
  const selectable = own['selectableFields'] ?? spec['selectableFields'];
  if (schema !== undefined) made['schema'] = schema;
  if (subresources !== undefined) made['subresources'] = subresources;
  if (columns !== undefined) made['additionalPrinterColumns'] = objects(columns).map(column);
  if (selectable !== undefined) made['selectableFields'] = selectable;
  return made;
}

function conversion(beta: Json | undefined): Json | undefined {
  if (!isObject(beta)) return beta;
  const { webhookClientConfig, conversionReviewVersions, ...rest } = beta;
  if (webhookClientConfig === undefined) return rest;
  return { ...rest, webhook: { clientConfig: webhookClientConfig, ...(conversionReviewVersions === undefined ? {} : { conversionReviewVersions }) } };
}

/** kube-apiserver keeps custom resource definitions as v1beta1, which is served no more. */
export function fromBetaDefinition(object: JsonObject): JsonObject {
  const { spec } = object;
  if (object['apiVersion'] !== `${group}/v1beta1` || !isObject(spec)) return object;
  const { version: first, validation: _schema, subresources: _sub, additionalPrinterColumns: _columns, selectableFields: _fields, conversion: beta, versions, ...rest } = spec;
  const listed = objects(versions);
  const all = listed.length > 0 ? listed : [{ name: first ?? '', served: true, storage: true }];
  const converted = conversion(beta);
  return {
    ...object, apiVersion: `${group}/v1`,
    spec: { ...rest, versions: all.map((one) => version(one, spec)), ...(converted === undefined ? {} : { conversion: converted }) },
  };
}
