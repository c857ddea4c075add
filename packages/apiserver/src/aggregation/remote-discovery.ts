import { JsonSyntaxError, scanJson, type Json, type JsonObject } from '@coxswain/api';
import { aggregatedMediaType } from '@coxswain/api';
import type { ApiService } from './api-service.ts';
import type { Upstream } from './upstream.ts';

/** Where its OpenAPI v3 document is: at an URL of its own, with its hash; made here from version 2, which is all that it has; nowhere. */
export type RemoteDocument = { readonly kind: 'own'; readonly url: string } | { readonly kind: 'converted' } | { readonly kind: 'none' };

/** What a remote API says that it serves, as `versions[]` of aggregated discovery has it. */
export interface RemoteVersion {
  readonly openApi: RemoteDocument;
  readonly resources: readonly Json[];
  readonly fresh: boolean;
}

const timeoutMs = 5000;

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Throws Error. What is no object is taken for an empty one. */
export function parseDocument(body: Uint8Array): JsonObject {
  try {
    const { value } = scanJson(body);
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new Error(`the document is no JSON: ${error.message}`);
    throw error;
  }
}

function subresource(item: JsonObject, group: string, version: string): JsonObject {
  const name = text(item['name']);
  return { subresource: name.slice(name.indexOf('/') + 1), responseKind: kindOf(item, group, version), verbs: item['verbs'] ?? [] };
}

function kindOf(item: JsonObject, group: string, version: string): JsonObject {
  return { group: text(item['group']) || group, version: text(item['version']) || version, kind: text(item['kind']) };
}

/** The older form, `APIResourceList`, in the newer one's words. */
function fromResourceList(list: JsonObject, group: string, version: string): readonly Json[] {
  const items = objects(list['resources']);
  return items.filter((item) => !text(item['name']).includes('/')).map((item) => {
    const subresources = items.filter((other) => text(other['name']).startsWith(`${text(item['name'])}/`)).map((other) => subresource(other, group, version));
    return {
      resource: item['name'] ?? '', responseKind: kindOf(item, group, version), scope: item['namespaced'] === true ? 'Namespaced' : 'Cluster', singularResource: item['singularName'] ?? '', verbs: item['verbs'] ?? [],
      ...(item['shortNames'] === undefined ? {} : { shortNames: item['shortNames'] }), ...(item['categories'] === undefined ? {} : { categories: item['categories'] }),
      ...(subresources.length === 0 ? {} : { subresources }),
    };
  });
}

function fromAggregated(document: JsonObject, group: string, version: string): readonly Json[] | undefined {
  const found = objects(document['items']).find((item) => text((item['metadata'] as JsonObject | undefined)?.['name']) === group);
  const resources = objects(found?.['versions']).find((one) => text(one['version']) === version)?.['resources'];
  return Array.isArray(resources) ? resources : undefined;
}

async function legacy(upstream: Upstream, service: ApiService, group: string, version: string): Promise<readonly Json[]> {
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const answer = await upstream.document(service, path, { accept: 'application/json' }, timeoutMs);
  if (answer.status !== 200) throw new Error(`${path} was answered with ${answer.status}`);
  return fromResourceList(parseDocument(answer.body), group, version);
}

/** Asks for the aggregated form, and for the older one where that is not known. Throws Error. */
export async function fetchResources(upstream: Upstream, service: ApiService): Promise<readonly Json[]> {
  const { group = '', version = '' } = service.spec ?? {};
  const accept = [aggregatedMediaType('v2'), aggregatedMediaType('v2beta1'), 'application/json'].join(',');
  const answer = await upstream.document(service, group === '' ? '/api' : '/apis', { accept }, timeoutMs);
  if (answer.status === 200 && answer.contentType.includes('as=APIGroupDiscoveryList')) {
    const found = fromAggregated(parseDocument(answer.body), group, version);
    if (found !== undefined) return found;
  }
  return legacy(upstream, service, group, version);
}

/** What the remote's index says of its document. Throws Error. */
export async function findOpenApi(upstream: Upstream, service: ApiService): Promise<RemoteDocument> {
  const { group = '', version = '' } = service.spec ?? {};
  const answer = await upstream.document(service, '/openapi/v3', { accept: 'application/json' }, timeoutMs);
  if (answer.status === 404) return { kind: 'converted' };
  if (answer.status !== 200) return { kind: 'none' };
  const paths = parseDocument(answer.body)['paths'];
  const entry = isObject(paths) ? paths[`apis/${group}/${version}`] : undefined;
  return isObject(entry) && typeof entry['serverRelativeURL'] === 'string' ? { kind: 'own', url: entry['serverRelativeURL'] } : { kind: 'none' };
}
