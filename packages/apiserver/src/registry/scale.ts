import { allSteps, applyJsonPatch, applyMergePatch, badRequest, internalError, invalid, type Json, type JsonObject } from '@coxswain/api';
import { header, rfc3339Seconds, type HttpResponse } from '@coxswain/host';
import { plainResponse } from '../negotiation/respond.ts';
import { servedObject } from '../negotiation/served.ts';
import { bodyMediaType, patchKindOf, readBody } from './body.ts';
import { managerName, type Operation } from './context.ts';
import type { ServedKind } from './kind.ts';
import { methodNotAllowed } from './errors.ts';
import { getObject } from './get.ts';
import { decodePlain } from './plain.ts';
import { isLong, scanAhead } from './large-body.ts';
import { at, copy, isObject, meta, text } from './object.ts';
import { readWriteOptions, type WriteOptions } from './options.ts';
import { parsePatch } from './patch.ts';
import { updateObject } from './update.ts';

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

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

function wantedReplicas(scale: JsonObject): number {
  const replicas = at(scale, 'spec', 'replicas') ?? 0;
  if (typeof replicas !== 'number') throw badRequest('spec.replicas must be a number');
  return replicas;
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

function setReplicas(operation: Operation, live: JsonObject, scale: JsonObject): JsonObject {
  const given = text(meta(scale), 'name');
  if (given !== operation.info.name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${operation.info.name})`);
  const replicas = wantedReplicas(scale);
  if (replicas < 0 && operation.kind.custom === undefined) {
    throw invalid({ group: scaleKind.group, kind: scaleKind.kind }, operation.info.name, [
      { type: 'Invalid', field: 'spec.replicas', message: `Invalid value: ${replicas}: must be greater than or equal to 0` }]);
  }
  setNested(live, replicasPath(operation.kind), replicas);
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
function recordScale(operation: Operation, live: JsonObject, wanted: JsonObject, options: WriteOptions): void {
  const { context, kind, http } = operation;
  const manager = managerName(options.fieldManager, header(http.headers, 'user-agent') ?? '');
  allSteps(context.managedFields.update(kind, live, wanted, { manager, subresource: 'scale', now: rfc3339Seconds(context.host.clock.nowMs()) }));
  const entries = meta(wanted)['managedFields'];
  if (!Array.isArray(entries)) return;
  const isScale = (entry: Json): entry is JsonObject => isObject(entry) && entry['subresource'] === 'scale';
  const applied = entries.filter((entry) => isObject(entry) && entry['operation'] === 'Apply');
  const scaled = entries.filter(isScale).map(({ time: _none, ...entry }) => entry);
  meta(wanted)['managedFields'] = [...applied, ...scaled, ...entries.filter((entry) => !applied.includes(entry) && !isScale(entry))];
}

async function write(operation: Operation, options: WriteOptions, scaleFrom: (live: JsonObject) => JsonObject): Promise<HttpResponse> {
  const { kind, http, info } = operation;
  const written = await updateObject(operation, {
    ownManagedFields: true, requireVersion: false, view: { objectKind: scaleKind, of: (object) => scaleOf(kind, object), into: (scale, object) => intoScaled(kind, scale, object) },
    build: (live) => {
      const wanted = setReplicas(operation, copy(live), scaleFrom(copy(live)));
      recordScale(operation, live, wanted, options);
      return wanted;
    },
  }, options);
  const object = written.stored === undefined ? kind.fromHub(written.object) : servedObject(kind, written.stored);
  return plainResponse(http, info.query, 200, scaleOf(kind, object));
}

async function patchScale(operation: Operation): Promise<HttpResponse> {
  const { http, info, context } = operation;
  const patchKind = patchKindOf(http, operation.kind.custom !== undefined);
  const options = readWriteOptions(info.query, 'PatchOptions', { apply: patchKind === 'apply' });
  const body = await readBody(http, context.maxBodyBytes);
  const patch = parsePatch(patchKind, body, isLong(body, 'json') ? await scanAhead(context.host, body, 'json', http.signal) : undefined).value;
  return write(operation, options, (live) => {
    const scale = scaleOf(operation.kind, copy(live));
    const result = patchKind === 'json' ? applyJsonPatch(scale, patch as never) : applyMergePatch(scale, patch);
    if (!isObject(result)) throw badRequest('the patch made something that is no Scale');
    return result;
  });
}

async function getScale(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info } = operation;
  const object = servedObject(kind, await getObject(operation, info.query.get('resourceVersion') ?? ''));
  const scale = kind.custom?.scale;
  if (scale !== undefined && scaleFields(kind, object).replicas === undefined) throw internalError(`the spec replicas field ${JSON.stringify(scale.specReplicasPath)} does not exist`);
  return plainResponse(http, info.query, 200, scaleOf(kind, object));
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
      const decoded = decodePlain(body, mediaType, scaleKind, options.fieldValidation, scan);
      decoded.warnings.forEach(operation.notes.warn);
      return write(operation, options, () => decoded.object);
    }
    case 'patch': return patchScale(operation);
    default: throw methodNotAllowed();
  }
}
