import { JsonSyntaxError, scanJson, stringifyAny, type Json, type JsonObject } from '@coxswain/api';
import { scanYaml } from '@coxswain/api/yaml';
import type { Client } from '@coxswain/client';
import { BodyTooLarge, fromUtf8, header, NetworkError, readAll, utf8, type ClientTls, type Host, type IncomingResponse } from '@coxswain/host';
import { callFailure, statusText } from './failures.ts';
import { CalloutError, type CalloutOptions } from './types.ts';

export interface Exchange {
  /** As the asker knows it: what is said when it fails. */
  readonly shownUrl: string;
  /** Where to connect to. */
  readonly url: URL;
  /** `Host` header, where it is not the URL's. */
  readonly hostHeader?: string | undefined;
  readonly tls?: ClientTls | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Answers of conversion hold whole lists. */
const maxAnswerBytes = 64 * 1024 * 1024;
const maxRefusalBytes = 2048;

function hostnameOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port);
}

/** `run` is told to stop when the asker goes or the time is over; then it failed by that, whatever it says. */
async function inTime<T>(host: Pick<Host, 'timers'>, shownUrl: string, options: CalloutOptions, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let late = false;
  const timer = host.timers.after(options.timeoutMs, () => { late = true; stop.abort(); });
  const onAbort = (): void => { stop.abort(); };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted === true) stop.abort();
  try {
    return await run(stop.signal);
  } catch (error) {
    if (late && !(error instanceof CalloutError)) throw new CalloutError('timeout', `Post ${JSON.stringify(shownUrl)}: context deadline exceeded`);
    throw error;
  } finally {
    timer.cancel();
    options.signal?.removeEventListener('abort', onAbort);
  }
}

/** One POST of JSON, one answer of JSON. Redirects are not followed: they are statuses that are no success. */
export async function exchange(host: Pick<Host, 'network' | 'timers'>, call: Exchange, body: JsonObject, options: CalloutOptions): Promise<JsonObject> {
  try {
    return await inTime(host, call.shownUrl, options, (signal) => post(host, options.headers === undefined ? call : { ...call, headers: { ...call.headers, ...options.headers } }, body, signal));
  } catch (error) {
    if (error instanceof CalloutError) throw error;
    throw callFailure(error, 'Post', call.shownUrl, { hostname: hostnameOf(call.url), port: portOf(call.url) });
  }
}

/** A webhook that is an aggregated API. */
export async function askOurselves(host: Pick<Host, 'timers'>, own: Client, target: string, body: JsonObject, options: CalloutOptions): Promise<JsonObject> {
  const shownUrl = `https://kubernetes.default.svc:443${target}`;
  try {
    return await inTime(host, shownUrl, options, (signal) => postToOurselves(own, target, body, signal, options.headers));
  } catch (error) {
    if (error instanceof CalloutError) throw error;
    throw new CalloutError('connect', `Post ${JSON.stringify(shownUrl)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function postToOurselves(own: Client, target: string, body: JsonObject, signal: AbortSignal, headers: CalloutOptions['headers']): Promise<JsonObject> {
  const { status, body: answer } = await own.raw({ method: 'POST', target, body: utf8(stringifyAny(body)), headers: { 'content-type': 'application/json', accept: 'application/json', ...headers }, signal });
  // What came of it then is about the end of the wait.
  if (signal.aborted) throw new Error('context canceled');
  if (status >= 200 && status <= 206) return decode(answer);
  const text = fromUtf8(answer.subarray(0, maxRefusalBytes));
  throw new CalloutError('status', messageOfStatus('application/json', text) ?? statusText(status, 'unknown'), status);
}

async function post(host: Pick<Host, 'network'>, call: Exchange, body: JsonObject, signal: AbortSignal): Promise<JsonObject> {
  const response = await host.network.fetch({
    url: call.url.href, method: 'POST', body: utf8(stringifyAny(body)), signal, httpVersion: '1.1',
    headers: { host: call.hostHeader ?? call.url.host, 'content-type': 'application/json', accept: 'application/json, */*', 'user-agent': 'kube-apiserver-admission', ...call.headers },
    ...(call.tls === undefined ? {} : { tls: call.tls }),
  });
  if (response.status < 200 || response.status > 206) throw await refusal(response);
  const answer = await readAnswer(response);
  const type = header(response.headers, 'content-type') ?? 'application/json';
  if (answer.length === 0) throw new CalloutError('decode', `0-length response with status code: ${response.status} and content type: ${type}`);
  return decode(answer);
}

async function readAnswer(response: IncomingResponse): Promise<Uint8Array> {
  try {
    return await readAll(response.body, maxAnswerBytes);
  } catch (error) {
    if (error instanceof BodyTooLarge) throw new CalloutError('decode', `the answer is larger than ${maxAnswerBytes} bytes`);
    if (error instanceof NetworkError && error.kind !== 'aborted') throw new CalloutError('connect', `unexpected error when reading response body. Please retry. Original error: ${error.message}`, undefined, { retriable: true });
    throw error;
  }
}

/** As much of a refusal as is quoted. */
async function startOf(response: IncomingResponse): Promise<string> {
  let out = '';
  for await (const chunk of response.body) {
    out += fromUtf8(chunk);
    if (out.length >= maxRefusalBytes) break;
  }
  return out.slice(0, maxRefusalBytes);
}

async function refusal(response: IncomingResponse): Promise<CalloutError> {
  const body = await startOf(response);
  const type = (header(response.headers, 'content-type') ?? '').trim();
  const retryAfter = header(response.headers, 'retry-after') ?? '';
  const retryAfterSeconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const said = messageOfStatus(type, body);
  const text = type === '' || type.toLowerCase().startsWith('text/') ? body.trim() : 'unknown';
  return new CalloutError('status', said ?? statusText(response.status, text), response.status, { retryAfterSeconds });
}

function messageOfStatus(type: string, body: string): string | undefined {
  if (!type.toLowerCase().startsWith('application/json')) return undefined;
  try {
    const { value } = scanJson(body);
    const isStatus = typeof value === 'object' && value !== null && !Array.isArray(value) && value['kind'] === 'Status' && value['apiVersion'] === 'v1';
    return isStatus && typeof value['message'] === 'string' ? value['message'] : undefined;
  } catch {
    // No Status: its code has to do.
    return undefined;
  }
}

const kindStruct = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;

/** Upstream takes YAML for an answer too. */
function scan(bytes: Uint8Array): Json {
  try {
    return scanJson(bytes).value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return scanYaml(bytes).value;
  }
}

function decode(bytes: Uint8Array): JsonObject {
  let value: Json;
  try {
    value = scan(bytes);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new CalloutError('decode', `couldn't get version/kind; json parse error: ${error.message}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  const given = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw new CalloutError('decode', `couldn't get version/kind; json parse error: json: cannot unmarshal ${given} into Go value of type ${kindStruct}`);
}
