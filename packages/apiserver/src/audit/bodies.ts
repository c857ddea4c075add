import { decodeProtobuf, JsonSyntaxError, openProtobuf, scanJson, stringifyAny, YamlSyntaxError, type Json, type JsonObject } from '@coxswain/api';
import { fromUtf8, header, type Host, type HttpResponse } from '@coxswain/host';
import { parse, YAMLParseError } from 'yaml';
import { plainText } from '../negotiation/respond.ts';
import { inSlices, isLarge, isLong, onThread, pause, type Scan } from '../registry/large-body.ts';
import { isObject, text } from '../registry/object.ts';

/** Reading large bodies gives others their turn. */
export type BodyHost = Pick<Host, 'timers' | 'compute'>;

/** An object of the API in a response. What reads it rejects with ComputeError where nobody can now. */
export interface ResponseObject {
  /** By how the body begins or is marked: a list is not read to find out that it is none. */
  readonly mayBeStatus: boolean;
  /** Parsed when first asked for. */
  value(): Promise<JsonObject>;
  /** undefined: it does not say what it is. */
  json(): Promise<string | undefined>;
}

const headBytes = 256;

/** Built-in kinds name themselves first, custom ones their version, which is never that of a Status. */
function jsonMayBeStatus(head: string): boolean {
  const [, key, value] = /^\{\s*"(kind|apiVersion)":\s*"([^"]*)"/.exec(head) ?? [];
  return value === (key === 'kind' ? 'Status' : 'v1');
}

function saysWhatItIs(value: JsonObject): boolean {
  return text(value, 'kind') !== '' && text(value, 'apiVersion') !== '';
}

export function isStatus(value: JsonObject): boolean {
  return value['kind'] === 'Status' && value['apiVersion'] === 'v1';
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function written(mayBeStatus: boolean, value: ResponseObject['value']): ResponseObject {
  return { mayBeStatus, value, json: async () => (saysWhatItIs(await value()) ? plainText(await value()) : undefined) };
}

/** What this server wrote has as many members as it has. */
async function readJson(host: BodyHost, body: Uint8Array): Promise<JsonObject> {
  return (await inSlices(host, body, Infinity)).value as JsonObject;
}

function fromJson(host: BodyHost, body: Uint8Array): ResponseObject | undefined {
  const head = fromUtf8(body.subarray(0, headBytes));
  if (!/^\{\s*"(?:kind|apiVersion)":/.test(head)) return undefined;
  const value = once(() => readJson(host, body));
  return {
    mayBeStatus: jsonMayBeStatus(head), value,
    async json() {
      const json = fromUtf8(body).trimEnd();
      if (!/^\{"kind":"[A-Za-z]+","apiVersion":"[^"]+"/.test(json) && !saysWhatItIs(await value())) return undefined;
      return json.includes('\n') ? stringifyAny(await value()) : json;
    },
  };
}

function fromProtobuf(host: BodyHost, body: Uint8Array): ResponseObject {
  const { kind, apiVersion } = openProtobuf(body);
  return written(isStatus({ kind, apiVersion }), once(async () => {
    const value = decodeProtobuf(body);
    if (isLarge(body)) await pause(host);
    return value;
  }));
}

/** A block of text is indented: a line that names the kind is the document's own. */
function fromYaml(host: BodyHost, body: Uint8Array): ResponseObject {
  return written(/^kind: Status$/m.test(fromUtf8(body)), once(async () => {
    const value: unknown = isLong(body, 'yaml') ? (await onThread(host, body)).value : parse(fromUtf8(body));
    return isObject(value as Json | undefined) ? (value as JsonObject) : {};
  }));
}

/** undefined for streams, texts and documents that are no objects of the API. */
export function responseObject(host: BodyHost, response: HttpResponse): ResponseObject | undefined {
  const { body } = response;
  if (!(body instanceof Uint8Array) || body.length === 0) return undefined;
  switch ((header(response.headers, 'content-type') ?? '').split(';', 1)[0]) {
    case 'application/json': return fromJson(host, body);
    case 'application/vnd.kubernetes.protobuf': return fromProtobuf(host, body);
    case 'application/yaml': return fromYaml(host, body);
    default: return undefined;
  }
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
