import { allSteps, conflict, equalJson, invalid, keepManagedTimes, notFound, StatusError, type FieldError, type JsonObject } from '@coxswain/api';
import { append, header, rfc3339Seconds } from '@coxswain/host';
import { sharesWrites } from '../fast-path/inner.ts';
import { objectKey } from '../storage/keys.ts';
import { encodeForStore, type StoredObject } from '../storage/codec.ts';
import { equalBytes, type WriteGuard } from '../storage/store.ts';
import type { GroupVersionKind } from '../types.ts';
import { keepingManagedFields } from './admitted-managed-fields.ts';
import { attributes, managerName, noteWrite, strategyContext, type Operation } from './context.ts';
import { createObject, type Written } from './create.ts';
import { mayLeave } from './deletion.ts';
import { withHooks } from './hooks.ts';
import { guardOf } from './lease-guards.ts';
import { shownKind } from './kind.ts';
import { checkResourceVersion, checkUid, dropDuplicateOwners, keepSystemFields, lockMessage, matchNamespace } from './metadata.ts';
import { inTurns } from './managed-fields.ts';
import { copy, copyState, isObject, meta, text } from './object.ts';
import { optionsObject, type WriteOptions } from './options.ts';
import { privilegedErrors } from './privileged.ts';
import { storeFor } from './traced-store.ts';

const maxAttempts = 100;

export interface AdmissionView {
  readonly objectKind: GroupVersionKind;
  of(object: JsonObject): JsonObject;
  /** Writes what admission made of it back. */
  into(view: JsonObject, object: JsonObject): JsonObject;
}

export interface Change {
  /**
   * The wanted object from the live one (both in the request's version; `live` may be changed in place and answered, unless it is `leavesLive`).
   * Called again after a lost race. undefined: nothing is to be written. `isCanonical`: decoding and encoding `live` again would change nothing.
   */
  build(live: JsonObject, isCanonical: boolean): Promise<JsonObject> | JsonObject;
  /** `build` does not change what it is given, and answers no part of it. */
  readonly leavesLive?: boolean;
  /** What to create where there is nothing; throws or answers undefined for 404. */
  buildNew?(): Promise<JsonObject | undefined>;
  /** Apply writes the managed fields itself. */
  readonly ownManagedFields: boolean;
  /** Admission is shown this instead of the object: a Scale. */
  readonly view?: AdmissionView;
  /** A patch without resourceVersion is tried again; a PUT says what it is based on. */
  readonly requireVersion: boolean;
}

export type UpdateResult = Written & { readonly created: boolean };

/** The key as the original names it in errors: what is only tried has not gone through its storage, which puts the prefix before it. */
export function shownKey(operation: Operation, dryRun: boolean): string {
  const key = keyOf(operation);
  return dryRun ? key.replace(/^\/[^/]+/, '') : key;
}

export function keyOf(operation: Operation): string {
  const { kind, info } = operation;
  return objectKey(kind.hub.store.prefix, kind.api.namespaced ? info.namespace : '', info.name);
}

/** Cached if the cache runs; the writer's comparison finds out if that was stale. */
export function firstLook(operation: Operation): StoredObject | undefined {
  const { cache } = operation.kind.hub;
  return cache.ready ? cache.latest(keyOf(operation)) : undefined;
}

/** `value`: the object as it would be stored. */
function sameState(object: JsonObject, value: Uint8Array, current: StoredObject, operation: Operation): boolean {
  const { codec, custom } = operation.kind.hub;
  // We have written it ourselves, so equal objects are equal bytes.
  if (!custom && current.isServedForm) return equalBytes(value, current.value);
  return codec.encode(object) === codec.encode(current.object);
}

/**
 * What has not changed is from here on the very part of the stored object, which nobody changes: it is neither looked at nor encoded again. Tells
 * whether the spec is one of those.
 */
function shareUnchanged(object: JsonObject, current: StoredObject): boolean {
  const before = current.object;
  for (const key of Object.keys(before)) {
    const part = before[key];
    if (key !== 'metadata' && isObject(part) && equalJson(object[key], part)) object[key] = part;
  }
  return isObject(before['spec']) && object['spec'] === before['spec'];
}

function validate(operation: Operation, object: JsonObject, old: JsonObject, specIsValid: boolean): void {
  refuse(operation, object, old, operation.kind.hub.strategy.validateUpdate?.(object, old, strategyContext(operation, operation.info.subresource, specIsValid)) ?? []);
}

async function validateInTurns(operation: Operation, object: JsonObject, old: JsonObject, pause: () => Promise<void>): Promise<void> {
  const steps = operation.kind.hub.strategy.validateUpdateInSteps?.(object, old, strategyContext(operation));
  if (steps === undefined) validate(operation, object, old, false);
  else refuse(operation, object, old, await inTurns(steps, pause));
}

