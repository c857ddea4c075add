import { JsonSyntaxError, JsonTooWideError, SlicedScan, StatusError, YamlSyntaxError, type ScannedJson } from '@coxswain/api';
import { readYamlAnswer, yamlToJson } from '@coxswain/api/yaml-task';
import { ComputeError, type Host } from '@coxswain/host';
import type { MediaType } from '../negotiation/accept.ts';

/**
 * Large bodies. What is done with one at once takes, for each of its bytes, so long that others would wait; so from these sizes on YAML is read by a
 * thread of its own, JSON in slices, and what follows lets others have their turn between its stages. Smaller ones pay nothing for it.
 */
const largeBytes = 64 * 1024;
const largeYamlBytes = 16 * 1024;
/** A slice takes a few milliseconds. */
const sliceCharacters = 64 * 1024;

const openBrace = 0x7b;
const openBracket = 0x5b;
const [newline, space, dash] = [0x0a, 0x20, 0x2d];
/** YAML's reader takes a time that grows with the square of the depth: some 50 ms at 1,500. */
const deepYaml = 128;

/** Whether YAML may nest so deeply that reading it takes long. Looks once at each byte, and rather says yes: quotes are not understood. */
function mayBeDeep(body: Uint8Array): boolean {
  let opened = 0;
  let indent = 0;
  let atStart = true;
  for (const byte of body) {
    if (byte === newline) [indent, atStart] = [0, true];
    else if (byte === openBrace || byte === openBracket) opened++;
    else if (atStart && (byte === space || byte === dash)) indent++;
    else atStart = false;
    if (opened > deepYaml || indent > deepYaml) return true;
  }
  return false;
}

/** What reading the body as text gives; throws what reading it would throw. */
export type Scan = () => ScannedJson;

/** `apply`: YAML that is JSON as a rule. */
export type BodyForm = MediaType | 'apply';

export function isLarge(body: Uint8Array): boolean {
  return body.length > largeBytes;
}

/** True: it is not to be read at once, but by `scanAhead`. */
export function isLong(body: Uint8Array, form: BodyForm): boolean {
  switch (form) {
    case 'json': return isLarge(body);
    case 'yaml': return body.length > largeYamlBytes || mayBeDeep(body);
    // What looks like JSON may have to be read as YAML after all.
    case 'apply': return body.length > largeYamlBytes || (body[0] !== openBrace && mayBeDeep(body));
    case 'protobuf': return false;
  }
}

/** Others have their turn. */
export function pause(host: Pick<Host, 'timers'>): Promise<void> {
  return host.timers.sleep(0);
}

/** `maxMembers`: as of SlicedScan. */
export async function inSlices(host: Pick<Host, 'timers'>, source: Uint8Array, maxMembers?: number): Promise<ScannedJson> {
  const scan = new SlicedScan(source, maxMembers);
  while (!scan.slice(sliceCharacters)) await pause(host);
  if (source.length > sliceCharacters) await pause(host);
  return scan.result;
}

/** Rejects with ComputeError, YamlSyntaxError, or the signal's reason. */
export async function onThread(host: Pick<Host, 'timers' | 'compute'>, body: Uint8Array, signal?: AbortSignal): Promise<ScannedJson> {
  const { json, strictErrors } = readYamlAnswer(await host.compute.run(yamlToJson, body, signal));
  const { value } = await inSlices(host, json);
  return { value, duplicates: [], wholeFloats: new Map(), strictErrors };
}

async function read(host: Host, body: Uint8Array, form: BodyForm, signal: AbortSignal): Promise<ScannedJson> {
  if (form === 'json') return inSlices(host, body);
  if (form === 'yaml' || body[0] !== openBrace) return onThread(host, body, signal);
  try {
    return await inSlices(host, body);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return onThread(host, body, signal);
    throw error;
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof JsonTooWideError) return new StatusError('RequestEntityTooLarge', `Request entity too large: ${error.message}`);
  if (!(error instanceof ComputeError)) return error;
  if (error.kind === 'full') return new StatusError('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
  return new StatusError('RequestEntityTooLarge', `Request entity too large: the body cannot be read: ${error.message}`);
}

/** Reads a long body without holding up others. Rejects with StatusError if nobody can read it now, or at all. */
export async function scanAhead(host: Host, body: Uint8Array, form: BodyForm, signal: AbortSignal): Promise<Scan> {
  try {
    const scanned = await read(host, body, form, signal);
    return () => scanned;
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof YamlSyntaxError) return () => { throw error; };
    throw refusalOf(error);
  }
}
