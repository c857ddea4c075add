import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, apiDescription, badRequest, JsonSyntaxError, scanJson, StatusError, type Json, type JsonObject } from '@coxswain/api';
import { header, rfc3339Seconds, type HttpResponse } from '@coxswain/host';
import { negotiateKind, objectResponse } from '../negotiation/respond.ts';
import { patchKindOf, readBody, type PatchKind } from './body.ts';
import { managerName, type Operation } from './context.ts';
import { storedForm } from './create.ts';
import { isObject, meta, text } from './object.ts';
import { readWriteOptions, type WriteOptions } from './options.ts';
import { updateObject, type Change } from './update.ts';

function parsePatch(body: Uint8Array): Json {
  try {
    return scanJson(body).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}

function changed(operation: Operation, kind: PatchKind, patch: Json, live: JsonObject): Json {
  if (kind === 'json') {
    if (!Array.isArray(patch)) throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
    return applyJsonPatch(live, patch);
  }
  if (!isObject(patch)) throw badRequest('error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}');
  return kind === 'merge' ? applyMergePatch(live, patch) : applyStrategicMergePatch(apiDescription, operation.kind.api.typeName, live, patch);
}

export function checkName(operation: Operation, object: JsonObject): void {
  const { name } = operation.info;
  const given = text(meta(object), 'name');
  if (given === '') throw badRequest('name must be provided');
  if (given !== name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}

/** Patches that say what to change. */
function patchChange(operation: Operation, kind: PatchKind, body: Uint8Array, options: WriteOptions): Change {
  const patch = parsePatch(body);
  let warned = false;
  return {
    ownManagedFields: false, requireVersion: false,
    build: (live) => {
      const result = changed(operation, kind, patch, live);
      if (!isObject(result)) throw new StatusError('Invalid', 'the server rejected our request due to an error in our request', {});
      const decoded = operation.kind.codec.convert(result, options.fieldValidation);
      if (!warned) decoded.warnings.forEach(operation.notes.warn);
      warned = true;
      checkName(operation, decoded.object);
      return decoded.object;
    },
  };
}

function applyConfiguration(operation: Operation, body: Uint8Array, options: WriteOptions): JsonObject {
  const decoded = operation.kind.codec.decodeApply(body, options.fieldValidation);
  decoded.warnings.forEach(operation.notes.warn);
  const given = text(meta(decoded.object), 'name');
  if (given !== operation.info.name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${operation.info.name})`);
  if (meta(decoded.object)['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil');
  return decoded.object;
}

/** Server-side apply: the whole of what one manager wants. */
function applyChange(operation: Operation, body: Uint8Array, options: WriteOptions): Change {
  const { kind, context, info } = operation;
  const applied = applyConfiguration(operation, body, options);
  const merge = (live: JsonObject | undefined): JsonObject => {
    const writer = {
      manager: managerName(options.fieldManager, header(operation.http.headers, 'user-agent') ?? ''), subresource: info.subresource,
      now: rfc3339Seconds(context.host.clock.nowMs()), force: options.force === true,
    };
    const merged = context.managedFields.apply(kind, live, applied, writer);
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
      return Promise.resolve(merge(undefined));
    },
  };
}

export async function patchObject(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info, context } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  const patchKind = patchKindOf(http, kind.hub.custom);
  const options = readWriteOptions(info.query, 'PatchOptions', { apply: patchKind === 'apply' });
  const body = await readBody(http, context.maxBodyBytes);
  operation.notes.bodies?.patch(body);
  const change = patchKind === 'apply' ? applyChange(operation, body, options) : patchChange(operation, patchKind, body, options);
  const written = await updateObject(operation, change, options);
  return objectResponse(kind, negotiated, info.query, written.created ? 201 : 200, storedForm(operation, written));
}
