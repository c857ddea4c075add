import { allSteps, applyDefaults, badRequest, type JsonObject } from '@coxswain/api';
import { header, rfc3339Seconds, type HttpResponse } from '@coxswain/host';
import { listResponse, negotiateKind, negotiateWatch, plainIn, plainResponse } from '../negotiation/respond.ts';
import { listTypes, objectTypes, requireAcceptable } from '../negotiation/route.ts';
import { answer } from './answer.ts';
import { bodyMediaType, patchKindOf, readBody } from './body.ts';
import { resourceRequest, attributes, managerName, withTurns, type Operation } from './context.ts';
import { admitConnect } from './connect.ts';
import { serveComputed } from './computed.ts';
import { createObject, storedForm } from './create.ts';
import { deleteObject, deletionStatus } from './delete.ts';
import { deleteCollection } from './delete-collection.ts';
import { methodNotAllowed, noSuchResource, notSupported } from './errors.ts';
import { getObject } from './get.ts';
import { isLong, scanAhead } from './large-body.ts';
import { listObjects } from './list.ts';
import { checkName, patchObject } from './patch.ts';
import { decodeOptional, decodePlain, type KindName } from './plain.ts';
import type { ServedKind } from './kind.ts';
import type { CreateHandler } from '../types.ts';
import { isInNamespace } from '../request-info/request-info.ts';
import { optionsObject, readDeleteOptions, type DeleteOptions, readListOptions, readWriteOptions, type WriteOptions } from './options.ts';
import { copy, meta } from './object.ts';
import { serveScale } from './scale.ts';
import { checkUid, matchNamespace } from './metadata.ts';
import { shownKey, updateObject } from './update.ts';
import { watchObjects } from './watch.ts';

async function serveGet(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  return answer(operation, negotiated, 200, await getObject(operation, info.query.get('resourceVersion') ?? ''));
}

async function serveList(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  return listResponse(kind, negotiated, info.query, await listObjects(operation, readListOptions(info.query, false)));
}

async function serveCreate(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info, context } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  const mediaType = bodyMediaType(http, kind.codec.encodeProtobuf !== undefined);
  const body = await readBody(http, context.maxBodyBytes);
  const options = readWriteOptions(info.query, 'CreateOptions');
  const scan = isLong(body, mediaType) ? await scanAhead(context.host, body, mediaType, http.signal) : undefined;
  const decoded = kind.codec.decode(body, mediaType, options.fieldValidation, scan);
  decoded.warnings.forEach(operation.notes.warn);
  operation.notes.bodies?.object(decoded.object);
  const written = await createObject(withTurns(operation, body), decoded.object, options);
  return answer(operation, negotiated, 201, storedForm(operation, written));
}

/** What a PUT makes where there is nothing; undefined for 404. The version that it names is of what is gone, and says nothing. */
function newObject(operation: Operation, object: JsonObject, { dryRun }: WriteOptions): JsonObject | undefined {
  const { kind, info } = operation;
  checkUid(object, '', shownKey(operation, dryRun), kind.api, info.name);
  if (kind.hub.strategy.allowCreateOnUpdate !== true || info.subresource !== '') return undefined;
  delete meta(object)['resourceVersion'];
  return object;
}

async function serveUpdate(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info, context } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  const mediaType = bodyMediaType(http, kind.codec.encodeProtobuf !== undefined);
  const body = await readBody(http, context.maxBodyBytes);
  const options = readWriteOptions(info.query, 'UpdateOptions');
  const scan = isLong(body, mediaType) ? await scanAhead(context.host, body, mediaType, http.signal) : undefined;
  const decoded = kind.codec.decode(body, mediaType, options.fieldValidation, scan);
  let first = scan === undefined ? decoded.object : undefined;
  // Each try changes its own. What has been read in slices is not read again, and must not be changed.
  const again = (): JsonObject => {
    const object = first ?? (scan === undefined ? kind.codec.decode(body, mediaType, options.fieldValidation).object : copy(decoded.object));
    first = undefined;
    return object;
  };
  decoded.warnings.forEach(operation.notes.warn);
  operation.notes.bodies?.object(decoded.object);
  matchNamespace(decoded.object, info.namespace, kind.api.namespaced);
  checkName(operation, decoded.object);
  const written = await updateObject(withTurns(operation, body), {
    ownManagedFields: false, requireVersion: true, leavesLive: true,
    build: again,
    buildNew: () => Promise.resolve(newObject(operation, again(), options)),
  }, options);
  return answer(operation, negotiated, written.created ? 201 : 200, storedForm(operation, written));
}

