import type { RequestInfo } from '../types.ts';

export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type AuditStage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';

const order: Readonly<Record<AuditLevel, number>> = { None: 0, Metadata: 1, Request: 2, RequestResponse: 3 };

export function atLeast(level: AuditLevel, wanted: AuditLevel): boolean {
  return order[level] >= order[wanted];
}

export interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

/** Empty lists restrict nothing. */
export interface AuditRule {
  readonly level: AuditLevel;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceUrls: readonly string[];
  /** The policy's own included. */
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
}

/** Who asks for what, as far as rules look at it; without a user where none is known. */
export type AuditAttributes = Pick<RequestInfo, 'verb' | 'isResourceRequest' | 'path' | 'group' | 'resource' | 'subresource' | 'namespace' | 'name'> & { readonly user: { readonly name: string; readonly groups: readonly string[] } | undefined };

function pathMatches(path: string, spec: string): boolean {
  return spec === '*' || spec === path || (spec.endsWith('*') && path.startsWith(spec.replace(/\*+$/, '')));
}

function resourceMatches(spec: string, { resource, subresource }: AuditAttributes): boolean {
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return spec === '*' || spec === combined || (subresource !== '' && spec === `*/${subresource}`) || (spec.endsWith('/*') && spec.slice(0, -2) === resource);
}

function anyResourceMatches(rule: AuditRule, asked: AuditAttributes): boolean {
  return rule.resources.some((one) => one.group === asked.group && (one.resources.length === 0
    || ((one.resourceNames.length === 0 || one.resourceNames.includes(asked.name)) && one.resources.some((spec) => resourceMatches(spec, asked)))));
}

function matches(rule: AuditRule, asked: AuditAttributes): boolean {
  if (rule.users.length > 0 && (asked.user === undefined || !rule.users.includes(asked.user.name))) return false;
  if (rule.userGroups.length > 0 && asked.user?.groups.some((group) => rule.userGroups.includes(group)) !== true) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(asked.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) {
    if (!asked.isResourceRequest || (rule.namespaces.length > 0 && !rule.namespaces.includes(asked.namespace))) return false;
    return rule.resources.length === 0 || anyResourceMatches(rule, asked);
  }
  return rule.nonResourceUrls.length === 0 || (!asked.isResourceRequest && rule.nonResourceUrls.some((spec) => pathMatches(asked.path, spec)));
}

/** The first rule that matches; undefined: nothing is recorded. */
export function ruleFor(policy: AuditPolicy, asked: AuditAttributes): AuditRule | undefined {
  return policy.rules.find((rule) => matches(rule, asked));
}
