import { readConfigFile, type Fields } from '../config-file/fields.ts';
import type { AuditLevel, AuditPolicy, AuditRule, AuditStage, GroupResources } from './policy.ts';

const levels: Readonly<Record<AuditLevel, true>> = { None: true, Metadata: true, Request: true, RequestResponse: true };
const stages: Readonly<Record<AuditStage, true>> = { RequestReceived: true, ResponseStarted: true, ResponseComplete: true, Panic: true };

function isStage(name: string): name is AuditStage {
  return Object.hasOwn(stages, name);
}

function isLevel(name: string): name is AuditLevel {
  return Object.hasOwn(levels, name);
}

function stagesOf(fields: Fields): readonly AuditStage[] {
  return fields.texts('omitStages').map((name, index) => {
    if (!isStage(name)) throw fields.wrong(`omitStages[${index}]`, `Invalid value: ${JSON.stringify(name)}: allowed stages are ${Object.keys(stages).join(',')}`);
    return name;
  });
}

function levelOf(fields: Fields): AuditLevel {
  const level = fields.required('level');
  if (isLevel(level)) return level;
  throw fields.wrong('level', `Unsupported value: ${JSON.stringify(level)}: supported values: ${Object.keys(levels).map((one) => JSON.stringify(one)).join(', ')}`);
}

function resourcesOf(fields: Fields): GroupResources {
  const group = fields.text('group');
  const resources = fields.texts('resources');
  const resourceNames = fields.texts('resourceNames');
  if (group !== '' && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(group)) throw fields.wrong('group', `Invalid value: ${JSON.stringify(group)}: must be the name of an API group, without a version`);
  if (resourceNames.length > 0 && resources.length === 0) throw fields.wrong('resourceNames', 'using resourceNames requires at least one resource');
  fields.done();
  return { group, resources, resourceNames };
}

function urlsOf(fields: Fields): readonly string[] {
  const urls = fields.texts('nonResourceURLs');
  urls.forEach((url, index) => {
    const at = `nonResourceURLs[${index}]`;
    if (url === '*') return;
    if (!url.startsWith('/')) throw fields.wrong(at, `Invalid value: ${JSON.stringify(url)}: non-resource URL rules must begin with a '/' character`);
    if (url.slice(0, -1).includes('*')) throw fields.wrong(at, `Invalid value: ${JSON.stringify(url)}: non-resource URL wildcards '*' must be the final character of the rule`);
  });
  return urls;
}

function ruleOf(fields: Fields, policy: { readonly omitStages: readonly AuditStage[]; readonly omitManagedFields: boolean }): AuditRule {
  const rule: AuditRule = {
    level: levelOf(fields), users: fields.texts('users'), userGroups: fields.texts('userGroups'), verbs: fields.texts('verbs'),
    resources: fields.children('resources').map(resourcesOf), namespaces: fields.texts('namespaces'), nonResourceUrls: urlsOf(fields),
    omitStages: new Set([...policy.omitStages, ...stagesOf(fields)]), omitManagedFields: fields.bool('omitManagedFields') ?? policy.omitManagedFields,
  };
  if (rule.nonResourceUrls.length > 0 && (rule.resources.length > 0 || rule.namespaces.length > 0)) {
    throw fields.wrong('nonResourceURLs', 'rules cannot apply to both regular resources and non-resource URLs');
  }
  fields.done();
  return rule;
}

/** --audit-policy-file. Throws UsageError. */
export function parseAuditPolicy(file: string, text: string): AuditPolicy {
  const fields = readConfigFile(file, text, { kind: 'Policy', apiVersions: ['audit.k8s.io/v1'] });
  fields.raw('metadata');
  const whole = { omitStages: stagesOf(fields), omitManagedFields: fields.bool('omitManagedFields') ?? false };
  const rules = fields.children('rules').map((rule) => ruleOf(rule, whole));
  if (rules.length === 0) throw fields.wrong('rules', 'loaded illegal policy with 0 rules');
  fields.done();
  return { rules };
}
