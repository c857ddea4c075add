import type { RuleWithOperations } from 'kubernetes-types/admissionregistration/v1';
import type { AdmissionAttributes } from '../../types.ts';

/** The published types leave these two out. */
type Rule = RuleWithOperations & { readonly scope?: string; readonly resources?: readonly string[] };

interface Asked {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

function includes(items: readonly string[] | undefined, wanted: string): boolean {
  return items?.some((item) => item === '*' || item === wanted) === true;
}

/** The namespace of a namespace is its own name; it is cluster-scoped all the same. */
function inScope(scope: string | undefined, asked: Asked, namespace: string): boolean {
  if (scope === undefined || scope === '*') return true;
  const isNamespace = asked.group === '' && asked.version === 'v1' && asked.resource === 'namespaces';
  const namespaced = !isNamespace && namespace !== '';
  return scope === 'Namespaced' ? namespaced : scope === 'Cluster' && !namespaced;
}

function resourceMatches(pattern: string, asked: Asked, subresource: string): boolean {
  const slash = pattern.indexOf('/');
  const resource = slash === -1 ? pattern : pattern.slice(0, slash);
  const sub = slash === -1 ? '' : pattern.slice(slash + 1);
  return (resource === '*' || resource === asked.resource) && (sub === '*' || sub === subresource);
}

/** `asked`: the request's resource, or an equivalent one. */
export function ruleMatches(rule: Rule, asked: Asked, a: AdmissionAttributes): boolean {
  return inScope(rule.scope, asked, a.namespace) && includes(rule.operations, a.operation) && includes(rule.apiGroups, asked.group) && includes(rule.apiVersions, asked.version)
    && rule.resources?.some((pattern) => resourceMatches(pattern, asked, a.subresource)) === true;
}