/** As the original's events name what it reads deletions' options into. */
const internalOptions = { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/__internal' };

async function deleteOptions({ http, info, context, notes }: Operation): Promise<DeleteOptions> {
  const body = await readBody(http, context.maxBodyBytes);
  const mediaType = body.length === 0 ? 'json' : bodyMediaType(http, true);
  const form = mediaType === 'yaml' ? 'apply' : mediaType;
  const given = decodeOptional(body, mediaType, isLong(body, form) ? await scanAhead(context.host, body, form, http.signal) : undefined);
  if (given !== undefined) notes.bodies?.object({ ...internalOptions, ...given, ...internalOptions });
  return readDeleteOptions(info.query, given);
}

async function serveDelete(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  const options = await deleteOptions(operation);
  const result = await deleteObject(operation, options);
  const status = deletionStatus(operation, result);
  if (status !== undefined) return plainIn(negotiated, 200, status);
  return answer(operation, negotiated, 200, storedForm(operation, result));
}

async function serveDeleteCollection(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info } = operation;
  const negotiated = negotiateKind(kind, http, info.query);
  const options = await deleteOptions(operation);
  return listResponse(kind, negotiated, info.query, await deleteCollection(operation, readListOptions(info.query, false), options));
}

/** What creates through an object is in its namespace, is none that the store gave a uid, and has managed fields if it is answered. */
function ofSubresource({ kind, http, info, context }: Operation, object: JsonObject, expected: KindName, options: WriteOptions): void {
  matchNamespace(object, info.namespace, kind.api.namespaced);
  if (info.subresource !== 'token') return;
  delete meta(object)['uid'];
  applyDefaults(tokenRequestType, object);
  const asked: ServedKind = { ...kind, api: { ...kind.api, group: expected.group, version: expected.version, kind: expected.kind, typeName: tokenRequestType } };
  const manager = managerName(options.fieldManager, header(http.headers, 'user-agent') ?? '');
  allSteps(context.managedFields.update(asked, undefined, object, { manager, subresource: info.subresource, now: rfc3339Seconds(context.host.clock.nowMs()) }));
}

const tokenRequestType = 'io.k8s.api.authentication.v1.TokenRequest';

/** A POST that does something: reviews, bindings, evictions, tokens. */
async function serveHandler(operation: Operation, handler: CreateHandler, expected: KindName): Promise<HttpResponse> {
  const { kind, http, info, context } = operation;
  if (info.verb !== 'create') throw methodNotAllowed();
  checkRoute(operation);
  const options = readWriteOptions(info.query, 'CreateOptions');
  const body = await readBody(http, context.maxBodyBytes);
  const mediaType = bodyMediaType(http, true);
  const scan = isLong(body, mediaType) ? await scanAhead(context.host, body, mediaType, http.signal) : undefined;
  const decoded = decodePlain(body, mediaType, expected, options.fieldValidation, scan);
  decoded.warnings.forEach(operation.notes.warn);
  const { object } = decoded;
  operation.notes.bodies?.object(object);
  if (info.subresource === '') {
    const manager = managerName(options.fieldManager, header(http.headers, 'user-agent') ?? '');
    allSteps(context.managedFields.update(kind, undefined, object, { manager, subresource: '', now: rfc3339Seconds(context.host.clock.nowMs()) }));
  }
  if (info.subresource !== '') ofSubresource(operation, object, expected, options);
  else if (kind.api.namespaced) matchNamespace(object, info.namespace, true);
  const { group, version, kind: kindName } = expected;
  const admitted = attributes(operation, {
    operation: 'CREATE', name: info.name, object, oldObject: undefined, dryRun: options.dryRun, options: optionsObject('CreateOptions', options.given), objectKind: { group, version, kind: kindName },
  });
  await context.admission.admit(admitted);
  await context.admission.validate(admitted);
  const answer = await handler.create(resourceRequest(operation), object, { dryRun: options.dryRun });
  return plainResponse(http, info.query, answer.status, answer.object);
}

