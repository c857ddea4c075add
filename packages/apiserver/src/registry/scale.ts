import {
  allSteps, applyConflict, customScaleColumns, FieldSet, internalError, invalid, notFound, StatusError, validateMetadata, type ApiResource, type Json, type JsonObject, type ManagedEntry,
} from '@coxswain/api';
import { header, rfc3339Seconds, type HttpRequest, type HttpResponse } from '@coxswain/host';
import type { Negotiated } from '../negotiation/accept.ts';
import { partialMetadata } from '../negotiation/partial-metadata.ts';
import { negotiateRequest, plainIn, tableResponse } from '../negotiation/respond.ts';
import { servedObject } from '../negotiation/served.ts';
import type { StoredObject } from '../storage/codec.ts';
import { bodyMediaType, patchKindOf, readBody } from './body.ts';
import { builtinCodec } from './bindings.ts';
import { managerName, type Operation } from './context.ts';
import { methodNotAllowed } from './errors.ts';
import { getObject } from './get.ts';
import { apiVersionOf, type ServedKind } from './kind.ts';
import { isLong, scanAhead } from './large-body.ts';
import type { Writer } from './managed-fields.ts';
import { checkUid, matchNamespace } from './metadata.ts';
import { at, copy, isObject, meta, text } from './object.ts';
import { readWriteOptions, type WriteOptions } from './options.ts';
import { applyConfiguration, checkName, decodePatched, parsePatch, warnOnce } from './patch.ts';
import { decodePlain } from './plain.ts';
import { shownKey, updateObject } from './update.ts';

/** A label selector as text, terms sorted as upstream's selectors print themselves. */
export function selectorText(selector: JsonObject | undefined): string {
  if (selector === undefined) return '';
  const labels = isObject(selector['matchLabels']) ? selector['matchLabels'] : {};
  const terms = Object.keys(labels).map((key) => ({ key, text: `${key}=${text(labels, key)}` }));
  const expressions = Array.isArray(selector['matchExpressions']) ? selector['matchExpressions'].filter(isObject) : [];
  for (const expression of expressions) terms.push({ key: text(expression, 'key'), text: expressionText(expression) });
  return terms.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map((term) => term.text).join(',');
}

function expressionText(expression: JsonObject): string {
  const key = text(expression, 'key');
  const values = Array.isArray(expression['values']) ? expression['values'].map(String).sort().join(',') : '';
  switch (expression['operator']) {
    case 'In': return `${key} in (${values})`;
    case 'NotIn': return `${key} notin (${values})`;
    case 'Exists': return key;
    default: return `!${key}`;
  }
}

function selectorOf(object: JsonObject): string {
  const selector = at(object, 'spec', 'selector');
  if (!isObject(selector)) return '';
  const plain = selector['matchLabels'] === undefined && selector['matchExpressions'] === undefined;
  // A replication controller's selector is a plain map.
  return selectorText(plain ? { matchLabels: selector } : selector);
}

/** Where the counts and the selector are: of custom kinds their definition says so. */
interface ScaleFields {
  readonly replicas: Json | undefined;
  readonly current: Json | undefined;
  readonly selector: string;
}

function nested(object: JsonObject, path: string): Json | undefined {
  return path === '' ? undefined : at(object, ...path.replace(/^\./, '').split('.'));
}

function scaleFields(kind: ServedKind, object: JsonObject): ScaleFields {
  const scale = kind.custom?.scale;
  if (scale === undefined) return { replicas: at(object, 'spec', 'replicas'), current: at(object, 'status', 'replicas'), selector: selectorOf(object) };
  const selector = nested(object, scale.labelSelectorPath);
  return { replicas: nested(object, scale.specReplicasPath), current: nested(object, scale.statusReplicasPath), selector: typeof selector === 'string' ? selector : '' };
}

function scaleOf(kind: ServedKind, object: JsonObject): JsonObject {
  const metadata = meta(object);
  const kept: JsonObject = {};
  for (const key of ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp']) {
    if (metadata[key] !== undefined) kept[key] = metadata[key];
  }
  const { replicas, current, selector } = scaleFields(kind, object);
  return {
    kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: kept,
    spec: typeof replicas === 'number' && replicas !== 0 ? { replicas } : {},
    status: { replicas: (current as number | undefined) ?? 0, ...(selector === '' ? {} : { selector }) },
  };
}

const scaleApi: ApiResource = {
  group: 'autoscaling', version: 'v1', resource: 'scales', singular: 'scale', kind: 'Scale', listKind: '', namespaced: true, verbs: [], shortNames: [], categories: [], subresources: [],
  typeName: 'io.k8s.api.autoscaling.v1.Scale',
};
const scaleCodec = builtinCodec(scaleApi);

/** Bodies are Scales, whatever is scaled. */
function asScale({ custom: _custom, ...kind }: ServedKind): ServedKind {
  return { ...kind, api: scaleApi, codec: scaleCodec };
}

