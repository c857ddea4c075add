/**
 * The seams between the API server's stages, in the order a request meets them:
 * transport → authn → flow control → authz → admission → registry → storage.
 */
import type { ApiResource, JsonObject, ScannedJson, TypeOf } from '@coxswain/api';
import type { LeaseTerm } from '@coxswain/client';
import type { HttpRequest, HttpResponse } from '@coxswain/host';
import type { RequestTrace } from './tracing/request-trace.ts';

export interface UserInfo {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** What the path and method say, as upstream's RequestInfo. */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  /** Decoded path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** get, list, watch, create, update, patch, delete, deletecollection; for other paths the lower-case method. */
  readonly verb: string;
  /** '' unless a resource request. */
  readonly apiPrefix: '' | 'api' | 'apis';
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Path parts from the resource on, for proxies. */
  readonly parts: readonly string[];
}

export type AuthenticationResult =
  | { readonly kind: 'user'; readonly user: UserInfo; readonly audiences?: readonly string[] }
  /** This authenticator has nothing to say. */
  | { readonly kind: 'none' }
  /** Credentials were shown and are wrong: 401, whatever comes after says, unless a later one accepts. */
  | { readonly kind: 'invalid'; readonly reason: string };

export interface Authenticator {
  authenticate(request: HttpRequest): Promise<AuthenticationResult>;
}

export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Of list, watch and deletecollection; what cannot be read restricts nothing. */
  readonly fieldSelector?: readonly SelectorRequirement[];
  readonly labelSelector?: readonly SelectorRequirement[];
}

/** As access reviews carry them. */
export interface SelectorRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

export interface AuthorizationDecision {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  readonly reason: string;
  /** What kept the authorizer from knowing better. Unless something allows the request it fails with this. */
  readonly error?: string | undefined;
}

export interface Authorizer {
  readonly name: string;
  authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision>;
}

/** What is said about a request beside its answer. */
export interface RequestNotes {
  readonly auditId: string;
  /** Adds a Warning header; a repeated text is said once. */
  readonly warn: (text: string) => void;
  /** Adds an annotation to the request's audit event. The first value of a key stays. */
  readonly annotate: (key: string, value: string) => void;
  /** Who wants to know of the request's body; undefined where nobody does. */
  readonly bodies?: BodyNotes | undefined;
  /** Where the request's time goes; undefined where nobody looks. */
  readonly trace?: RequestTrace | undefined;
  /** Told of each change that the request makes. */
  readonly wrote?: ((change: WrittenChange) => void) | undefined;
}

/** What a request has put into the store, or taken out of it. */
export interface WrittenChange {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly revision: number;
  readonly deleted: boolean;
}

/** The request's body as it was understood, for the audit event. */
export interface BodyNotes {
  object(object: JsonObject): void;
  /** `scan`: what reading it gives, where it was too long to be read at once. */
  patch(body: Uint8Array, scan?: () => ScannedJson): void;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** One of the (groups and) versions under which what is being admitted is served. */
export interface AdmissionVersion {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Of the object: `Scale` for a scale subresource. */
  readonly kind: GroupVersionKind;
  /** A copy of an object in the request's version, in this one. */
  from(object: JsonObject): Promise<JsonObject>;
  /** The way back; may take its argument apart. */
  back(object: JsonObject): Promise<JsonObject>;
  /** What a webhook or policy made of an object in this version: types checked, unknown fields dropped, defaults filled in. Throws StatusError. */
  settle(object: JsonObject): JsonObject;
  /** The same for what a mutating policy made, in the words that it is refused with. `strict`: unknown fields are refused too. */
  settlePolicy(object: JsonObject, strict: boolean): JsonObject;
  /** Of the object; undefined: nothing is known of it. */
  readonly structure: TypeOf | undefined;
}

/** Shared by all plugins that see one request's object while it may change: upstream's ReinvocationContext. */
export interface Reinvocation {
  /** The second round, in which all in-tree plugins run again. */
  readonly isReinvoke: boolean;
  /** Something outside has changed the object: another round is wanted. */
  request(): void;
  /** What a plugin remembers from the first round. */
  readonly memory: Map<string, unknown>;
}

export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly resource: ApiResource;
  readonly subresource: string;
  readonly namespace: string;
  /** May be '' on create with generateName. */
  readonly name: string;
  /** Mutating plugins change it in place. Undefined on delete. */
  readonly object: JsonObject | undefined;
  readonly oldObject: JsonObject | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** CreateOptions, UpdateOptions or DeleteOptions with kind and apiVersion; empty on CONNECT. */
  readonly options: JsonObject;
  readonly notes: RequestNotes;
  /** Of `object` and `oldObject`: not the resource's kind for pods/eviction, deployments/scale, pods/exec, … Absent: the resource's. */
  readonly objectKind?: GroupVersionKind;
  /** The request's own version first, then the others. Absent: only this one. */
  readonly versions?: () => readonly AdmissionVersion[];
  /** While the object may change. Set by the chain. */
  readonly reinvocation?: Reinvocation;
}

/** Throws StatusError to refuse. `admit` may change the object; `validate` sees the final one. */
export interface AdmissionPlugin {
  readonly name: string;
  readonly operations: readonly AdmissionAttributes['operation'][];
  /** The only ones that it looks at, whatever their group: `pods`, `pods/resize`. Absent: all. */
  readonly resources?: ReadonlySet<string>;
  /** Nothing to wait for if there is nothing to say. */
  admit?(attributes: AdmissionAttributes): Promise<void> | undefined;
  validate?(attributes: AdmissionAttributes): Promise<void> | undefined;
}

