import { decodeProtobuf, JsonSyntaxError, scanJson, stringifyAny, YamlSyntaxError, type Json, type JsonObject } from '@coxswain/api';
import { fromUtf8, header, utf8, type Host, type HttpResponse } from '@coxswain/host';
import { parse, YAMLParseError } from 'yaml';
import { plainText } from '../negotiation/respond.ts';
import { inSlices, isLarge, isLong, onThread, pause, type Scan } from '../registry/large-body.ts';
import { isObject, text } from '../registry/object.ts';

/** Reading large bodies gives others their turn. */
export type BodyHost = Pick<Host, 'timers' | 'compute'>;

/** The object in a response as JSON; undefined for streams, texts and documents that are no objects of the API. */
export interface ResponseObject {
  readonly json: string;
  readonly kind: string;
  /** Parsed when first asked for. */
  value(): Promise<JsonObject>;
}

type Value = ResponseObject['value'];

async function named(json: string, value: Value): Promise<ResponseObject | undefined> {
  // Built-in kinds name themselves first.
  const kind = /^\{"kind":"([A-Za-z]+)","apiVersion":"[^"]+"/.exec(json)?.[1] ?? namedInside(await value());
  return kind === undefined ? undefined : { json, kind, value };
}

function namedInside(value: JsonObject): string | undefined {
  const kind = text(value, 'kind');
  return kind === '' || text(value, 'apiVersion') === '' ? undefined : kind;
}

/** What this server wrote has as many members as it has. */
async function readJson(host: BodyHost, json: string): Promise<JsonObject> {
  const body = utf8(json);
  return (isLarge(body) ? (await inSlices(host, body, Infinity)).value : JSON.parse(json)) as JsonObject;
}

async function fromJson(host: BodyHost, body: Uint8Array): Promise<ResponseObject | undefined> {
  const json = fromUtf8(body).trimEnd();
  if (!/^\{\s*"(?:kind|apiVersion)":/.test(json)) return undefined;
  let parsed: Promise<JsonObject> | undefined;
  const value: Value = () => (parsed ??= readJson(host, json));
  return named(json.includes('\n') ? stringifyAny(await value()) : json, value);
}

async function fromObject(host: BodyHost, body: Uint8Array, object: unknown): Promise<ResponseObject | undefined> {
  if (!isObject(object as Json | undefined)) return undefined;
  const value = object as JsonObject;
  if (isLarge(body)) await pause(host);
  return named(plainText(value), () => Promise.resolve(value));
}

async function readYaml(host: BodyHost, body: Uint8Array): Promise<unknown> {
  return isLong(body, 'yaml') ? (await onThread(host, body)).value : parse(fromUtf8(body));
}

/** Rejects with ComputeError where nobody can read it now. */
export async function responseObject(host: BodyHost, response: HttpResponse): Promise<ResponseObject | undefined> {
  const { body } = response;
  if (!(body instanceof Uint8Array) || body.length === 0) return undefined;
  const type = (header(response.headers, 'content-type') ?? '').split(';', 1)[0];
  if (type === 'application/json') return fromJson(host, body);
  if (type === 'application/vnd.kubernetes.protobuf') return fromObject(host, body, decodeProtobuf(body));
  if (type === 'application/yaml') return fromObject(host, body, await readYaml(host, body));
  return undefined;
}

function scanned(scan: Scan): string | undefined {
  try {
    return stringifyAny(scan().value);
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof YamlSyntaxError) return undefined;
    throw error;
  }
}

/** A patch as JSON; an apply may come as YAML. undefined: it is neither, which its refusal says. `scan`: what a long one was read as. */
export function patchJson(body: Uint8Array, scan?: Scan): string | undefined {
  if (scan !== undefined) return scanned(scan);
  const json = scanned(() => scanJson(body));
  if (json !== undefined) return json;
  try {
    return stringifyAny(parse(fromUtf8(body)) ?? null);
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