function wantedReplicas(scale: JsonObject): number {
  return Number(at(scale, 'spec', 'replicas') ?? 0);
}

function replicasPath({ custom }: ServedKind): readonly string[] {
  return (custom?.scale?.specReplicasPath ?? 'spec.replicas').replace(/^\./, '').split('.');
}

function setNested(object: JsonObject, [key = '', ...rest]: readonly string[], value: Json): void {
  if (rest.length === 0) {
    object[key] = value;
    return;
  }
  if (!isObject(object[key])) object[key] = {};
  setNested(object[key] as JsonObject, rest, value);
}

function validateScale(scale: JsonObject, name: string): void {
  const replicas = wantedReplicas(scale);
  const { managedFields: _none, ...metadata } = meta(scale);
  const errors = validateMetadata(metadata, { namespaced: true });
  if (replicas < 0) errors.push({ type: 'Invalid', field: 'spec.replicas', message: `Invalid value: ${replicas}: must be greater than or equal to 0` });
  if (errors.length > 0) throw invalid(scaleApi, name, errors);
}

function setReplicas(operation: Operation, live: JsonObject, scale: JsonObject, { dryRun }: WriteOptions): JsonObject {
  const { kind, info } = operation;
  matchNamespace(scale, info.namespace, true);
  // What a definition scales is looked at as that.
  if (kind.custom === undefined) validateScale(scale, info.name);
  checkUid(scale, text(meta(live), 'uid'), shownKey(operation, dryRun), kind.api, info.name);
  setNested(live, replicasPath(kind), wantedReplicas(scale));
  const version = text(meta(scale), 'resourceVersion');
  if (version !== '') meta(live)['resourceVersion'] = version;
  return live;
}

function intoScaled(kind: ServedKind, scale: JsonObject, object: JsonObject): JsonObject {
  const replicas = wantedReplicas(scale);
  if (replicas !== wantedReplicas(scaleOf(kind, object))) setNested(object, replicasPath(kind), replicas);
  return object;
}

/** The entry of a scale has no time, and so stands before those that have. */
function entriesOfScale(wanted: JsonObject): void {
  const entries = meta(wanted)['managedFields'];
  if (!Array.isArray(entries)) return;
  const isScale = (entry: Json): entry is JsonObject => isObject(entry) && entry['subresource'] === 'scale';
  const timeless = entries.filter(isScale).map(({ time: _none, ...entry }) => entry);
  const applied = (entry: Json): boolean => isObject(entry) && entry['operation'] === 'Apply';
  const others = entries.filter((entry) => !isScale(entry));
  meta(wanted)['managedFields'] = [...timeless.filter(applied), ...others.filter(applied), ...timeless.filter((entry) => !applied(entry)), ...others.filter((entry) => !applied(entry))];
}

function writerOf({ context, http }: Operation, options: WriteOptions): Writer {
  return { manager: managerName(options.fieldManager, header(http.headers, 'user-agent') ?? ''), subresource: 'scale', now: rfc3339Seconds(context.host.clock.nowMs()) };
}

