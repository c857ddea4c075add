import { stringifyAny, stringifyObject, StatusError, typeOfKind, type JsonObject } from '@coxswain/api';
import { concatBriefly, fromUtf8, header, readAll, utf8, type ByteSource, type HttpRequest, type HttpResponse } from '@coxswain/host';
import type { ServedKind } from '../registry/kind.ts';
import type { ListResult } from '../registry/list.ts';
import { text } from '../registry/object.ts';
import type { StoredObject } from '../storage/codec.ts';
import { contentTypeOf, negotiate, negotiateError, negotiateStream, type AcceptOptions, type AcceptSource, type MediaType, type Negotiated } from './accept.ts';
import { metadataText, partialMetadata, partialMetadataList } from './partial-metadata.ts';
import { indentJson } from './pretty.ts';
import { encodeProtobufObject, statusProtobuf } from './protobuf.ts';
import { jsonList, protobufList } from './list-body.ts';
import { inSlices } from '../slices.ts';
import { servedObject, servedParts, servedProtobuf, servedProtobufPart, servedText } from './served.ts';
import { includeObjectOf, tableOf, type TableOptions } from './table.ts';
import { jsonToYaml } from './yaml.ts';

const newline = Uint8Array.of(0x0a);

function sourceOf(request: HttpRequest, query: URLSearchParams): AcceptSource {
  return { accept: header(request.headers, 'accept') ?? '', userAgent: header(request.headers, 'user-agent') ?? '', query };
}

export function negotiateRequest(request: HttpRequest, query: URLSearchParams, options: AcceptOptions): Negotiated {
  return negotiate(sourceOf(request, query), options);
}

function optionsOf(kind: ServedKind): AcceptOptions {
  return { transforms: true, protobuf: kind.codec.encodeProtobuf !== undefined };
}

export function negotiateKind(kind: ServedKind, request: HttpRequest, query: URLSearchParams): Negotiated {
  return negotiate(sourceOf(request, query), optionsOf(kind));
}

export function negotiateWatch(kind: ServedKind, request: HttpRequest, query: URLSearchParams): Negotiated {
  return negotiateStream(sourceOf(request, query), optionsOf(kind));
}

function textBody(status: number, mediaType: MediaType, pretty: boolean, json: string): HttpResponse {
  const headers = { 'content-type': contentTypeOf[mediaType] };
  if (mediaType === 'yaml') return { status, headers, body: utf8(jsonToYaml(json)) };
  return { status, headers, body: utf8(pretty ? indentJson(json) : `${json}\n`) };
}

/** An error in the form that was asked for, or in JSON that people can read. */
export function statusResponse(error: StatusError, request: HttpRequest, query: URLSearchParams): HttpResponse {
  const negotiated = negotiateError(sourceOf(request, query));
  const body = negotiated?.mediaType === 'protobuf'
    ? bytesBody(error.code, statusProtobuf(error))
    : textBody(error.code, negotiated?.mediaType ?? 'json', negotiated?.pretty ?? true, stringifyAny(error.status));
  const retry = error.retryAfterSeconds;
  return retry === undefined ? body : { ...body, headers: { ...body.headers, 'retry-after': String(retry) } };
}

/** With the newline that Go's encoder ends objects with. */
function jsonBytes(status: number, json: readonly Uint8Array[]): HttpResponse {
  return { status, headers: { 'content-type': contentTypeOf.json }, body: concatBriefly([...json, newline]) };
}

function bytesBody(status: number, body: Uint8Array): HttpResponse {
  return { status, headers: { 'content-type': contentTypeOf.protobuf }, body };
}

function tableOptions(negotiated: Negotiated, query: URLSearchParams, metadata: JsonObject): TableOptions {
  return { version: negotiated.transform?.version ?? 'v1', includeObject: includeObjectOf(query), metadata, columns: true };
}

/** `negotiated` asks for a table. */
export function tableResponse(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams, objects: readonly JsonObject[], metadata: JsonObject, status = 200): HttpResponse {
  return textBody(status, negotiated.mediaType, negotiated.pretty, tableOf(kind, objects, tableOptions(negotiated, query, metadata)));
}

