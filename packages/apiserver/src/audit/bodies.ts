import { decodeProtobuf, JsonSyntaxError, scanJson, type Json, type JsonObject } from '@coxswain/api';
import { fromUtf8, header, type HttpResponse } from '@coxswain/host';
import { parse, YAMLParseError } from 'yaml';
import { plainText } from '../negotiation/respond.ts';
import { isObject, text } from '../registry/object.ts';

/** The object in a response as JSON; undefined for streams, texts and documents that are no objects of the API. */
export interface ResponseObject {
  readonly json: string;
  readonly kind: string;
  /** Parsed when first asked for. */
  value(): JsonObject;
}

function named(json: string, value: () => JsonObject): ResponseObject | undefined {
  // Built-in kinds name themselves first.
  const kind = /^\{"kind":"([A-Za-z]+)","apiVersion":"[^"]+"/.exec(json)?.[1];
  if (kind !== undefined) return { json, kind, value };
  return namedInside(json, value);
}

function namedInside(json: string, value: () => JsonObject): ResponseObject | undefined {
  const kind = text(value(), 'kind');
  return kind === '' || text(value(), 'apiVersion') === '' ? undefined : { json, kind, value };
}

function fromJson(body: Uint8Array): ResponseObject | undefined {
  const json = fromUtf8(body).trimEnd();
  if (!/^\{\s*"(?:kind|apiVersion)":/.test(json)) return undefined;
  let parsed: JsonObject | undefined;
  const value = (): JsonObject => (parsed ??= JSON.parse(json) as JsonObject);
  return named(json.includes('\n') ? JSON.stringify(value()) : json, value);
}

function fromObject(object: unknown): ResponseObject | undefined {
  if (!isObject(object as Json | undefined)) return undefined;
  const value = object as JsonObject;
  return named(plainText(value), () => value);
}

export function responseObject(response: HttpResponse): ResponseObject | undefined {
  const { body } = response;
  if (!(body instanceof Uint8Array) || body.length === 0) return undefined;
  const type = (header(response.headers, 'content-type') ?? '').split(';', 1)[0];
  if (type === 'application/json') return fromJson(body);
  if (type === 'application/vnd.kubernetes.protobuf') return fromObject(decodeProtobuf(body));
  if (type === 'application/yaml') return fromObject(parse(fromUtf8(body)));
  return undefined;
}

/** A patch as JSON; an apply may come as YAML. undefined: it is neither, which its refusal says. */
export function patchJson(body: Uint8Array): string | undefined {
  try {
    return JSON.stringify(scanJson(body).value);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  try {
    return JSON.stringify(parse(fromUtf8(body)) ?? null);
  } catch (error) {
    if (error instanceof YAMLParseError) return undefined;
    throw error;
  }
}

function bare(item: Json): Json {
  if (!isObject(item) || !isObject(item['metadata']) || item['metadata']['managedFields'] === undefined) return item;
  const { managedFields: _left, ...metadata } = item['metadata'];
  return { ...item, metadata };
}

/** Of an object, of a list's items, of a table's rows. */
export function withoutManagedFields(object: JsonObject): JsonObject {
  const own = bare(object) as JsonObject;
  if (Array.isArray(own['items'])) return { ...own, items: own['items'].map(bare) };
  if (own['kind'] !== 'Table' || !Array.isArray(own['rows'])) return own;
  return { ...own, rows: own['rows'].map((row) => (isObject(row) && row['object'] !== undefined ? { ...row, object: bare(row['object']) } : row)) };
}
