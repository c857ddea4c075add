import { labelMatcher, type ApiResource, type JsonObject } from '@coxswain/api';
import type { ParamRef } from 'kubernetes-types/admissionregistration/v1';
import { readyList } from '../../ready-list.ts';
import { typed } from '../../typed.ts';
import type { CacheReader } from '../../types.ts';

/** The policy or its binding cannot be used as they are. */
export class ConfigurationError extends Error {}

export interface ParamTools {
  readonly cache: CacheReader;
  readonly resourcesNow: () => readonly ApiResource[];
}

export interface ParamKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** The resource that the kind of parameters is served as. Throws ConfigurationError. */
export function paramResource(paramKind: ParamKind, resourcesNow: ParamTools['resourcesNow']): ApiResource {
  const slash = paramKind.apiVersion.indexOf('/');
  const group = slash < 0 ? '' : paramKind.apiVersion.slice(0, slash);
  const version = paramKind.apiVersion.slice(slash + 1);
  const found = resourcesNow().find((resource) => resource.group === group && resource.version === version && resource.kind === paramKind.kind);
  if (found === undefined) throw new ConfigurationError(`failed to find resource referenced by paramKind: '${group}/${version}, Kind=${paramKind.kind}'`);
  return found;
}

async function candidates(tools: ParamTools, resource: ApiResource, namespace: string | undefined): Promise<readonly JsonObject[]> {
  return readyList(tools.cache, resource.group, resource.resource, namespace);
}

function chosen(all: readonly JsonObject[], ref: ParamRef): readonly JsonObject[] {
  const metadata = (object: JsonObject): { readonly name?: string; readonly labels?: Readonly<Record<string, string>> } => typed(object).metadata ?? {};
  if (ref.name !== undefined && ref.name !== '') return all.filter((object) => metadata(object).name === ref.name);
  if (ref.selector === undefined) throw new ConfigurationError('one of name or selector must be provided');
  const matcher = labelMatcher(ref.selector);
  return all.filter((object) => matcher.matches(metadata(object).labels ?? {}));
}

/** With which parameters a binding is evaluated; one `undefined`: without any. Throws ConfigurationError. */
export async function collectParams(tools: ParamTools, paramKind: ParamKind | undefined, ref: ParamRef | undefined, requestNamespace: string): Promise<readonly (JsonObject | undefined)[]> {
  if (paramKind === undefined || ref === undefined) return [undefined];
  const resource = paramResource(paramKind, tools.resourcesNow);
  const wanted = ref.namespace ?? '';
  const namespace = wanted === '' ? requestNamespace : wanted;
  if (!resource.namespaced && wanted !== '') throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  if (resource.namespaced && namespace === '') throw new ConfigurationError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  const params = chosen(await candidates(tools, resource, resource.namespaced ? namespace : undefined), ref);
  if (params.length === 0 && ref.parameterNotFoundAction === 'Deny') throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction');
  return params.map((param) => ({ apiVersion: paramKind.apiVersion, kind: paramKind.kind, ...param }));
}
