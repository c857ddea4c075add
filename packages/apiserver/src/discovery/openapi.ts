import { OpenApi, openApiV2ProtobufAccepted, openApiV2ProtobufType, type CustomSchema, type FieldTexts, type JsonObject, type OpenApiDocument } from '@coxswain/api';
import { header, utf8, type Host, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { notAcceptable, parseAccept } from '../negotiation/accept.ts';
import type { OtherDocuments } from '../aggregation/merged-discovery.ts';
import type { PathTable } from '../transport/paths.ts';
import { pageNotFound } from '../transport/responses.ts';

const prefix = '/openapi/v3/';

function documentResponse(request: HttpRequest, document: OpenApiDocument, contentType: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const etag = `"${document.hash}"`;
  const common = { etag, vary: 'Accept', ...headers };
  if (header(request.headers, 'if-none-match') === etag) return { status: 304, headers: common };
  return { status: 200, headers: { 'content-type': contentType, ...common }, body: document.body };
}

/** Old kubectls read version 2 as protobuf, everybody else JSON. */
async function serveV2(openApi: OpenApi, request: HttpRequest): Promise<HttpResponse> {
  const clauses = parseAccept(header(request.headers, 'accept') ?? '');
  for (const { type } of clauses.length === 0 ? [{ type: '*/*' }] : clauses) {
    if (openApiV2ProtobufAccepted.some((accepted) => accepted.toLowerCase() === type.toLowerCase())) return documentResponse(request, await openApi.v2Protobuf(), openApiV2ProtobufType);
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return documentResponse(request, await openApi.v2Json(), 'application/json');
  }
  throw notAcceptable(['application/json', openApiV2ProtobufType]);
}

/** A document that is asked for by its hash never changes. */
async function serveV3(request: HttpRequest, name: string, hash: string | null, document: OpenApiDocument | undefined): Promise<HttpResponse> {
  if (document === undefined) return pageNotFound();
  if (hash === null) return documentResponse(request, document, 'application/json');
  if (hash !== document.hash) return { status: 301, headers: { location: `${prefix}${name}?hash=${document.hash}` } };
  return documentResponse(request, document, 'application/json', { 'cache-control': 'public, immutable' });
}

function withOthers(index: JsonObject, others: OtherDocuments | undefined): unknown {
  const remote = others?.index() ?? [];
  if (remote.length === 0) return index;
  const paths = { ...(index['paths'] as JsonObject), ...Object.fromEntries(remote.map(([name, serverRelativeURL]) => [name, { serverRelativeURL }])) };
  return { ...index, paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** `custom`: the custom resources that are served now. */
export function addOpenApi(paths: PathTable, host: Host, serverVersion: string, custom: () => readonly CustomSchema[], texts?: FieldTexts, others?: OtherDocuments, isServed?: (group: string, version: string) => boolean): void {
  const documents = new OpenApi({ serverVersion, hash: (data) => host.crypto.hash('sha512', data).toHex().toUpperCase(), isServed, ...(texts === undefined ? {} : { texts }) });
  const now = (): OpenApi => {
    documents.setCustom(custom());
    documents.setOthers(others?.v2() ?? []);
    return documents;
  };
  paths.exact('/openapi/v2', (request) => serveV2(now(), request));
  paths.exact('/openapi/v3', async () => ({
    status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: utf8(JSON.stringify(withOthers(await now().v3Index(), others))),
  }));
  paths.prefix(prefix, async (request, info) => {
    const name = info.path.slice(prefix.length);
    const other = await others?.serve(name, request);
    return other !== undefined && 'status' in other ? other : serveV3(request, name, info.query.get('hash'), other ?? await now().v3(name));
  });
}
