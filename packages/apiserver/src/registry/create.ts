import { allSteps, alreadyExists, badRequest, invalid, StatusError, type FieldError, type JsonObject } from '@coxswain/api';
import { rfc3339Seconds, header } from '@coxswain/host';
import { sharesWrites } from '../fast-path/inner.ts';
import { encodeForStore, StoredObject } from '../storage/codec.ts';
import { objectKey } from '../storage/keys.ts';
import { keepingManagedFields } from './admitted-managed-fields.ts';
import { attributes, managerName, noteWrite, strategyContext, type Operation } from './context.ts';
import { withHooks } from './hooks.ts';
import { shownKind } from './kind.ts';
import { dropDuplicateOwners, fillSystemFields, generateName, matchNamespace, wipeSystemFields } from './metadata.ts';
import { inTurns } from './managed-fields.ts';
import { copy, meta, nameOf, text } from './object.ts';
import { optionsObject, type WriteOptions } from './options.ts';
import { privilegedErrors } from './privileged.ts';
import { storeFor } from './traced-store.ts';

const nameAttempts = 8;

export interface Written {
  /** In the hub's version. */
  readonly object: JsonObject;
  /** Absent if it is not in the store as it is here: after a dry run, or with its last finalizer gone. */
  readonly stored: StoredObject | undefined;
  /** What an object that is not stored tells as its version; 0: none. */
  readonly revision?: number;
}

/** Strategy and validation of a new object in the hub's version; changes it in place. */
function prepare(operation: Operation, object: JsonObject): void {
  const { hub } = operation.kind;
  const context = strategyContext(operation, '');
  hub.strategy.prepareForCreate?.(object, context);
}

function validate(operation: Operation, object: JsonObject): void {
  refuse(operation, object, operation.kind.hub.strategy.validate?.(object, strategyContext(operation, '')) ?? []);
}

async function validateInTurns(operation: Operation, object: JsonObject, pause: () => Promise<void>): Promise<void> {
  const steps = operation.kind.hub.strategy.validateInSteps?.(object, strategyContext(operation, ''));
  if (steps === undefined) validate(operation, object);
  else refuse(operation, object, await inTurns(steps, pause));
}

function refuse(operation: Operation, object: JsonObject, found: readonly FieldError[]): void {
  const { hub } = operation.kind;
  const own = [...found, ...(operation.context.allowPrivileged ? [] : privilegedErrors(object))];
  const errors = own.length > 0 && hub.strategy.metadataLast === true ? own : [...hub.metadata.validate(object), ...own];
  if (errors.length > 0) throw invalid(shownKind(operation.kind, object), nameOf(object), errors);
  for (const warning of hub.strategy.warnings?.(object, undefined) ?? []) operation.notes.warn(warning);
}

/** `admitted` is its own, and changed. */
async function attempt(operation: Operation, admitted: JsonObject, options: WriteOptions): Promise<Written | 'exists'> {
  const { dryRun } = options;
  const { kind, context, info, user } = operation;
  const { hub } = kind;
  if (operation.pause !== undefined) await operation.pause();
  const object = kind.toHub(admitted);
  if (operation.pause !== undefined) await operation.pause();
  fillSystemFields(object, context.host);
  prepare(operation, object);
  return withHooks<Written | 'exists'>(operation, { operation: 'CREATE', object, oldObject: undefined, user, dryRun }, async () => {
    if (operation.pause === undefined) validate(operation, object);
    else {
      await operation.pause();
      await validateInTurns(operation, object, operation.pause);
      await operation.pause();
    }
    const name = nameOf(object);
    await context.admission.validate(attributes(operation, { operation: 'CREATE', name, object: kind.isHub ? object : kind.fromHub(copy(object)), oldObject: undefined, dryRun, options: optionsObject('CreateOptions', options.given) }));
    const key = objectKey(hub.store.prefix, kind.api.namespaced ? info.namespace : '', name);
    if (operation.pause !== undefined) await operation.pause();
    if (dryRun) {
      if ((await storeFor(operation).get(key)) !== undefined) return { committed: false, value: 'exists' };
      return { committed: false, value: { object, stored: undefined } };
    }
    const encoded = operation.pause === undefined ? undefined : encodeForStore(object, hub.codec);
    if (operation.pause !== undefined) await operation.pause();
    const result = await storeFor(operation).put(key, object, 0, { encoded, shared: sharesWrites(operation.http), specIsValid: true });
    if (result.kind === 'conflict') return { committed: false, value: 'exists' };
    hub.cache.wrote(result.object);
    noteWrite(operation, object, result.object.revision);
    return { committed: true, value: { object, stored: result.object } };
  });
}

/** `object` is decoded and in the request's version; it is changed in place by admission. */
export async function createObject(operation: Operation, object: JsonObject, options: WriteOptions, how: { readonly ownManagedFields?: boolean } = {}): Promise<Written> {
  const { kind, context, info } = operation;
  if (operation.pause !== undefined) await operation.pause();
  const metadata = meta(object);
  if (info.name !== '' && kind.custom === undefined && text(metadata, 'name') === '') metadata['name'] = info.name;
  matchNamespace(object, info.namespace, kind.api.namespaced);
  wipeSystemFields(object);
  const manager = managerName(options.fieldManager, header(operation.http.headers, 'user-agent') ?? '');
  if (how.ownManagedFields !== true) {
    dropDuplicateOwners(object, operation.notes.warn, false);
    const steps = context.managedFields.update(kind, undefined, object, { manager, subresource: '', now: rfc3339Seconds(context.host.clock.nowMs()) });
    if (operation.pause === undefined) allSteps(steps);
    else await inTurns(steps, operation.pause);
  }
  if (operation.pause !== undefined) await operation.pause();
  const admitted = attributes(operation, { operation: 'CREATE', name: text(metadata, 'name'), object, oldObject: undefined, dryRun: options.dryRun, options: optionsObject('CreateOptions', options.given) });
  await keepingManagedFields(object, operation.notes, () => context.admission.admit(admitted));
  // Who may change the object may not move it out of the namespace that the request is allowed for.
  matchNamespace(object, info.namespace, kind.api.namespaced);
  if (!options.dryRun && !['', '0'].includes(text(meta(object), 'resourceVersion'))) throw badRequest('resourceVersion should not be set on objects to be created');
  dropDuplicateOwners(object, operation.notes.warn, true);
  for (let tries = 1; ; tries += 1) {
    // Each try changes its own: the first one's name stays in it.
    const candidate = text(meta(object), 'name') === '' ? copy(object) : object;
    const generated = generateName(candidate, context.host);
    const result = await attempt(operation, candidate, options);
    if (result !== 'exists') return result;
    if (!generated) throw alreadyExists(kind.api, nameOf(candidate));
    if (tries === nameAttempts) throw generateFailed(operation, nameOf(candidate));
  }
}

function generateFailed(operation: Operation, name: string): StatusError {
  const refused = alreadyExists(operation.kind.api, name);
  return new StatusError('AlreadyExists', `${refused.message}, the server was not able to generate a unique name for the object`, {
    ...refused.status.details, retryAfterSeconds: 1,
  });
}

/** The object as it would be stored, with the version that it has. */
export function storedForm(operation: Operation, written: Written): StoredObject {
  if (written.stored !== undefined) return written.stored;
  const { codec } = operation.kind.hub;
  return new StoredObject('', encodeForStore(written.object, codec).value, written.revision ?? 0, codec);
}