function refuse(operation: Operation, object: JsonObject, old: JsonObject, found: readonly FieldError[]): void {
  const { hub } = operation.kind;
  const errors = [...hub.metadata.validateUpdate(object, old, operation.info.subresource), ...found];
  // What is privileged already stays writable: its status and its end must be.
  if (!operation.context.allowPrivileged && privilegedErrors(old).length === 0) append(errors, privilegedErrors(object));
  if (errors.length > 0) throw invalid(shownKind(operation.kind, object), operation.info.name, errors);
  for (const warning of hub.strategy.warnings?.(object, old) ?? []) operation.notes.warn(warning);
}

interface Built {
  readonly admitted: JsonObject;
  /** What it was made from, in the request's version. */
  readonly live: JsonObject;
}

async function build(operation: Operation, current: StoredObject, change: Change, options: WriteOptions): Promise<Built> {
  const { kind, context, info } = operation;
  const live = kind.fromHub(copyState(current.object));
  if (operation.pause !== undefined) await operation.pause();
  const wanted = await change.build(change.leavesLive === true ? live : copyState(live), kind.isHub && current.isServedForm);
  if (operation.pause !== undefined) await operation.pause();
  const uid = text(meta(live), 'uid');
  // Only who sends the whole object names the one that it means.
  if (change.requireVersion) checkUid(wanted, uid, shownKey(operation, options.dryRun), kind.api, info.name);
  if (change.requireVersion && kind.hub.strategy.allowUnconditionalUpdate === false && text(meta(wanted), 'resourceVersion') === '') {
    throw invalid({ group: kind.api.group, kind: kind.api.resource }, info.name, [
      { type: 'Invalid', field: 'metadata.resourceVersion', message: 'Invalid value: 0x0: must be specified for an update' }]);
  }
  checkResourceVersion(wanted, String(current.revision), kind.api, info.name);
  meta(wanted)['resourceVersion'] = String(current.revision);
  if (change.requireVersion) dropDuplicateOwners(wanted, operation.notes.warn, false);
  if (!change.ownManagedFields) {
    const manager = managerName(options.fieldManager, header(operation.http.headers, 'user-agent') ?? '');
    const steps = context.managedFields.update(kind, live, wanted, { manager, subresource: info.subresource, now: rfc3339Seconds(context.host.clock.nowMs()) });
    if (operation.pause === undefined) allSteps(steps);
    else await inTurns(steps, operation.pause);
  }
  if (operation.pause !== undefined) await operation.pause();
  const { view } = change;
  const shown = view === undefined ? wanted : view.of(wanted);
  const input = attributes(operation, {
    operation: 'UPDATE', name: info.name, object: shown, oldObject: view === undefined ? live : view.of(live), dryRun: options.dryRun, options: optionsObject('UpdateOptions', options.given),
    objectKind: view?.objectKind,
  });
  await keepingManagedFields(shown, operation.notes, () => context.admission.admit(input));
  const admitted = view === undefined ? wanted : view.into(shown, wanted);
  dropDuplicateOwners(admitted, operation.notes.warn, true);
  return { admitted, live };
}

type Attempt = { readonly kind: 'done'; readonly written: Written } | { readonly kind: 'lost'; readonly current: StoredObject | undefined };

async function attempt(operation: Operation, current: StoredObject, change: Change, options: WriteOptions): Promise<Attempt> {
  const { kind, context, info, user } = operation;
  const { hub } = kind;
  const { admitted, live } = await build(operation, current, change, options);
  const object = kind.toHub(admitted);
  if (operation.pause !== undefined) await operation.pause();
  const old = kind.isHub ? live : copyState(current.object);
  matchNamespace(object, info.namespace, kind.api.namespaced);
  const generation = meta(old)['generation'];
  if (generation === undefined) delete meta(object)['generation'];
  else meta(object)['generation'] = generation;
  keepSystemFields(object, old);
  hub.strategy.prepareForUpdate?.(object, old, strategyContext(operation));
  return withHooks<Attempt>(operation, { operation: 'UPDATE', object, oldObject: old, user, dryRun: options.dryRun }, async () => {
    const keptValid = operation.pause === undefined && shareUnchanged(object, current) && current.specIsValid;
    if (operation.pause === undefined) validate(operation, object, old, keptValid);
    else {
      await operation.pause();
      await validateInTurns(operation, object, old, operation.pause);
      await operation.pause();
    }
    const shown = (one: JsonObject): JsonObject => (change.view === undefined ? one : change.view.of(one));
    const served = (one: JsonObject): JsonObject => shown(kind.isHub ? one : kind.fromHub(copy(one)));
    await context.admission.validate(attributes(operation, {
      operation: 'UPDATE', name: info.name, object: served(object), oldObject: served(old), dryRun: options.dryRun,
      options: optionsObject('UpdateOptions', options.given), objectKind: change.view?.objectKind,
    }));
    if (operation.pause !== undefined) await operation.pause();
    return write(operation, current, object, { dryRun: options.dryRun, specIsValid: keptValid || info.subresource === '' });
  });
}

