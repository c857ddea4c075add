import { allSteps, applyJsonPatch, applyMergePatch, applyStrategicMergePatch, apiDescription, badRequest, conflict, JsonSyntaxError, scanJson, StatusError, type Json, type JsonObject } from '@coxswain/api';
import { header, rfc3339Seconds, type HttpResponse } from '@coxswain/host';
import { negotiateKind } from '../negotiation/respond.ts';
import { patchKindOf, readBody, type PatchKind } from './body.ts';
import { answer } from './answer.ts';
import { managerName, withTurns, type Operation } from './context.ts';
import { storedForm } from './create.ts';
import { inTurns } from './managed-fields.ts';
import { isLong, scanAhead, type Scan } from './large-body.ts';
import { at, copy, isObject, meta, text } from './object.ts';
import { readWriteOptions, type WriteOptions } from './options.ts';
import { converterReason, goMapText, innerReason, invalidPatch } from './patch-errors.ts';
import { patchedText, traceOfMerge, traceOfOperations } from './patched-text.ts';
import type { Decoded } from './kind.ts';
import { updateObject, type Change } from './update.ts';

interface Patch {
  readonly value: Json;
  /** What strict reading of the patch itself says. */
  readonly strictErrors: readonly string[];
}

function goKind(value: Json): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value;
}

const operationFields = new Set(['op', 'path', 'from', 'value']);

/** Texts of members that no operation has; throws for what is no list of operations. */
function operationProblems(value: Json): string[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw badRequest(`error decoding patch: json: cannot unmarshal ${goKind(value)} into Go value of type []handlers.jsonPatchOp`);
  return value.flatMap((operation, index) => {
    if (operation === null) return [];
    if (!isObject(operation)) throw badRequest(`error decoding patch: json: cannot unmarshal ${goKind(operation)} into Go value of type handlers.jsonPatchOp`);
    for (const key of ['op', 'from', 'path']) {
      const member = operation[key] ?? '';
      if (typeof member !== 'string') throw badRequest(`error decoding patch: json: cannot unmarshal ${goKind(member)} into Go struct field jsonPatchOp.${key} of type string`);
    }
    return Object.keys(operation).filter((key) => !operationFields.has(key)).map((key) => `json patch unknown field "[${index}].${key}"`);
  });
}

/** Throws StatusError. */
export function parsePatch(kind: PatchKind, body: Uint8Array, scan: Scan = () => scanJson(body)): Patch {
  const prefix = kind === 'strategic' ? '' : 'error decoding patch: ';
  try {
    const { value, duplicates } = scan();
    const twice = duplicates.map(({ path }) => `duplicate field ${JSON.stringify(path)}`);
    if (kind === 'json') return { value: value ?? [], strictErrors: [...twice.map((text) => `json patch ${text}`), ...operationProblems(value)] };
    if (value === null && kind === 'merge') throw badRequest('Invalid JSON Patch');
    if (value !== null && !isObject(value)) throw badRequest(`${prefix}json: cannot unmarshal ${goKind(value)} into Go value of type map[string]interface {}`);
    return { value: value ?? {}, strictErrors: twice };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(`${prefix}${error.message}`);
    throw error;
  }
}

function changed(operation: Operation, kind: PatchKind, patch: Json, live: JsonObject): Json {
  if (kind === 'json') return applyJsonPatch(live, patch);
  if (!isObject(patch)) throw badRequest('a merge patch must be an object');
  // What is merged shares the rest with the live object; reading it makes all of a built-in kind anew.
  if (kind === 'merge') return applyMergePatch(operation.kind.hub.custom ? copy(live) : live, patch);
  return applyStrategicMergePatch(apiDescription, operation.kind.api.typeName, live, patch);
}

export interface Trying {
  readonly options: WriteOptions;
  readonly warn: (warnings: readonly string[]) => void;
  /** What needs no reading: the live object as our own codec gives it. */
  readonly known?: JsonObject | undefined;
}

/** Tells what was said of a patch when it was tried first. */
export function warnOnce({ notes }: Operation): (warnings: readonly string[]) => void {
  let warned = false;
  return (warnings) => {
    if (!warned) warnings.forEach(notes.warn);
    warned = true;
  };
}

