import { aggregatedDiscovery, aggregatedMediaType, apiGroup, apiGroupList, apiResourceList, apiVersions, stringifyAny, type ApiResource, type JsonObject } from '@coxswain/api';
import { header, utf8, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { mergeAggregated, mergedGroup, mergeGroupList, noOtherGroups, type OtherGroups } from '../aggregation/merged-discovery.ts';
import { contentTypeOf, parseAccept, type MediaType } from '../negotiation/accept.ts';
import { encodeProtobufObject } from '../negotiation/protobuf.ts';
import { plainResponse } from '../negotiation/respond.ts';
import { objectTypes, requireAcceptable } from '../negotiation/route.ts';
import { jsonToYaml } from '../negotiation/yaml.ts';
import { noSuchResource } from '../registry/errors.ts';
import { getOnly, type PathServer, type PathTable } from '../transport/paths.ts';
import { pageNotFound, readableResponse } from '../transport/responses.ts';

export interface DiscoveryOptions {
  /** Of the aggregated form: its ETag. */
  hash(text: string): string;
  /** What is served now. */
  resources(): readonly ApiResource[];
  /** What other servers serve through this one. */
  readonly others?: OtherGroups;
  /** `host:port` that clients inside the cluster are told. */
  readonly serverAddress: string;
}

interface AggregatedForm {
  readonly version: 'v2' | 'v2beta1';
  readonly mediaType: MediaType;
}

const mediaTypes = Object.entries(contentTypeOf) as [MediaType, string][];
const aggregatedBytes: Readonly<Record<MediaType, (body: JsonObject) => Uint8Array>> = {
  json: (body) => utf8(`${stringifyAny(body)}\n`), yaml: (body) => utf8(jsonToYaml(stringifyAny(body))), protobuf: encodeProtobufObject,
};

/** The aggregated form that the client likes best; undefined: it wants the legacy one. */
function aggregatedForm(request: HttpRequest): AggregatedForm | undefined {
  for (const { type, params } of parseAccept(header(request.headers, 'accept') ?? '')) {
    const [mediaType] = mediaTypes.find(([, name]) => name === type) ?? [];
    if (mediaType === undefined) continue;
    if (params.get('as') === undefined) return undefined;
    const version = params.get('v');
    if (params.get('as') === 'APIGroupDiscoveryList' && params.get('g') === 'apidiscovery.k8s.io' && (version === 'v2' || version === 'v2beta1')) return { version, mediaType };
  }
  return undefined;
}

function document(request: HttpRequest, query: URLSearchParams, body: JsonObject | undefined): Promise<HttpResponse> {
  requireAcceptable(request, objectTypes);
  return Promise.resolve(body === undefined ? pageNotFound() : plainResponse(request, query, 200, body));
}

function root(request: HttpRequest, query: URLSearchParams, options: DiscoveryOptions, prefix: 'api' | 'apis'): Promise<HttpResponse> {
  const form = aggregatedForm(request);
  if (form !== undefined) {
    const { version, mediaType } = form;
    const body = aggregatedDiscovery(options.resources(), prefix, version);
    if (prefix === 'apis') body['items'] = [...mergeAggregated(body['items'] as JsonObject[], options.others ?? noOtherGroups)];
    const etag = `"${options.hash(stringifyAny(body['items'] as JsonObject[]))}"`;
    const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
    if (header(request.headers, 'if-none-match') === etag) return Promise.resolve({ status: 304, headers });
    return Promise.resolve({ status: 200, headers: { ...headers, 'content-type': aggregatedMediaType(version, contentTypeOf[mediaType]) }, body: aggregatedBytes[mediaType](body) });
  }
  return document(request, query, prefix === 'api' ? apiVersions(options.serverAddress) : groupList(options));
}

function groupList(options: DiscoveryOptions): JsonObject {
  const list = apiGroupList(options.resources());
  return { ...list, groups: [...mergeGroupList(list['groups'] as JsonObject[], options.others ?? noOtherGroups)] };
}

function groupDocument(options: DiscoveryOptions, group: string): JsonObject | undefined {
  return mergedGroup(group, options.others ?? noOtherGroups) ?? apiGroup(options.resources(), group);
}

function versionResources(options: DiscoveryOptions, group: string, version: string): JsonObject | undefined {
  return version === '' ? undefined : apiResourceList(options.resources(), group, version);
}

function groupPaths(resources: readonly ApiResource[]): string[] {
  const paths = new Set<string>();
  for (const { group, version } of resources) {
    if (group === '') paths.add(`/api/${version}`);
    else paths.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
  }
  return [...paths];
}

export function addDiscovery(paths: PathTable, options: DiscoveryOptions): void {
  paths.exact('/api', getOnly((request, info) => root(request, info.query, options, 'api')));
  paths.exact('/apis', (request, info) => root(request, info.query, options, 'apis'));
  paths.prefix('/api/', (request, info, user) => {
    const version = info.path.split('/')[2] ?? '';
    if (version === '' && info.path === '/api/') return getOnly(() => root(request, info.query, options, 'api'))(request, info, user);
    const resources = isDeeper(info.path, 2) ? undefined : versionResources(options, '', version);
    return resources === undefined ? Promise.reject(noSuchResource()) : getOnly(() => document(request, info.query, resources))(request, info, user);
  });
  paths.prefix('/apis/', (request, info, user) => {
    const [, , group = '', version = '', ...rest] = info.path.split('/');
    // Of a group, and of all, whatever the method.
    if (info.path === '/apis/') return root(request, info.query, options, 'apis');
    if (version === '' && rest.length === 0) return document(request, info.query, groupDocument(options, group));
    const known = groupDocument(options, group) !== undefined;
    const resources = isDeeper(info.path, 3) ? undefined : versionResources(options, group, version);
    if (resources === undefined) return known && !isDeeper(info.path, 3) ? Promise.reject(noSuchResource()) : Promise.resolve(pageNotFound());
    return getOnly(() => document(request, info.query, resources))(request, info, user);
  });
  const index: PathServer = () => Promise.resolve(readableResponse(200, { paths: [...new Set([...paths.paths.filter((path) => path !== '/'), '/apis/', '/openapi/v3/', ...groupPaths(options.resources())])].sort() }));
  paths.exact('/', index);
  paths.exact('/index.html', index, { listed: false });
}

function isDeeper(path: string, parts: number): boolean {
  return path.split('/').filter((part) => part !== '').length > parts;
}
