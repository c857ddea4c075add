import type { ApiResource, JsonObject, StrategyContext } from '@coxswain/api';
import { rfc3339Seconds, type Host, type HttpRequest } from '@coxswain/host';
import type { AdmissionAttributes, ApiServerParts, CreateHandler, GroupVersionKind, RequestInfo, RequestNotes, ResourceRequest, SubresourceHandler, UserInfo, WriteHook } from '../types.ts';
import { admissionVersions } from './admission-versions.ts';
import type { ServedKind } from './kind.ts';
import { isLarge, pause } from './large-body.ts';
import type { ComputedObjects } from '../component-status/component-status.ts';
import type { LeaseGuards } from './lease-guards.ts';
import type { ManagedFields } from './managed-fields.ts';
import { randomSuffix } from './metadata.ts';
import { meta, text } from './object.ts';

/** What every operation of the registry stands on. */
export interface RegistryContext {
  readonly host: Host;
  readonly admission: ApiServerParts['admission'];
  readonly managedFields: ManagedFields;
  readonly leaseGuards: LeaseGuards;
  hooksOf(kind: ServedKind): readonly WriteHook[];
  /** The same storage under other groups and versions, as they are served now. */
  equivalents(kind: ServedKind): readonly ServedKind[];
  createHandler(api: ApiResource, subresource: string): CreateHandler | undefined;
  subresourceHandler(api: ApiResource, subresource: string): SubresourceHandler | undefined;
  /** Of kinds that are not stored. */
  computed(api: ApiResource): ComputedObjects | undefined;
  readonly maxBodyBytes: number;
  /** A watch that names no end lasts as long, and up to twice as long. */
  readonly minWatchSeconds: number;
  readonly allowPrivileged: boolean;
  /** Features that are on though they are off by default. */
  readonly features?: ReadonlySet<string> | undefined;
  /** --delete-collection-workers */
  readonly deleteCollectionWorkers: number;
}

/** One request to one kind, past authorization. */
export interface Operation {
  readonly context: RegistryContext;
  readonly kind: ServedKind;
  readonly http: HttpRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly notes: RequestNotes;
  /** Of a large object only: lets others have their turn between what is done with it. */
  readonly pause?: () => Promise<void>;
}

/** The operation, with turns for others if its body is large. */
export function withTurns(operation: Operation, body: Uint8Array): Operation {
  return isLarge(body) ? { ...operation, pause: () => pause(operation.context.host) } : operation;
}

export function resourceRequest(operation: Operation): ResourceRequest {
  const { http, info, user, notes, kind } = operation;
  return { http, info, user, notes, resource: kind.api };
}

export function strategyContext(operation: Operation, subresource = operation.info.subresource, specIsValid = false): StrategyContext {
  const { host } = operation.context;
  return {
    now: rfc3339Seconds(host.clock.nowMs()), subresource, requestGroup: operation.kind.api.group, userName: operation.user.name, userUid: operation.user.uid, userGroups: operation.user.groups,
    randomSuffix: (length) => randomSuffix(host, length), warn: operation.notes.warn, features: operation.context.features, specIsValid, verifySignature: (...signed) => host.crypto.verify(...signed),
  };
}

export interface AdmissionInput {
  readonly operation: AdmissionAttributes['operation'];
  readonly name: string;
  readonly object: JsonObject | undefined;
  readonly oldObject: JsonObject | undefined;
  readonly dryRun: boolean;
  readonly options: JsonObject;
  /** The object is no object of the resource's kind. */
  readonly objectKind?: GroupVersionKind | undefined;
}

export function attributes(operation: Operation, input: AdmissionInput): AdmissionAttributes {
  const { kind, info, user, notes } = operation;
  return {
    operation: input.operation, resource: kind.api, subresource: info.subresource, name: input.name, user, notes, dryRun: input.dryRun,
    namespace: kind.api.namespaced ? info.namespace : (kind.api.resource === 'namespaces' && kind.api.group === '' ? input.name : ''),
    object: input.object, oldObject: input.oldObject, options: input.options, versions: () => admissionVersions(operation, input.objectKind),
    objectKind: input.objectKind ?? { group: kind.api.group, version: kind.api.version, kind: kind.api.kind },
  };
}

/** The name by which managed fields know a writer that names itself by its User-Agent only. */
export function managerName(fieldManager: string, userAgent: string): string {
  if (fieldManager !== '') return fieldManager;
  const name = (userAgent.split('/', 1)[0] ?? '').replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '').slice(0, 128);
  return name === '' ? 'unknown' : name;
}

/** Notes what a request has changed. */
export function noteWrite({ kind, notes }: Pick<Operation, 'kind' | 'notes'>, object: JsonObject, revision: number, deleted = false): void {
  if (notes.wrote === undefined) return;
  const { group, resource } = kind.hub.api;
  const metadata = meta(object);
  notes.wrote({ group, resource, namespace: text(metadata, 'namespace'), name: text(metadata, 'name'), uid: text(metadata, 'uid'), revision, deleted });
}
