import { notFound } from '@coxswain/api';
import { resources } from '@coxswain/client';
import type { NamedRuleWithOperations } from 'kubernetes-types/admissionregistration/v1';
import type { Namespace } from 'kubernetes-types/core/v1';
import type { Lookup } from '../../live-lookup.ts';
import { typedOrNone } from '../../typed.ts';
import type { AdmissionAttributes, AdmissionVersion } from '../../types.ts';
import { isResource } from '../attributes.ts';
import { versionsOf } from '../webhook/invocation.ts';
import { ruleMatches } from '../webhook/rules.ts';
import type { CompiledMatch } from './compile.ts';

type Labels = Readonly<Record<string, string>>;

const labelsOf = (object: AdmissionAttributes['object']): Labels => typedOrNone(object)?.metadata?.labels ?? {};

export async function requiredNamespace(lookup: Lookup, name: string): Promise<Namespace> {
  const namespace = await lookup<Namespace>(resources.namespaces, '', name);
  if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, name);
  return namespace;
}

async function namespaceLabels(a: AdmissionAttributes, lookup: Lookup): Promise<Labels> {
  if (isResource(a, '', 'namespaces') && (a.operation === 'CREATE' || a.operation === 'UPDATE')) return labelsOf(a.object);
  return (await requiredNamespace(lookup, a.namespace)).metadata?.labels ?? {};
}

function named(rules: readonly NamedRuleWithOperations[], version: Pick<AdmissionVersion, 'group' | 'version' | 'resource'>, a: AdmissionAttributes): boolean {
  return rules.some((rule) => ruleMatches(rule, version, a) && ((rule.resourceNames ?? []).length === 0 || rule.resourceNames?.includes(a.name) === true));
}

/** The version under which one of the rules names what is asked for. */
function versionMatching(rules: readonly NamedRuleWithOperations[], equivalent: boolean, a: AdmissionAttributes): AdmissionVersion | undefined {
  const versions = versionsOf(a);
  if (named(rules, a.resource, a)) return versions[0];
  return equivalent ? versions.slice(1).find((version) => named(rules, version, a)) : undefined;
}

/**
 * The version in which a policy or binding wants to see the request; undefined: it is not concerned. Throws what keeps the namespace
 * from being known, but only if everything else matches.
 */
export async function matchedVersion(match: CompiledMatch, a: AdmissionAttributes, lookup: Lookup): Promise<AdmissionVersion | undefined> {
  const { objectSelector, namespaceSelector } = match;
  if (objectSelector !== undefined && ![a.object, a.oldObject].some((object) => object !== undefined && objectSelector.matches(labelsOf(object)))) return undefined;
  if (versionMatching(match.excludeRules, match.equivalent, a) !== undefined) return undefined;
  const version = match.rules.length === 0 ? versionsOf(a)[0] : versionMatching(match.rules, match.equivalent, a);
  if (version === undefined) return undefined;
  const isClusterScoped = a.namespace === '' && !isResource(a, '', 'namespaces');
  if (namespaceSelector === undefined || isClusterScoped) return version;
  return namespaceSelector.matches(await namespaceLabels(a, lookup)) ? version : undefined;
}
