import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import type { AuthorizationAttributes } from '../types.ts';

type Request = Pick<AuthorizationAttributes, 'verb' | 'isResourceRequest' | 'path' | 'group' | 'resource' | 'subresource' | 'name'>;

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(value));
}

function resourceMatches(rule: PolicyRule, resource: string, subresource: string): boolean {
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  return (rule.resources ?? []).some((one) => one === '*' || one === full || (subresource !== '' && one === `*/${subresource}`));
}

function nameMatches(rule: PolicyRule, name: string): boolean {
  return rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(name);
}

/** A `*` counts at the end only. */
export function pathMatches(patterns: readonly string[] | undefined, path: string): boolean {
  return (patterns ?? []).some((pattern) => pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, ''))));
}

export function ruleAllows(rule: PolicyRule, request: Request): boolean {
  if (!has(rule.verbs, request.verb)) return false;
  if (!request.isResourceRequest) return pathMatches(rule.nonResourceURLs, request.path);
  return has(rule.apiGroups, request.group) && resourceMatches(rule, request.resource, request.subresource) && nameMatches(rule, request.name);
}

/** One rule for each (group, resource, name, verb) or (url, verb), so that covering is a question of single ones. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const verb of rule.verbs ?? []) {
    for (const url of rule.nonResourceURLs ?? []) out.push({ verbs: [verb], nonResourceURLs: [url] });
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const names = rule.resourceNames ?? [];
        if (names.length === 0) out.push({ verbs: [verb], apiGroups: [group], resources: [resource] });
        for (const name of names) out.push({ verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: [name] });
      }
    }
  }
  return out;
}

function covers(owner: PolicyRule, single: PolicyRule): boolean {
  const verb = single.verbs?.[0] ?? '';
  if (!has(owner.verbs, verb)) return false;
  const url = single.nonResourceURLs?.[0];
  if (url !== undefined) return pathMatches(owner.nonResourceURLs, url);
  if (!has(owner.apiGroups, single.apiGroups?.[0] ?? '')) return false;
  const [resource = '', subresource = ''] = (single.resources?.[0] ?? '').split('/', 2);
  if (!resourceMatches(owner, resource, subresource)) return false;
  const name = single.resourceNames?.[0];
  const limited = (owner.resourceNames ?? []).length > 0;
  return !limited || (name !== undefined && (owner.resourceNames ?? []).includes(name));
}

/** The single rules of `wanted` that `owned` does not cover; empty if all are. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((single) => !owned.some((owner) => covers(owner, single)));
}

export function quoted(list: readonly string[]): string {
  return `[${list.map((one) => JSON.stringify(one)).join(' ')}]`;
}

/** As upstream prints a rule in a refusal; verbs of equal rules are gathered. */
export function describeRules(rules: readonly PolicyRule[]): string[] {
  const gathered = new Map<string, string[]>();
  for (const rule of rules) {
    const parts = [
      ...(rule.nonResourceURLs === undefined ? [] : [`NonResourceURLs:${quoted(rule.nonResourceURLs)}`]),
      ...(rule.apiGroups === undefined ? [] : [`APIGroups:${quoted(rule.apiGroups)}`]),
      ...(rule.resources === undefined ? [] : [`Resources:${quoted(rule.resources)}`]),
      ...(rule.resourceNames === undefined ? [] : [`ResourceNames:${quoted(rule.resourceNames)}`]),
    ].join(', ');
    gathered.set(parts, [...(gathered.get(parts) ?? []), ...(rule.verbs ?? [])]);
  }
  return [...gathered].map(([what, verbs]) => `{${what}, Verbs:${quoted(verbs)}}`).toSorted();
}
