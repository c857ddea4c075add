import { forbidden, internalError, notFound, type LabelMatcher } from '@coxswain/api';
import { resources } from '@coxswain/client';
import type { Namespace } from 'kubernetes-types/core/v1';
import type { Lookup } from '../../live-lookup.ts';
import { typedOrNone } from '../../typed.ts';
import type { AdmissionAttributes, AdmissionVersion, Authorizer } from '../../types.ts';
import { groupResource, isResource } from '../attributes.ts';
import type { Hook } from './hooks.ts';
import { ruleMatches } from './rules.ts';

/** A webhook that is to be called, and the version it wants objects in. */
export interface Invocation {
  readonly hook: Hook;
  readonly version: AdmissionVersion;
}

export interface MatchTools {
  readonly lookup: Lookup;
  readonly authorizer: Authorizer;
}

const configurationKinds: ReadonlySet<string> = new Set([
  'ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding',
]);

/** What would lock itself in: nobody but the server says whether webhooks and policies may be changed. */
export function isExempt(a: AdmissionAttributes): boolean {
  return a.resource.group === 'admissionregistration.k8s.io' && configurationKinds.has(a.objectKind?.kind ?? a.resource.kind);
}

export function versionsOf(a: AdmissionAttributes): readonly AdmissionVersion[] {
  if (a.versions !== undefined) return a.versions();
  const { group, version, resource } = a.resource;
  return [{
    group, version, resource, kind: a.objectKind ?? a.resource, from: (object) => Promise.resolve(structuredClone(object)), back: (object) => Promise.resolve(object), settle: (object) => object,
    settlePolicy: (object) => object, structure: undefined,
  }];
}

function labelsOf(object: AdmissionAttributes['object']): Readonly<Record<string, string>> {
  return typedOrNone(object)?.metadata?.labels ?? {};
}

async function namespaceLabels(a: AdmissionAttributes, lookup: Lookup): Promise<Readonly<Record<string, string>>> {
  if (isResource(a, '', 'namespaces') && (a.operation === 'CREATE' || a.operation === 'UPDATE')) return labelsOf(a.object);
  const namespace = await lookup<Namespace>(resources.namespaces, '', a.namespace);
  if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, a.namespace);
  return namespace.metadata?.labels ?? {};
}

/** The error of a namespace that is not there counts only if everything else matches. */
async function namespaceMatches(selector: LabelMatcher | undefined, a: AdmissionAttributes, lookup: Lookup): Promise<{ readonly matches: boolean; readonly error?: Error }> {
  if (selector === undefined || (a.namespace === '' && a.resource.resource !== 'namespaces')) return { matches: true };
  try {
    return { matches: selector.matches(await namespaceLabels(a, lookup)) };
  } catch (error) {
    return { matches: true, error: error instanceof Error ? error : internalError('the namespace cannot be read') };
  }
}

function objectMatches(selector: LabelMatcher | undefined, a: AdmissionAttributes): boolean {
  if (selector === undefined) return true;
  return [a.object, a.oldObject].some((object) => object !== undefined && selector.matches(labelsOf(object)));
}

function matchingVersion(hook: Hook, a: AdmissionAttributes): AdmissionVersion | undefined {
  const rules = hook.webhook.rules ?? [];
  if (rules.some((rule) => ruleMatches(rule, a.resource, a))) return versionsOf(a)[0];
  if (hook.webhook.matchPolicy !== 'Equivalent') return undefined;
  const others = versionsOf(a).slice(1);
  for (const rule of rules) {
    const found = others.find((version) => ruleMatches(rule, version, a));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether this webhook is to be called. Throws StatusError where that cannot be said. */
export async function invocationOf(hook: Hook, a: AdmissionAttributes, tools: MatchTools): Promise<Invocation | undefined> {
  const version = matchingVersion(hook, a);
  if (version === undefined || !objectMatches(hook.objectSelector, a)) return undefined;
  const namespace = await namespaceMatches(hook.namespaceSelector, a, tools.lookup);
  if (!namespace.matches) return undefined;
  if (namespace.error !== undefined) throw namespace.error;
  if (hook.conditions === undefined) return { hook, version };
  const result = await hook.conditions.match(a, version, tools.authorizer);
  if (result.kind === 'error') throw forbidden(groupResource(a), a.name, result.message);
  return result.kind === 'match' ? { hook, version } : undefined;
}