/** One resource request past authorization. */
export interface ResourceRequest {
  readonly http: HttpRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly resource: ApiResource;
  readonly notes: RequestNotes;
}

/**
 * A subresource that is not plain storage: pods/binding, pods/eviction, pods/log, pods/exec, serviceaccounts/token, …
 * Registered by (group, resource, subresource); `status`, `scale` and `finalize` need none.
 */
export interface SubresourceHandler {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  handle(request: ResourceRequest): Promise<HttpResponse>;
}

/**
 * Synchronous reads from the watch caches, for authorizers and admission. May lag the store by a watch round trip.
 * `undefined`/empty until `whenReady`.
 */
export interface CacheReader {
  get(group: string, resource: string, namespace: string, name: string): JsonObject | undefined;
  list(group: string, resource: string, namespace?: string): readonly JsonObject[];
  /** Told after each change to that resource, and with `known` first of what is there already, as ADDED; returns the unsubscriber. */
  onChange(group: string, resource: string, listener: (change: CacheChange) => void, options?: { readonly known?: boolean }): () => void;
  whenReady(): Promise<void>;
  /** All that was asked for so far is filled: `whenReady` would not wait. Absent: not known. */
  readonly isReady?: boolean;
}

export interface CacheChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly namespace: string;
  readonly name: string;
  /** Parsed when it is asked for. */
  readonly object: JsonObject;
  /** Found without parsing the rest. */
  readonly nodeName: string;
}

/**
 * A POST that is answered by doing something rather than by storing the body: the reviews (subresource ''), pods/binding,
 * pods/eviction, serviceaccounts/token. The registry decodes (JSON, YAML, protobuf), runs admission, and encodes the answer.
 */
export interface CreateHandler {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  create(request: ResourceRequest, body: JsonObject, options: { readonly dryRun: boolean }): Promise<{ readonly status: number; readonly object: JsonObject }>;
}

export interface RegistryWrite {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  /** Changed in place on create and update. On delete: the last state. */
  readonly object: JsonObject;
  readonly oldObject: JsonObject | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
}

/** Called once, whether the write was stored or not, but never if that is unknown; must not reject. */
export type FinishWrite = (committed: boolean) => Promise<void>;

/**
 * Goes along with the writes of one resource: service addresses, escalation checks.
 * `begin` is called after the strategy's prepare functions and before validation, again for every attempt of a retried update
 * (each attempt is finished before the next begins). It may throw StatusError. On DELETE it is called when the object is about to
 * leave the store (not when only its deletionTimestamp is set).
 */
export interface WriteHook {
  readonly group: string;
  readonly resource: string;
  begin(write: RegistryWrite): Promise<FinishWrite>;
}

/** Read-modify-write of a stored object below admission and validation, for handlers that are themselves the validation. */
export interface ObjectMutator {
  /** Retried on conflict: `change` may run several times, and throws StatusError to give up. Rejects with NotFound. Answers the stored object. `term`: only while it lasts. `shallow`: `change` replaces what lies below metadata, spec and status rather than changing it. */
  mutate(group: string, resource: string, key: { readonly namespace: string; readonly name: string }, change: (object: JsonObject) => void, options?: { readonly dryRun?: boolean; readonly shared?: boolean; readonly shallow?: boolean; readonly notes?: RequestNotes; readonly term?: LeaseTerm | undefined }): Promise<JsonObject>;
}

/** Keys of the store that are no API objects (`/registry/ranges/…`, `/registry/masterleases/…`). Linearizable. */
export interface RawStore {
  get(key: string): Promise<{ readonly value: Uint8Array; readonly modRevision: number } | undefined>;
  list(prefix: string): Promise<readonly { readonly key: string; readonly value: Uint8Array; readonly modRevision: number }[]>;
  /** `modRevision` 0: must not exist yet. False: somebody else was faster. With `ttlSeconds` the key has a lease of its own. */
  compareAndPut(key: string, value: Uint8Array, modRevision: number, options?: { readonly ttlSeconds?: number }): Promise<boolean>;
  compareAndDelete(key: string, modRevision: number): Promise<boolean>;
}

/** A path that is no resource: `/.well-known/openid-configuration`, `/openid/v1/jwks`. Authorized as such before. */
export interface PathHandler {
  readonly path: string;
  handle(request: HttpRequest, user: UserInfo): Promise<HttpResponse>;
}

export interface PostStartHook {
  /** As it is shown in /readyz: `poststarthook/NAME`. */
  readonly name: string;
  /** Resolves when its first pass is done (retries by itself); what goes on in the background ends when `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** What `assembleParts` hands to the server. */
export interface ApiServerParts {
  /** Answers the user, with system:authenticated or system:unauthenticated in its groups; throws StatusError 401. */
  authenticate(request: HttpRequest): Promise<UserInfo>;
  /** Applies Impersonate-* headers after authorising them; the same user if there are none. Throws StatusError. */
  impersonate(request: HttpRequest, user: UserInfo): Promise<UserInfo>;
  /** Throws StatusError 403 with upstream's text. */
  authorize(info: RequestInfo, user: UserInfo, notes?: RequestNotes): Promise<void>;
  readonly authorizer: Authorizer;
  /** Uses files again that change, until `signal` aborts. */
  readonly follow?: (signal: AbortSignal) => void;
  readonly admission: {
    admit(attributes: AdmissionAttributes): Promise<void>;
    validate(attributes: AdmissionAttributes): Promise<void>;
  };
  readonly createHandlers: readonly CreateHandler[];
  readonly subresources: readonly SubresourceHandler[];
  readonly writeHooks: readonly WriteHook[];
  readonly pathHandlers: readonly PathHandler[];
  readonly postStartHooks: readonly PostStartHook[];
}
