import { conflict, notFound, qualifiedName, StatusError, type JsonObject } from '@coxswain/api';
import { parseRfc3339, rfc3339Seconds } from '@coxswain/host';
import { sharesWrites } from '../fast-path/inner.ts';
import type { StoredObject } from '../storage/codec.ts';
import type { WriteGuard } from '../storage/store.ts';
import { attributes, noteWrite, type Operation } from './context.ts';
import { finalizersAfter, isNamespace, returnsDeletedObject, specFinalizers } from './deletion.ts';
import { withHooks } from './hooks.ts';
import { guardOf } from './lease-guards.ts';
import { isDeleting } from './metadata.ts';
import { copyParts, copyState, isObject, meta, nameOf, text } from './object.ts';
import { deleteOptionsObject, type DeleteOptions } from './options.ts';
import { firstLook, keyOf } from './update.ts';
import { storeFor } from './traced-store.ts';

const maxAttempts = 100;
const jobWarning = 'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';

export type DeleteResult =
  /** Gone from the store. */
  | { readonly kind: 'removed'; readonly object: JsonObject; readonly stored: StoredObject | undefined; readonly revision?: number }
  /** Still there with a deletionTimestamp: graceful, or held by finalizers. */
  | { readonly kind: 'marked'; readonly object: JsonObject; readonly stored: StoredObject | undefined; readonly revision?: number };