async function serveMain(operation: Operation): Promise<HttpResponse> {
  const { kind, http, info, context } = operation;
  const handler = context.createHandler(kind.api, info.subresource);
  if (handler !== undefined) return serveHandler(operation, handler, kind.api);
  checkScope(operation);
  const computed = operation.context.computed(kind.api);
  const made = computed === undefined ? undefined : await serveComputed(operation, computed);
  if (made !== undefined) return made;
  if (!kind.api.verbs.includes(info.verb)) throw methodNotAllowed();
  checkRoute(operation);
  switch (info.verb) {
    case 'get': return serveGet(operation);
    case 'list': return serveList(operation);
    case 'watch': if (http.method !== 'GET') throw methodNotAllowed(); return watchObjects(operation, negotiateWatch(kind, operation.http, info.query));
    case 'create': return serveCreate(operation);
    case 'update': return serveUpdate(operation);
    case 'patch': return patchObject(operation);
    case 'delete': return serveDelete(operation);
    case 'deletecollection': return serveDeleteCollection(operation);
    default: throw methodNotAllowed();
  }
}

/** What upstream's router refuses before anything of the request is looked at. Custom resources have no routes there. */
function checkRoute(operation: Operation): void {
  const { kind, http, info } = operation;
  if (kind.hub.custom) return;
  if (info.verb === 'patch') patchKindOf(http, false);
  requireAcceptable(http, info.verb === 'list' || info.verb === 'watch' ? listTypes : objectTypes);
}

/** Which paths exist: `/api/v1/pods` can only be listed and watched, `/api/v1/pods/x` is none. */
function checkScope(operation: Operation): void {
  const { kind, info } = operation;
  const inNamespace = isInNamespace(info);
  const named = info.parts.length > 1;
  if (!kind.api.namespaced) {
    if (inNamespace) throw noSuchResource();
  } else if (!inNamespace) {
    if (named) throw noSuchResource();
    if (info.verb !== 'list' && info.verb !== 'watch') throw methodNotAllowed();
  }
  if (kind.api.namespaced && named && info.namespace === '') throw badRequest('Namespace parameter required.');
  if (kind.custom !== undefined) {
    if (!named && (info.verb === 'update' || info.verb === 'patch')) throw badRequest('name must be provided');
    return;
  }
  if ((info.verb === 'create' && named) || (info.verb !== 'create' && info.verb !== 'list' && info.verb !== 'watch' && info.verb !== 'deletecollection' && !named)) throw methodNotAllowed();
}

async function serveSubresource(operation: Operation): Promise<HttpResponse> {
  const { kind, info, context } = operation;
  const custom = context.subresourceHandler(kind.api, info.subresource);
  if (custom !== undefined) {
    await admitConnect(operation);
    return custom.handle(resourceRequest(operation));
  }
  const subresource = kind.api.subresources.find((known) => known.name === info.subresource);
  if (subresource === undefined || info.parts.length > 3) throw noSuchResource();
  const handler = context.createHandler(kind.api, info.subresource);
  if (handler !== undefined) return serveHandler(operation, handler, subresource);
  if (!subresource.verbs.includes(info.verb)) throw kind.custom === undefined ? methodNotAllowed() : notSupported(kind.api, info.verb);
  checkRoute(operation);
  if (subresource.name === 'scale') return serveScale(operation);
  switch (info.verb) {
    case 'get': return serveGet(operation);
    case 'update': return serveUpdate(operation);
    case 'patch': return patchObject(operation);
    default: throw methodNotAllowed();
  }
}

/** Of built-in kinds nothing is asked for by HEAD, and logs only by GET. */
function checkMethod({ kind, http, info, context }: Operation): void {
  if (info.subresource === 'log' && http.method !== 'GET' && !kind.hub.custom) throw methodNotAllowed();
  if (http.method === 'HEAD' && !kind.hub.custom && (info.subresource === '' || context.subresourceHandler(kind.api, info.subresource) === undefined)) throw methodNotAllowed();
}

/** Serves one authorized request to a known kind. Rejects with StatusError. */
export async function serveResource(operation: Operation): Promise<HttpResponse> {
  checkMethod(operation);
  return operation.info.subresource === '' ? serveMain(operation) : serveSubresource(operation);
}