/** One stored object in the form that was asked for. */
export function objectResponse(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams, status: number, stored: StoredObject): HttpResponse {
  const { mediaType, pretty, transform } = negotiated;
  if (transform === undefined) {
    if (mediaType === 'protobuf' && kind.codec.encodeProtobuf !== undefined) return bytesBody(status, servedProtobuf(kind, stored));
    if (mediaType === 'json' && !pretty) return jsonBytes(status, servedParts(kind, stored));
    return textBody(status, mediaType, pretty, servedText(kind, stored));
  }
  const object = servedObject(kind, stored);
  if (transform.kind === 'Table') return tableResponse(kind, negotiated, query, [object], stored.revision === 0 ? {} : { resourceVersion: String(stored.revision) }, status);
  if (transform.kind !== 'PartialObjectMetadata') throw notThatForm(`you requested PartialObjectMetadataList, but the requested object is not a list (${goTypeOf(kind)})`);
  const partial = partialMetadata(object, transform.version);
  if (mediaType === 'protobuf') return bytesBody(status, encodeProtobufObject(partial));
  return textBody(status, mediaType, pretty, metadataText(partial));
}

/** As Go prints the type of the internal object. */
export function goTypeOf(kind: ServedKind, name = kind.api.kind): string {
  const internal: Readonly<Record<string, string>> = { '': 'core', 'flowcontrol.apiserver.k8s.io': 'flowcontrol' };
  const group = internal[kind.hub.api.group] ?? (kind.hub.api.group.split('.', 1)[0] as string);
  return kind.hub.custom ? '*unstructured.Unstructured' : `*${group}.${name}`;
}

function notThatForm(message: string): StatusError {
  return new StatusError('NotAcceptable', message);
}

function listMetadata(result: ListResult): JsonObject {
  return {
    ...(result.revision === 0 ? {} : { resourceVersion: String(result.revision) }), ...(result.continueToken === '' ? {} : { continue: result.continueToken }),
    ...(result.remainingItemCount === undefined ? {} : { remainingItemCount: result.remainingItemCount }),
  };
}

export async function listResponse(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams, result: ListResult): Promise<HttpResponse> {
  const { mediaType, pretty, transform } = negotiated;
  const metadata = listMetadata(result);
  if (transform === undefined && mediaType === 'json' && !pretty) return { status: 200, headers: { 'content-type': contentTypeOf.json }, body: jsonList(kind, metadata, result.items) };
  if (transform === undefined && mediaType !== 'protobuf') return textBody(200, mediaType, pretty, fromUtf8(await whole(jsonList(kind, metadata, result.items))).trimEnd());
  if (transform === undefined) {
    const messages = await inSlices(kind.hub.timers, result.items, (item) => servedProtobufPart(kind, item), (item) => protobufWork(kind, item));
    return { status: 200, headers: { 'content-type': contentTypeOf.protobuf }, body: protobufList(kind, metadata, messages) };
  }
  const objects = await inSlices(kind.hub.timers, result.items, (item) => servedObject(kind, item));
  if (transform.kind === 'Table') return tableResponse(kind, negotiated, query, objects, metadata);
  if (transform.kind !== 'PartialObjectMetadataList') throw notThatForm(`you requested PartialObjectMetadata, but the requested object is a list (${goTypeOf(kind, kind.api.listKind)})`);
  const list = partialMetadataList(metadata, objects, transform.version);
  return mediaType === 'protobuf' ? bytesBody(200, encodeProtobufObject(list)) : textBody(200, mediaType, pretty, metadataText(list));
}

/** It goes by an object's size: nearly all of it is reading JSON. */
function protobufWork(kind: ServedKind, item: StoredObject): number {
  return kind.isHub && item.knowsProtobuf ? 0 : item.value.length / 4096;
}

async function whole(body: Uint8Array | ByteSource): Promise<Uint8Array> {
  return body instanceof Uint8Array ? body : readAll(body);
}

/** An object of any built-in kind that is not stored: Scale, Status, reviews, options. */
export function plainResponse(request: HttpRequest, query: URLSearchParams, status: number, object: JsonObject): HttpResponse {
  return plainIn(negotiateRequest(request, query, { transforms: false, protobuf: true }), status, object);
}

/** In the media type alone: what is no object of its kind is not transformed. */
export function plainIn(negotiated: Negotiated, status: number, object: JsonObject): HttpResponse {
  if (negotiated.mediaType === 'protobuf') return bytesBody(status, encodeProtobufObject(object));
  return textBody(status, negotiated.mediaType, negotiated.pretty, plainText(object));
}

export function plainText(object: JsonObject): string {
  const [group, version] = splitApiVersion(text(object, 'apiVersion'));
  const typeName = typeOfKind(group, version, text(object, 'kind'));
  return typeName === undefined ? stringifyAny(object) : stringifyObject(typeName, object);
}

function splitApiVersion(apiVersion: string): [string, string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}