function checkPreconditions(operation: Operation, current: StoredObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions;
  const { api } = operation.kind.hub;
  const what = { group: api.group, resource: api.kind };
  const record = text(meta(current.object), 'uid');
  const checksFirst = isNamespace(operation.kind) || operation.kind.hub.strategy.markDeleted !== undefined;
  if (uid !== undefined && uid !== record && checksFirst) {
    throw conflict(api, nameOf(current.object), `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${record}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== String(current.revision) && isNamespace(operation.kind)) {
    throw conflict(api, nameOf(current.object), `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${current.revision}`);
  }
  if (uid !== undefined && uid !== record) {
    throw conflict(what, nameOf(current.object), `the UID in the precondition (${uid}) does not match the UID in record (${record}). The object might have been deleted and then recreated`);
  }
  if (resourceVersion !== undefined && resourceVersion !== String(current.revision)) {
    throw conflict(what, nameOf(current.object), `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${current.revision}). The object might have been modified`);
  }
}

/** Seconds the object is given to end; undefined: none. Changes nothing. */
function graceOf(operation: Operation, object: JsonObject, asked: number | undefined): number | undefined {
  const grace = operation.kind.hub.strategy.gracePeriodSeconds?.(object, asked);
  return grace === undefined ? undefined : Math.max(grace, 0);
}

function mark(operation: Operation, object: JsonObject, graceSeconds: number): void {
  const metadata = meta(object);
  const nowMs = operation.context.host.clock.nowMs();
  metadata['deletionTimestamp'] = rfc3339Seconds(nowMs + graceSeconds * 1000);
  metadata['deletionGracePeriodSeconds'] = graceSeconds;
  const generation = metadata['generation'];
  if (typeof generation === 'number' && generation > 0) metadata['generation'] = generation + 1;
}

/** A second deletion can only shorten what the first one granted. */
function shorten(operation: Operation, object: JsonObject, graceSeconds: number): boolean {
  const metadata = meta(object);
  const granted = metadata['deletionGracePeriodSeconds'];
  if (typeof granted !== 'number' || graceSeconds >= granted) return false;
  const beganMs = parseRfc3339(text(metadata, 'deletionTimestamp')) - granted * 1000;
  metadata['deletionTimestamp'] = rfc3339Seconds(Math.max(beganMs + graceSeconds * 1000, operation.context.host.clock.nowMs()));
  metadata['deletionGracePeriodSeconds'] = graceSeconds;
  return true;
}

function setFinalizers(object: JsonObject, finalizers: readonly string[]): boolean {
  const metadata = meta(object);
  const before = JSON.stringify(metadata['finalizers'] ?? []);
  if (finalizers.length === 0) delete metadata['finalizers'];
  else metadata['finalizers'] = [...finalizers];
  return JSON.stringify(finalizers) !== before;
}

function terminate(object: JsonObject): void {
  const status = isObject(object['status']) ? object['status'] : {};
  object['status'] = { ...status, phase: 'Terminating' };
}

type Plan = { readonly kind: 'remove' } | { readonly kind: 'mark' } | { readonly kind: 'keep' };

/** What deleting means for this state; changes `object` accordingly. */
function plan(operation: Operation, object: JsonObject, options: DeleteOptions): Plan {
  const { kind } = operation;
  const was = isDeleting(object);
  if (!was && kind.hub.strategy.markDeleted !== undefined) {
    kind.hub.strategy.markDeleted(object, operation.context.host.clock.nowMs());
    return { kind: 'mark' };
  }
  // A namespace that is ending waits for what is in it; only then is looked at what else was asked.
  if (was && specFinalizers(kind, object).length > 0) return { kind: 'keep' };
  const finalizers = finalizersAfter(kind, object, options);
  const changed = setFinalizers(object, finalizers);
  const held = finalizers.length > 0 || specFinalizers(kind, object).length > 0;
  const grace = graceOf(operation, object, options.gracePeriodSeconds) ?? 0;
  if (!was) {
    if (!held && grace === 0) return { kind: 'remove' };
    mark(operation, object, grace);
    if (isNamespace(kind)) {
      delete meta(object)['deletionGracePeriodSeconds'];
      terminate(object);
    }
    return { kind: 'mark' };
  }
  const granted = meta(object)['deletionGracePeriodSeconds'];
  if (typeof granted === 'number' && granted > 0 && grace > 0) return shorten(operation, object, grace) || changed ? { kind: 'mark' } : { kind: 'keep' };
  if (!held) return { kind: 'remove' };
  return shorten(operation, object, grace) || changed ? { kind: 'mark' } : { kind: 'keep' };
}

/** What a dry run answers is not yet gone: where there is a time to end, even none, it has been told to. */
function dryRemoved(operation: Operation, object: JsonObject, options: DeleteOptions): JsonObject {
  if (isDeleting(object) || graceOf(operation, object, options.gracePeriodSeconds) === undefined) return object;
  mark(operation, object, 0);
  return object;
}

type Attempt = { readonly kind: 'done'; readonly result: DeleteResult } | { readonly kind: 'lost'; readonly current: StoredObject | undefined };

async function attempt(operation: Operation, current: StoredObject, options: DeleteOptions): Promise<Attempt> {
  const { kind, context, user } = operation;
  checkPreconditions(operation, current, options);
  const old = current.object;
  const input = { operation: 'DELETE', name: operation.info.verb === 'deletecollection' ? '' : operation.info.name, object: undefined, oldObject: kind.fromHub(copyState(old)), dryRun: options.dryRun, options: deleteOptionsObject(options) } as const;
  await context.admission.admit(attributes(operation, input));
  const object = kind.hub.strategy.markDeleted === undefined ? copyParts(old) : copyState(old);
  const what = plan(operation, object, options);
  await context.admission.validate(attributes(operation, input));
  if (what.kind === 'keep') return { kind: 'done', result: { kind: 'marked', object, stored: current } };
  const how = { shared: sharesWrites(operation.http), guard: await guardOf(operation) };
  if (what.kind === 'mark') return markStored(operation, current, object, how, options.dryRun);
  return withHooks<Attempt>(operation, { operation: 'DELETE', object, oldObject: old, user, dryRun: options.dryRun }, async () => {
    if (options.dryRun) return { committed: false, value: { kind: 'done', result: { kind: 'removed', object: dryRemoved(operation, object, options), stored: undefined, revision: current.revision } } };
    const removed = await storeFor(operation).remove(current, how);
    if (removed.kind === 'conflict') return { committed: false, value: lost(operation, how, removed.current) };
    noteWrite(operation, object, removed.object.revision, true);
    return { committed: true, value: { kind: 'done', result: { kind: 'removed', object, stored: removed.object } } };
  });
}

interface How { readonly shared: boolean; readonly guard: WriteGuard | undefined }

function lost({ context }: Operation, { guard }: How, current: StoredObject | undefined): Attempt {
  context.leaseGuards.outdated(guard);
  return { kind: 'lost', current };
}

async function markStored(operation: Operation, current: StoredObject, object: JsonObject, how: How, dryRun: boolean): Promise<Attempt> {
  if (dryRun) return { kind: 'done', result: { kind: 'marked', object, stored: undefined, revision: current.revision } };
  const { cache } = operation.kind.hub;
  const result = await storeFor(operation).put(current.key, object, current.revision, how);
  if (result.kind === 'conflict') return lost(operation, how, result.current);
  cache.wrote(result.object);
  noteWrite(operation, object, result.object.revision);
  return { kind: 'done', result: { kind: 'marked', object, stored: result.object } };
}

/** On what the cache has, which may be stale: a refusal, or an answer that writes nothing, holds only if the store has the same. */
async function attemptOnCached(operation: Operation, cached: StoredObject, options: DeleteOptions): Promise<Attempt> {
  let result: Attempt | StatusError;
  try {
    result = await attempt(operation, cached, options);
    if (result.kind === 'lost' || result.result.stored !== cached) return result;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    result = error;
  }
  const current = await storeFor(operation).get(cached.key);
  if (current?.revision !== cached.revision) return { kind: 'lost', current };
  if (result instanceof StatusError) throw result;
  return result;
}

/** Said even where nothing is there to be deleted. */
export function warnOfDeletion({ kind, notes }: Operation, options: DeleteOptions): void {
  if (kind.api.group === 'batch' && kind.api.resource === 'jobs' && options.propagationPolicy === undefined && options.orphanDependents === undefined) notes.warn(jobWarning);
}

export async function deleteObject(operation: Operation, options: DeleteOptions): Promise<DeleteResult> {
  const { kind, info } = operation;
  warnOfDeletion(operation, options);
  const cached = options.dryRun ? undefined : firstLook(operation);
  let current = cached ?? await storeFor(operation).get(keyOf(operation));
  for (let tries = 0; tries < maxAttempts; tries += 1) {
    if (current === undefined) throw notFound(kind.api, info.name);
    const result: Attempt = await (current === cached ? attemptOnCached : attempt)(operation, current, options);
    if (result.kind === 'done') return result.result;
    current = result.current;
  }
  throw new StatusError('Conflict', `${qualifiedName(kind.api)} ${JSON.stringify(info.name)} changed too often while it was being deleted`);
}

/** The Status that tells of a removal, or undefined where the object itself is the answer. */
export function deletionStatus(operation: Operation, result: DeleteResult): JsonObject | undefined {
  const { kind } = operation;
  if (result.kind === 'marked' || returnsDeletedObject(kind)) return undefined;
  return {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success',
    details: {
      name: nameOf(result.object), ...(kind.api.group === '' ? {} : { group: kind.api.group }), kind: kind.api.resource, uid: text(meta(result.object), 'uid'),
    },
  };
}