/** The object that a patch made of the live one, decoded; `shown` is what an error says of it. */
export function decodePatched(operation: Operation, kind: PatchKind, patch: Patch, live: JsonObject, trying: Trying): JsonObject {
  const { options, warn, known } = trying;
  const made = changed(operation, kind, patch.value, live);
  // Strategic patches are merged into an object whose kind is settled.
  const result = kind === 'strategic' && isObject(made) ? { ...made, kind: live['kind'] ?? null, apiVersion: live['apiVersion'] ?? null } : made;
  const shown = (): string => (kind === 'strategic' ? goMapText(patch.value) : patchedText(result, kind === 'json' ? traceOfOperations(patch.value) : traceOfMerge(patch.value), operation.kind.api.typeName));
  if (!isObject(result)) throw invalidPatch(shown(), `couldn't get version/kind; json parse error: json: cannot unmarshal ${goKind(result)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`);
  const decoded = convert(operation, kind, result, { options, shown, known });
  // What was merged is read back in the order of its keys.
  const unknown = kind === 'json' ? decoded.warnings : decoded.warnings.toSorted();
  const problems = options.fieldValidation === 'Ignore' ? [] : [...patch.strictErrors, ...unknown];
  if (options.fieldValidation === 'Strict' && problems.length > 0) throw invalidPatch(shown(), `strict decoding error: ${problems.join(', ')}`);
  warn(problems);
  checkName(operation, decoded.object);
  // An empty list is gone from the decoded object, but not what it asks for.
  if (Array.isArray(at(result, 'metadata', 'managedFields')) && meta(decoded.object)['managedFields'] === undefined) meta(decoded.object)['managedFields'] = [{}];
  return decoded.object;
}

interface Reading {
  readonly options: WriteOptions;
  /** What an error says of the object. */
  readonly shown: () => string;
  readonly known: JsonObject | undefined;
}

function convert(operation: Operation, kind: PatchKind, result: JsonObject, { options, shown, known }: Reading): Decoded {
  const { codec, hub } = operation.kind;
  if (hub.custom && codec.encodeProtobuf === undefined) return codec.convert(result, options.fieldValidation);
  try {
    return codec.convert(result, options.fieldValidation === 'Ignore' ? 'Ignore' : 'Warn', known);
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'BadRequest') throw error;
    const why = innerReason(error);
    throw invalidPatch(shown(), kind === 'strategic' ? converterReason(why) : why);
  }
}

export function checkName(operation: Operation, object: JsonObject): void {
  const { name } = operation.info;
  const given = text(meta(object), 'name');
  if (given === '') throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (given !== name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}

/** Patches that say what to change. */
function patchChange(operation: Operation, kind: PatchKind, body: Uint8Array, options: WriteOptions, scan?: Scan): Change {
  const patch = parsePatch(kind, body, scan);
  const warn = warnOnce(operation);
  return {
    ownManagedFields: false, requireVersion: false, leavesLive: true,
    build: (live, isCanonical) => decodePatched(operation, kind, patch, live, { options, warn, known: isCanonical ? live : undefined }),
  };
}

export function applyConfiguration(operation: Operation, body: Uint8Array, options: WriteOptions, scan?: Scan): JsonObject {
  const decoded = operation.kind.codec.decodeApply(body, options.fieldValidation, scan);
  decoded.warnings.forEach(operation.notes.warn);
  if (meta(decoded.object)['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil');
  // What is there already keeps its name.
  if (text(meta(decoded.object), 'name') !== '') checkName(operation, decoded.object);
  return decoded.object;
}

/** Server-side apply: the whole of what one manager wants. */
function applyChange(operation: Operation, body: Uint8Array, options: WriteOptions, scan?: Scan): Change {
  const { kind, context, info } = operation;
  const applied = applyConfiguration(operation, body, options, scan);
  const merge = async (live: JsonObject | undefined): Promise<JsonObject> => {
    const writer = {
      manager: managerName(options.fieldManager, header(operation.http.headers, 'user-agent') ?? ''), subresource: info.subresource,
      now: rfc3339Seconds(context.host.clock.nowMs()), force: options.force === true,
    };
    const steps = context.managedFields.apply(kind, live, applied, writer);
    const merged = operation.pause === undefined ? allSteps(steps) : await inTurns(steps, operation.pause);
    const { managedFields } = meta(merged);
    const { object } = kind.codec.convert(merged, 'Ignore');
    if (managedFields !== undefined) meta(object)['managedFields'] = managedFields;
    return object;
  };
  return {
    ownManagedFields: true, requireVersion: false,
    build: merge,
    buildNew: () => {
      if (info.subresource !== '') return Promise.resolve(undefined);
      checkName(operation, applied);
      const uid = text(meta(applied), 'uid');
      if (uid !== '') throw conflict(kind.api, info.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
      return merge(undefined);
    },
  };
}

export async function patchObject(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info, context } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  const patchKind = patchKindOf(http, kind.hub.custom);
  const options = readWriteOptions(info.query, 'PatchOptions', { apply: patchKind === 'apply' });
  const body = await readBody(http, context.maxBodyBytes);
  const form = patchKind === 'apply' ? 'apply' : 'json';
  const scan = isLong(body, form) ? await scanAhead(context.host, body, form, http.signal) : undefined;
  operation.notes.bodies?.patch(body, scan);
  const own = withTurns(operation, body);
  await own.pause?.();
  const change = patchKind === 'apply' ? applyChange(own, body, options, scan) : patchChange(own, patchKind, body, options, scan);
  const written = await updateObject(own, change, options);
  return answer(operation, negotiated, written.created ? 201 : 200, storedForm(operation, written));
}