function lost({ context }: Operation, guard: WriteGuard | undefined, current: StoredObject | undefined): Attempt {
  context.leaseGuards.outdated(guard);
  return { kind: 'lost', current };
}

async function write(operation: Operation, current: StoredObject, object: JsonObject, { dryRun, specIsValid }: { readonly dryRun: boolean; readonly specIsValid: boolean }): Promise<{ committed: boolean; value: Attempt }> {
  const store = storeFor(operation);
  const old = current.object;
  keepManagedTimes(object, old);
  if (operation.pause !== undefined) await operation.pause();
  if (mayLeave(operation.kind, object)) {
    if (dryRun) return { committed: false, value: { kind: 'done', written: { object, stored: undefined, revision: current.revision } } };
    const value = await withHooks<Attempt>(operation, { operation: 'DELETE', object, oldObject: old, user: operation.user, dryRun }, async () => {
      const guard = await guardOf(operation);
      const removed = await store.remove(current, { shared: sharesWrites(operation.http), guard });
      if (removed.kind === 'conflict') return { committed: false, value: lost(operation, guard, removed.current) };
      noteWrite(operation, object, removed.object.revision, true);
      return { committed: true, value: { kind: 'done', written: { object, stored: undefined, revision: current.revision } } };
    });
    return { committed: value.kind === 'done', value };
  }
  meta(object)['resourceVersion'] = String(current.revision);
  const encoded = encodeForStore(object, operation.kind.hub.codec, operation.pause === undefined ? current : undefined);
  if (operation.pause !== undefined) await operation.pause();
  if (!current.stale && sameState(object, encoded.value, current, operation) && operation.kind.hub.codec.isCurrent?.(current.value) !== false) return { committed: false, value: { kind: 'done', written: { object, stored: current } } };
  if (dryRun) return { committed: false, value: { kind: 'done', written: { object, stored: undefined, revision: current.revision } } };
  if (operation.pause !== undefined) await operation.pause();
  const guard = await guardOf(operation);
  const result = await store.put(current.key, object, current.revision, { encoded, shared: sharesWrites(operation.http), guard, specIsValid });
  if (result.kind === 'conflict') return { committed: false, value: lost(operation, guard, result.current) };
  operation.kind.hub.cache.wrote(result.object);
  noteWrite(operation, object, result.object.revision);
  return { committed: true, value: { kind: 'done', written: { object, stored: result.object } } };
}

/** Read, change, compare and write, until nobody was faster. */
export async function updateObject(operation: Operation, change: Change, options: WriteOptions): Promise<UpdateResult> {
  const { kind, info } = operation;
  const key = keyOf(operation);
  let current = firstLook(operation);
  let certain = false;
  for (let tries = 0; tries < maxAttempts; tries += 1) {
    if (current === undefined && !certain) {
      current = await storeFor(operation).get(key);
      certain = true;
    }
    if (current === undefined) return { ...(await createInstead(operation, change, options)), created: true };
    const based: StoredObject = current;
    try {
      const result = await attempt(operation, based, change, options);
      if (result.kind === 'done') {
        // Nothing was compared in the store where nothing was written: what the cache has may be no longer true.
        const unwritten = !certain && result.written.stored === based;
        if (!unwritten) return { ...result.written, created: false };
        current = await storeFor(operation).get(key);
        if (current?.revision === based.revision && !current.stale) return { ...result.written, created: false };
      } else current = result.current;
      certain = true;
    } catch (error) {
      if (certain || !(error instanceof StatusError)) throw error;
      // The refusal may rest on a stale state.
      const live = await storeFor(operation).get(key);
      certain = true;
      if (live !== undefined && live.revision === based.revision) throw error;
      current = live;
    }
  }
  throw conflict(kind.api, info.name, lockMessage);
}

async function createInstead(operation: Operation, change: Change, options: WriteOptions): Promise<Written> {
  const { kind, info } = operation;
  const object = await change.buildNew?.();
  if (object === undefined) throw notFound(kind.api, info.name);
  return createObject(operation, object, options, { ownManagedFields: change.ownManagedFields });
}