/** Who else scales, by managed fields, and is of another opinion. Until there is anybody, whoever made the object stands in. */
function scalersBeside(live: JsonObject, manager: string): Omit<ManagedEntry, 'time' | 'set'>[] {
  const entries = meta(live)['managedFields'];
  const scalers = (Array.isArray(entries) ? entries : []).filter((entry): entry is JsonObject => isObject(entry) && entry['subresource'] === 'scale');
  if (scalers.length === 0) return [{ manager: 'before-first-apply', operation: 'Update', apiVersion: apiVersionOf(scaleApi), subresource: 'scale' }];
  const others = scalers.filter((entry) => entry['manager'] !== manager || entry['operation'] !== 'Apply');
  return others.map((entry) => ({ manager: text(entry, 'manager'), operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update', apiVersion: apiVersionOf(scaleApi), subresource: 'scale' }));
}

/** Server-side apply of a Scale: one field, and whoever else has it. */
function applied(operation: Operation, live: JsonObject, scale: JsonObject, options: WriteOptions): JsonObject {
  const { kind, context } = operation;
  const writer = writerOf(operation, options);
  const same = wantedReplicas(scale) === wantedReplicas(scaleOf(kind, live));
  const others = same || options.force === true ? [] : scalersBeside(live, writer.manager);
  if (others.length > 0) throw applyConflict(others.map((entry) => ({ entry: { ...entry, time: '', set: new FieldSet() }, path: ['f:spec', 'f:replicas'] })));
  const part: JsonObject = { kind: kind.api.kind, apiVersion: apiVersionOf(kind.api), metadata: { name: operation.info.name, namespace: operation.info.namespace } };
  setNested(part, replicasPath(kind), wantedReplicas(scale));
  const merged = allSteps(context.managedFields.apply(kind, live, part, { ...writer, force: true }));
  entriesOfScale(merged);
  return merged;
}

interface ScaleChange {
  readonly from: (live: JsonObject) => JsonObject;
  readonly apply?: true;
}

async function write(operation: Operation, options: WriteOptions, change: ScaleChange): Promise<HttpResponse> {
  const { kind, http, info, context } = operation;
  const negotiated = negotiateScale(http, info.query);
  const written = await updateObject(operation, {
    ownManagedFields: true, requireVersion: false, view: { objectKind: scaleApi, of: (object) => scaleOf(kind, object), into: (scale, object) => intoScaled(kind, scale, object) },
    build: (live) => {
      const scale = change.from(copy(live));
      const wanted = setReplicas(operation, change.apply === true ? applied(operation, copy(live), scale, options) : copy(live), scale, options);
      if (change.apply === true) return wanted;
      allSteps(context.managedFields.update(kind, live, wanted, writerOf(operation, options)));
      entriesOfScale(wanted);
      return wanted;
    },
  }, options);
  const object = written.stored === undefined ? kind.fromHub(copy(written.object)) : servedObject(kind, written.stored);
  return scaleResponse(kind, negotiated, info.query, scaleOf(kind, object));
}

function negotiateScale(http: HttpRequest, query: URLSearchParams): Negotiated {
  return negotiateRequest(http, query, { transforms: true, protobuf: true });
}

/** As it is, as a row, or its metadata alone. */
function scaleResponse(kind: ServedKind, negotiated: Negotiated, query: URLSearchParams, scale: JsonObject): HttpResponse {
  switch (negotiated.transform?.kind) {
    case undefined: return plainIn(negotiated, 200, scale);
    case 'PartialObjectMetadata': return plainIn(negotiated, 200, partialMetadata(scale, negotiated.transform.version));
    case 'PartialObjectMetadataList': throw new StatusError('NotAcceptable', `you requested PartialObjectMetadataList, but the requested object is not a list (*${kind.custom === undefined ? 'autoscaling' : 'v1'}.Scale)`);
    case 'Table': {
      const row = asScale(kind);
      return tableResponse(kind.custom === undefined ? row : { ...row, api: kind.api, custom: { ...kind.custom, columns: customScaleColumns } }, negotiated, query, [scale], { resourceVersion: text(meta(scale), 'resourceVersion') });
    }
  }
}

async function patchScale(operation: Operation): Promise<HttpResponse> {
  const { http, info, context, kind } = operation;
  const patchKind = patchKindOf(http, kind.custom !== undefined);
  const options = readWriteOptions(info.query, 'PatchOptions', { apply: patchKind === 'apply' });
  const body = await readBody(http, context.maxBodyBytes);
  const form = patchKind === 'apply' ? 'apply' : 'json';
  const scan = isLong(body, form) ? await scanAhead(context.host, body, form, http.signal) : undefined;
  const own = { ...operation, kind: asScale(kind) };
  if (patchKind === 'apply') {
    const scale = applyConfiguration(own, body, options, scan);
    scale['metadata'] = { ...meta(scale), name: info.name };
    return write(operation, options, { apply: true, from: () => scaleCodec.convert(copy(scale), 'Ignore').object });
  }
  const patch = parsePatch(patchKind, body, scan);
  const warn = warnOnce(operation);
  return write(operation, options, { from: (live) => decodePatched(own, patchKind, patch, scaleOf(kind, live), { options, warn }) });
}

/** What is not there has no scale: the words of upstream's storages, of which one speaks of the object itself. */
async function liveObject(operation: Operation): Promise<StoredObject> {
  const { kind, info } = operation;
  try {
    return await getObject(operation, info.query.get('resourceVersion') ?? '');
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'NotFound' || kind.custom !== undefined) throw error;
    const { group, resource } = kind.api;
    throw notFound({ group, resource: resource === 'statefulsets' ? resource : `${resource}/scale` }, info.name);
  }
}

async function getScale(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info } = operation;
  const object = servedObject(kind, await liveObject(operation));
  const scale = kind.custom?.scale;
  if (scale !== undefined && scaleFields(kind, object).replicas === undefined) throw internalError(`the spec replicas field ${JSON.stringify(scale.specReplicasPath)} does not exist`);
  return scaleResponse(kind, negotiateScale(http, info.query), info.query, scaleOf(kind, object));
}

export async function serveScale(operation: Operation): Promise<HttpResponse> {
  const { http, info, context } = operation;
  switch (info.verb) {
    case 'get': return getScale(operation);
    case 'update': {
      const options = readWriteOptions(info.query, 'UpdateOptions');
      const body = await readBody(http, context.maxBodyBytes);
      const mediaType = bodyMediaType(http, true);
      const scan = isLong(body, mediaType) ? await scanAhead(context.host, body, mediaType, http.signal) : undefined;
      const decoded = decodePlain(body, mediaType, scaleApi, options.fieldValidation, scan);
      decoded.warnings.forEach(operation.notes.warn);
      checkName(operation, decoded.object);
      return write(operation, options, { from: () => copy(decoded.object) });
    }
    case 'patch': return patchScale(operation);
    default: throw methodNotAllowed();
  }
}
