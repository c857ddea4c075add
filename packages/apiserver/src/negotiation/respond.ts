import { stringifyObject, typeOfKind, type JsonObject } from '@coxswain/api';
import { header, utf8, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { apiVersionOf, type ServedKind } from '../registry/kind.ts';
import type { ListResult } from '../registry/list.ts';
import { text } from '../registry/object.ts';
import type { StoredObject } from '../storage/codec.ts';
import { contentTypeOf, negotiate, type AcceptOptions, type MediaType, type Negotiated } from './accept.ts';
import { partialMetadata, partialMetadataList } from './partial-metadata.ts';
import { encodeProtobufObject, listProtobuf } from './protobuf.ts';
import { servedObject, servedText } from './served.ts';
import { tableOf, type TableOptions } from './table.ts';
import { jsonToYaml } from './yaml.ts';

export function negotiateRequest(request: HttpRequest, query: URLSearchParams, options: AcceptOptions): Negotiated {
  return negotiate({ accept: header(request.headers, 'accept') ?? '', userAgent: header(request.headers, 'user-agent') ?? '', query }, options);
}

export function negotiateKind(kind: ServedKind, request: HttpRequest, query: URLSearchParams): Negotiated {
  return negotiateRequest(request, query, { transforms: true, protobuf: kind.codec.encodeProtobuf !== undefined });
}

function textBody(status: number, mediaType: MediaType, pretty: boolean, json: string): HttpResponse {
  const headers = { 'content-type': contentTypeOf[mediaType] };
  if (mediaType === 'yaml') return { status, headers, body: utf8(jsonToYaml(json)) };
  return { status, headers, body: utf8(pretty ? `${JSON.stringify(JSON.parse(json), undefined, 2)}\n` : `${json}\n`) };
}

function bytesBody(status: number, body: Uint8Array): HttpResponse {
  return { status, headers: { 'content-type': contentTypeOf.protobuf }, body };
}

function tableOptions(negotiated: Negotiated, query: URLSearchParams, metadata: JsonObject): TableOptions {
  return { version: negotiated.transform?.version ?? 'v1', includeObject: query.get('includeObject') ?? '', metadata, columns: true };
}

/** One stored object in the form that was asked for. */
export function objectResponse(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams, status: number, stored: StoredObject): HttpResponse {
  const { mediaType, pretty, transform } = negotiated;
  if (transform === undefined) {
    if (mediaType === 'protobuf' && kind.codec.encodeProtobuf !== undefined) return bytesBody(status, kind.codec.encodeProtobuf(servedObject(kind, stored)));
    return textBody(status, mediaType, pretty, servedText(kind, stored));
  }
  const object = servedObject(kind, stored);
  if (transform.kind === 'Table') {
    return textBody(status, mediaType, pretty, tableOf(kind, [object], tableOptions(negotiated, query, { resourceVersion: String(stored.revision) })));
  }
  const partial = partialMetadata(object, transform.version);
  if (mediaType === 'protobuf') return bytesBody(status, encodeProtobufObject(partial));
  return textBody(status, mediaType, pretty, JSON.stringify(partial));
}

function listMetadata(result: ListResult): JsonObject {
  return {
    resourceVersion: String(result.revision), ...(result.continueToken === '' ? {} : { continue: result.continueToken }),
    ...(result.remainingItemCount === undefined ? {} : { remainingItemCount: result.remainingItemCount }),
  };
}

/** Items of built-in lists do not repeat what the list says. */
function itemText(kind: ServedKind, stored: StoredObject): string {
  const served = servedText(kind, stored);
  if (kind.hub.custom) return served;
  const head = `{"kind":"${kind.api.kind}","apiVersion":"${apiVersionOf(kind.api)}",`;
  return served.startsWith(head) ? `{${served.slice(head.length)}` : served;
}

function listText(kind: ServedKind, result: ListResult): string {
  const items = result.items.map((item) => itemText(kind, item)).join(',');
  const head = kind.hub.custom
    ? `{"apiVersion":"${apiVersionOf(kind.api)}","items":[${items}],"kind":"${kind.api.listKind}","metadata":`
    : `{"kind":"${kind.api.listKind}","apiVersion":"${apiVersionOf(kind.api)}","metadata":`;
  // Lists without a type say that they are complete.
  const metadata = JSON.stringify(kind.hub.custom ? { continue: result.continueToken, ...listMetadata(result) } : listMetadata(result));
  return kind.hub.custom ? `${head}${metadata}}` : `${head}${metadata},"items":[${items}]}`;
}

export function listResponse(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams, result: ListResult): HttpResponse {
  const { mediaType, pretty, transform } = negotiated;
  if (transform === undefined && (mediaType !== 'protobuf' || kind.codec.encodeProtobuf === undefined)) return textBody(200, mediaType, pretty, listText(kind, result));
  const objects = result.items.map((item) => servedObject(kind, item));
  const metadata = listMetadata(result);
  if (transform?.kind === 'Table') return textBody(200, mediaType, pretty, tableOf(kind, objects, tableOptions(negotiated, query, metadata)));
  if (transform !== undefined) {
    const list = partialMetadataList(metadata, objects, transform.version);
    return mediaType === 'protobuf' ? bytesBody(200, encodeProtobufObject(list)) : textBody(200, mediaType, pretty, JSON.stringify(list));
  }
  return bytesBody(200, listProtobuf(kind, metadata, objects));
}

/** An object of any built-in kind that is not stored: Scale, Status, reviews, options. */
export function plainResponse(request: HttpRequest, query: URLSearchParams, status: number, object: JsonObject): HttpResponse {
  const negotiated = negotiateRequest(request, query, { transforms: false, protobuf: true });
  if (negotiated.mediaType === 'protobuf') return bytesBody(status, encodeProtobufObject(object));
  return textBody(status, negotiated.mediaType, negotiated.pretty, plainText(object));
}

export function plainText(object: JsonObject): string {
  const [group, version] = splitApiVersion(text(object, 'apiVersion'));
  const typeName = typeOfKind(group, version, text(object, 'kind'));
  return typeName === undefined ? JSON.stringify(object) : stringifyObject(typeName, object);
}

export function splitApiVersion(apiVersion: string): [string, string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}
