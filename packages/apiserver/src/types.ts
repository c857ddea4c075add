/**
 * The seams between the API server's stages, in the order a request meets them:
 * transport → authn → flow control → authz → admission → registry → storage.
 */
import type { ApiResource, JsonObject } from '@coxswain/api';
import type { HttpRequest, HttpResponse } from '@coxswain/host';

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
}

export interface AuthorizationDecision {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  readonly reason: string;
}

export interface Authorizer {
  readonly name: string;
  authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision>;
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
  readonly options: JsonObject;
  /** Adds a Warning header. */
  warn(text: string): void;
}

/** Throws StatusError to refuse. `admit` may change the object; `validate` sees the final one. */
export interface AdmissionPlugin {
  readonly name: string;
  readonly operations: readonly AdmissionAttributes['operation'][];
  admit?(attributes: AdmissionAttributes): Promise<void>;
  validate?(attributes: AdmissionAttributes): Promise<void>;
}

/** One resource request past authorization. */
export interface ResourceRequest {
  readonly http: HttpRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly resource: ApiResource;
  warn(text: string): void;
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
  /** Told after each change to that resource; returns the unsubscriber. */
  onChange(group: string, resource: string, listener: (event: { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: JsonObject }) => void): () => void;
  whenReady(): Promise<void>;
}
